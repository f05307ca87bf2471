//! Words for whoever started the service.

pub use crate::desk::notice::say;
