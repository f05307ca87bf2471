//! What went wrong, in the words of the person who has to act, and what becomes of the job.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// Whose fault an error is: who has to act before trying again can help.
    pub enum Fault: "fault" {
        /// The recording's: its bytes are damaged, empty, too long or no sound.
        Recording = "recording",
        /// That of whoever offered it: an address that leads nowhere, a rule set that there is not.
        Caller = "caller",
        /// A place's: a store, a server, a disk, a network. Nobody's here, and it costs no job a try.
        Place = "place",
        /// Ours: a defect, or work that was called off here.
        Ours = "ours",
    }
}

/// What becomes of a job after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Try again after the usual back-off; costs an attempt.
    Retry,
    /// Try again after this long; costs no attempt.
    RetryAfter(Duration),
    /// Trying again cannot help: a dead letter.
    Fail,
    /// Hand the lease back at once; costs no attempt (shutdown, lost lease).
    Release,
}

/// How long a job waits for what a person has to see to: a full disk, a setting, a key.
pub const WAIT_FOR_PERSON: Duration = Duration::from_secs(60);

/// An error that knows the job's fate and the words for a person.
pub trait Failure: std::error::Error {
    /// A stable word for programs, `part.what`: `decode.unknown_format`.
    fn code(&self) -> &'static str;

    /// What the reader can do about it; no sentence where there is nothing to do.
    fn hint(&self) -> Option<String>;

    /// What becomes of the job.
    fn disposition(&self) -> Disposition;

    /// Whose fault it is.
    fn fault(&self) -> Fault;

    /// The error as it is stored and shown: message with all its causes.
    fn problem(&self) -> Problem {
        let mut message = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some libraries repeat their cause in their own text.
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = cause.source();
        }
        Problem { code: self.code().into(), message, hint: self.hint() }
    }
}

/// An error as it is stored with a job and shown in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// A stable word for programs, `part.what`.
    pub code: String,
    /// What failed, with value and limit.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}
