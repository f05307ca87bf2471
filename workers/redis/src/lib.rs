//! Where Redis is, and connecting to it: standalone, over TLS, behind Sentinels. Permits and the queue use it, each with
//! keys of its own.
//!
//! ```text
//! link       a URL read, and a connection made to the server it names or to the one that the Sentinels name
//! examine    whether that server can do what is needed, proved on it
//! error      what can go wrong on the way
//! ```

mod error;
mod examine;
mod link;

pub use error::LinkError;
pub use examine::{Finding, Weight, full};
pub use link::{Link, OnPush};
