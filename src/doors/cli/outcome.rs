//! How a command ended.

use crate::desk::service::Stopped;

/// How a command ended, if it could be carried out at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All done.
    Done,
    /// Some recording failed, or something is not as it should be.
    SomeFailed,
    /// Something runs here that cannot be stopped: the process is to be replaced by a new one.
    Replace,
}

impl From<Stopped> for Outcome {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::InOrder => Self::Done,
            Stopped::AtOnce => Self::SomeFailed,
            Stopped::Hung => Self::Replace,
        }
    }
}
