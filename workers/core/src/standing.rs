//! Where a job stands: the states that are stored, and the words that people see.

use crate::words::words;

words! {
    /// Where a job stands, as it is stored. `Done`, `Dead` and `Cancelled` are final (a person may still retry the latter
    /// two). Every way from one to another is a [`Transition`](crate::Transition).
    pub enum JobState: "job state" {
        /// May be taken at `run_at_ms` or later: new, to be tried again, or handed back.
        Ready = "ready",
        /// A worker holds its lease until `lease_until_ms`.
        Leased = "leased",
        /// A result is written.
        Done = "done",
        /// Given up, with the cause.
        Dead = "dead",
        /// A person called it off.
        Cancelled = "cancelled",
    }
}

impl JobState {
    /// Nothing more happens by itself.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Done | Self::Dead | Self::Cancelled => true,
            Self::Ready | Self::Leased => false,
        }
    }
}

words! {
    /// Where a job stands in the words of people: [`JobState`] and the facts beside it.
    #[derive(PartialOrd, Ord)]
    pub enum Standing: "job state" {
        /// Due, but not in its lane's stream yet.
        Accepted = "accepted",
        /// To be taken at a later time: put off after a failure, or because of a limit.
        Waiting = "waiting",
        /// Nobody takes it while its lane or its tenant is paused.
        Paused = "paused",
        /// The next worker that is free takes it.
        Ready = "ready",
        /// A worker holds its lease.
        Leased = "leased",
        /// A result is written.
        Done = "done",
        /// Given up, with the cause.
        Dead = "dead",
        /// A person called it off.
        Cancelled = "cancelled",
    }
}

impl Standing {
    /// The stored state that is meant by the same word; none for a part of [`JobState::Ready`].
    pub fn state(self) -> Option<JobState> {
        match self {
            Self::Accepted | Self::Waiting | Self::Paused => None,
            Self::Ready => Some(JobState::Ready),
            Self::Leased => Some(JobState::Leased),
            Self::Done => Some(JobState::Done),
            Self::Dead => Some(JobState::Dead),
            Self::Cancelled => Some(JobState::Cancelled),
        }
    }
}

/// Where a job stands as far as its state alone tells.
impl From<JobState> for Standing {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Ready => Self::Ready,
            JobState::Leased => Self::Leased,
            JobState::Done => Self::Done,
            JobState::Dead => Self::Dead,
            JobState::Cancelled => Self::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_and_the_state_it_is_stored_as_are_the_same_word() {
        for standing in Standing::ALL {
            let state = standing.state().map(JobState::as_str);
            assert!(state.is_none_or(|state| state == standing.as_str()), "{standing}");
        }
    }
}
