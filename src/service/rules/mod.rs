//! Rules while the service runs: whether it can start with them (`start`), and going over to others as they come (`watch`),
//! those at the configured path among them (`files`).

mod files;
mod start;
mod watch;

pub use start::{refuse_to_start, started};
pub use watch::watch;
