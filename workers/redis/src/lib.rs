//! Where Redis is, and connecting to it: standalone, over TLS, behind Sentinels. Permits and the queue use it, each with
//! keys of its own.

mod error;
mod link;

pub use error::LinkError;
pub use link::{Link, OnPush};
