//! How an engine's process ended.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

/// Signals that a process brings upon itself, with their names.
const OWN_SIGNALS: [(i32, &str); 8] = [
    (4, "illegal instruction"),
    (5, "trap"),
    (6, "aborted"),
    (7, "bus error"),
    (8, "floating point exception"),
    (11, "segmentation fault"),
    (24, "out of processor time"),
    (31, "bad system call"),
];

/// How an engine's process ended while it was asked something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Termination {
    /// By a signal of its own making: a fault in the library.
    #[error("it crashed: {name} (signal {signal})")]
    Crashed { signal: i32, name: &'static str },
    /// By a signal from outside: an operator, the kernel short of memory.
    #[error("it was killed from outside (signal {signal})")]
    Killed { signal: i32 },
    /// By itself, though it had something to do.
    #[error("it ended with exit code {code}")]
    Exited { code: i32 },
    /// It did not answer in time and was ended.
    #[error("it did not answer within {} s", limit.as_secs())]
    Hung { limit: Duration },
    /// It took too much memory and was ended.
    #[error("it took {} MB of memory, {} are allowed", used_bytes >> 20, limit_bytes >> 20)]
    OverMemory { used_bytes: u64, limit_bytes: u64 },
    /// It was ended because whoever started it ends.
    #[error("it was ended with earmark")]
    Shutdown,
    /// It said what nobody understands and was ended.
    #[error("it answered nonsense: {what}")]
    BadAnswer { what: String },
}

impl Termination {
    /// From what the system says of a process that ended by itself.
    pub(super) fn of(status: ExitStatus) -> Self {
        match status.signal() {
            None => Self::Exited { code: status.code().unwrap_or_default() },
            Some(signal) => match OWN_SIGNALS.iter().find(|(own, _)| *own == signal) {
                Some((_, name)) => Self::Crashed { signal, name },
                None => Self::Killed { signal },
            },
        }
    }

    /// Whether what it was asked may be the cause.
    pub(super) fn is_own_fault(&self) -> bool {
        match self {
            Self::Killed { .. } | Self::Shutdown => false,
            Self::Crashed { .. }
            | Self::Exited { .. }
            | Self::Hung { .. }
            | Self::OverMemory { .. }
            | Self::BadAnswer { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_from_outside_is_nobodys_fault() {
        for (status, is_own_fault, text) in [
            (8, true, "it crashed: floating point exception (signal 8)"),
            (11, true, "it crashed: segmentation fault (signal 11)"),
            (139, true, "it crashed: segmentation fault (signal 11)"),
            (9, false, "it was killed from outside (signal 9)"),
            (15, false, "it was killed from outside (signal 15)"),
            (0x0100, true, "it ended with exit code 1"),
        ] {
            let termination = Termination::of(ExitStatus::from_raw(status));
            assert_eq!((termination.is_own_fault(), termination.to_string().as_str()), (is_own_fault, text));
        }
    }
}
