//! The long-running halves of the program, as whoever starts them sees them.

use std::pin::Pin;

use super::Desk;
use crate::config::CommandError;

/// Which halves run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halves {
    /// Answer over HTTP.
    Serve,
    /// Work on queued jobs.
    Work,
    /// Both in one process.
    Both,
}

/// How they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// In order, after the first signal.
    InOrder,
    /// At the second signal, with jobs under way.
    AtOnce,
    /// Something runs here that cannot be stopped: the process is to be replaced by a new one.
    Hung,
}

/// Runs `halves` until they are told to stop.
pub type Run = for<'a> fn(&'a Desk, Halves) -> Pin<Box<dyn Future<Output = Result<Stopped, CommandError>> + 'a>>;
