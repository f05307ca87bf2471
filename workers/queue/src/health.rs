//! Whether the queue's server can be reached: said once when it is lost and once when it is back.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use earmark_core::{Failure, Problem};
use earmark_redis::LinkError;

use crate::backoff::Backoff;

/// Waits between two tries to reach the server.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(2) };

/// How a process stands with the queue's server; everything in the process that speaks to it shares one.
#[derive(Debug, Default)]
pub struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    problem: Option<Problem>,
    failures: u32,
}

impl Health {
    /// Why the server cannot be used; none while it can.
    pub fn problem(&self) -> Option<Problem> {
        self.lock().problem.clone()
    }

    /// Notes that the server did not answer; gives how long to let it rest.
    pub(crate) fn lost(&self, error: &LinkError) -> Duration {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        let problem = error.problem();
        if state.problem.is_none() {
            tracing::warn!(code = %problem.code, "the queue is out of reach, jobs wait in the journal: {}", problem.message);
        }
        state.problem = Some(problem);
        BACKOFF.after(state.failures)
    }

    /// Notes that the server answered.
    pub(crate) fn answered(&self) {
        let mut state = self.lock();
        state.failures = 0;
        if state.problem.take().is_some() {
            tracing::info!("the queue is back");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
