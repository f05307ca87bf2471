//! Whether the queue's server can be reached and does what it should: said once when it does not, and once when it does
//! again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use earmark_core::{Failure, Problem};
use earmark_redis::LinkError;
use tokio::time::Instant;

use crate::backoff::Backoff;

/// Waits between two tries to reach the server.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(2) };
/// A server that was full is taken to be so for this long: one that is just at its limit would be said to be full and not
/// full in turn.
const CALM: Duration = Duration::from_secs(5);

/// What a process does with the server; each part fails and works by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Whose the queue is.
    Claim,
    /// Producers' entries.
    Intake,
    /// Filling the streams.
    Dispatch,
    /// Taking from them.
    Take,
    /// Waiting at them.
    Wait,
    /// Removing what is done with.
    Remove,
    /// Telling producers.
    Outcomes,
}

/// How a process stands with the queue's server; everything in the process that speaks to it shares one.
#[derive(Debug, Default)]
pub struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Why it does not answer.
    lost: Option<Problem>,
    /// What it refuses.
    refused: BTreeMap<Part, Problem>,
    /// That it is full, and when that was seen last.
    full: Option<(Problem, Instant)>,
    failures: BTreeMap<Part, u32>,
}

impl State {
    fn problems(&self) -> impl Iterator<Item = &Problem> {
        let full = self.full.as_ref().map(|(problem, _)| problem);
        self.lost.iter().chain(self.refused.values()).chain(full)
    }

    fn knows(&self, problem: &Problem) -> bool {
        self.problems().any(|known| known.code == problem.code && known.message == problem.message)
    }

    /// Says that all is well, if it was not before `change`.
    fn ease(&mut self, change: impl FnOnce(&mut Self)) {
        let was_well = self.problems().next().is_none();
        change(self);
        if !was_well && self.problems().next().is_none() {
            tracing::info!("the queue is back");
        }
    }
}

impl Health {
    /// Why the server cannot be used as it should; none while it can.
    pub fn problem(&self) -> Option<Problem> {
        self.lock().problems().next().cloned()
    }

    /// Notes that `part` failed with `error`, or with `known`, which says more of it; gives how long to let it rest.
    pub(crate) fn failed(&self, part: Part, error: &LinkError, known: Option<Problem>) -> Duration {
        let mut state = self.lock();
        let problem = known.unwrap_or_else(|| error.problem());
        let is_known = state.knows(&problem);
        let hint = problem.hint.clone().unwrap_or_default();
        match error.refusal() {
            _ if error.is_away() => {
                if state.lost.is_none() {
                    tracing::warn!(code = %problem.code, hint, "the queue is out of reach, jobs wait in the journal: {}", problem.message);
                }
                state.lost = Some(problem);
            }
            Some("OOM") => {
                note_full(&mut state, problem);
            }
            _ => {
                if !is_known {
                    tracing::warn!(code = %problem.code, hint, "the queue cannot be used as it should: {}", problem.message);
                }
                state.refused.insert(part, problem);
            }
        }
        let failures = state.failures.entry(part).or_default();
        *failures = failures.saturating_add(1);
        BACKOFF.after(*failures)
    }

    /// Notes what stands in the way of `part` though the server does what it is asked.
    pub(crate) fn hindered(&self, part: Part, problem: Problem) {
        let mut state = self.lock();
        if !state.knows(&problem) {
            tracing::error!(code = %problem.code, hint = problem.hint, "the queue is not used: {}", problem.message);
        }
        state.refused.insert(part, problem);
    }

    /// Notes that `part` works.
    pub(crate) fn works(&self, part: Part) {
        self.lock().ease(|state| {
            state.failures.remove(&part);
            state.refused.remove(&part);
        });
    }

    /// Notes that the server answered.
    pub(crate) fn answered(&self) {
        let mut state = self.lock();
        if state.lost.is_some() {
            // How often a part failed in a row it says itself, when it works.
            state.ease(|state| state.lost = None);
        }
    }

    /// Notes that the server is full, as `problem` says, or that it has room.
    pub(crate) fn fullness(&self, full: Option<Problem>) {
        let mut state = self.lock();
        match full {
            Some(problem) => note_full(&mut state, problem),
            None if state.full.as_ref().is_some_and(|(_, seen)| seen.elapsed() >= CALM) => {
                state.ease(|state| state.full = None);
            }
            None => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note_full(state: &mut State, problem: Problem) {
    if state.full.is_none() {
        tracing::warn!(code = %problem.code, hint = problem.hint, "the queue is full, producers are refused: {}", problem.message);
    }
    state.full = Some((problem, Instant::now()));
}

#[cfg(test)]
mod tests {
    use earmark_redis::Link;
    use redis::{ErrorKind, RedisError};

    use super::*;

    fn problem(code: &str) -> Problem {
        Problem { code: code.into(), message: code.into(), hint: None }
    }

    fn lost() -> LinkError {
        let link = Link::parse("redis://localhost").unwrap();
        link.error(RedisError::from((ErrorKind::Io, "gone")))
    }

    #[test]
    fn a_part_that_works_says_nothing_of_another_that_does_not() {
        let health = Health::default();
        health.hindered(Part::Intake, problem("redis.key_type"));
        health.answered();
        health.works(Part::Dispatch);
        assert_eq!(health.problem().unwrap().code, "redis.key_type");
        health.works(Part::Intake);
        assert_eq!(health.problem(), None);
    }

    #[test]
    fn waits_grow_for_the_part_that_fails_whatever_else_is_answered() {
        let health = Health::default();
        let waits: Vec<Duration> = (0..8)
            .map(|_| {
                health.answered();
                health.works(Part::Dispatch);
                health.failed(Part::Intake, &lost(), None)
            })
            .collect();
        assert!(waits[7] >= Duration::from_secs(1), "{waits:?}");
        assert_eq!(health.problem().unwrap().code, "redis.unreachable");
        health.answered();
        assert_eq!(health.problem(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_at_its_limit_is_full_until_it_has_had_room_for_a_while() {
        let health = Health::default();
        health.fullness(Some(problem("redis.full")));
        health.fullness(None);
        assert_eq!(health.problem().unwrap().code, "redis.full");
        tokio::time::advance(CALM).await;
        health.fullness(None);
        assert_eq!(health.problem(), None);
    }
}
