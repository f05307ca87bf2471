//! An S3 server of the test's own, and what the test lets go wrong with it.

mod body;
mod faults;
mod server;
mod tagged;

pub use faults::{Faults, Rates};
pub use server::{Asked, S3Server};
