//! A circuit breaker: after several failures in a row nothing is asked for a while, then one request tries for all.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// How long it stays open the first time; doubled each time the trial fails.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// The provider was seen to refuse five of six requests for half an hour: asking every ten minutes is enough.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// One per account and process.
#[derive(Debug)]
pub struct CircuitBreaker {
    state: Mutex<State>,
    trial: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    openings: u32,
    /// When it last opened; failures of requests that were sent before say nothing new.
    opened_at: Option<Instant>,
    succeeded_at: Option<Instant>,
    is_on_trial: bool,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self { state: Mutex::default(), trial: Semaphore::new(1) }
    }
}

impl CircuitBreaker {
    /// Waits for the trial's outcome where one is under way; whoever gets a permit is the trial.
    pub async fn pass(&self) -> Option<SemaphorePermit<'_>> {
        if !self.lock().is_on_trial {
            return None;
        }
        let trial = self.trial.acquire().await.ok();
        // The trial before this one may have gone well.
        if self.lock().is_on_trial { trial } else { None }
    }

    /// A request sent at any time was answered, with a text or with a refusal that concerns it alone.
    pub fn succeeded(&self) {
        let mut state = self.lock();
        *state = State { succeeded_at: Some(Instant::now()), opened_at: state.opened_at, ..State::default() };
    }

    /// A request sent at `sent` failed; says for how long nothing should be asked if that opens the circuit.
    pub fn failed(&self, sent: Instant) -> Option<Duration> {
        let mut state = self.lock();
        if state.opened_at.is_some_and(|opened_at| sent < opened_at) {
            return None;
        }
        state.failures += 1;
        if state.failures < FAILURES && !state.is_on_trial {
            return None;
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << state.openings.min(10)).min(LONGEST_PAUSE);
        state.failures = 0;
        state.openings += 1;
        state.opened_at = Some(Instant::now());
        state.is_on_trial = true;
        Some(pause)
    }

    /// Whether any request was answered since `instant`.
    pub fn has_succeeded_since(&self, instant: Instant) -> bool {
        self.lock().succeeded_at.is_some_and(|at| at >= instant)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement, so a panic elsewhere leaves it sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_one_trial_closes_it() {
        let circuit = CircuitBreaker::default();
        let sent = Instant::now();
        tokio::time::advance(Duration::from_millis(10)).await;
        for _ in 0..4 {
            assert_eq!(circuit.failed(sent), None);
        }
        circuit.succeeded();
        let sent = Instant::now();
        for _ in 0..4 {
            assert_eq!(circuit.failed(sent), None);
        }
        tokio::time::advance(Duration::from_millis(10)).await;
        assert_eq!(circuit.failed(sent), Some(FIRST_PAUSE));
        assert_eq!(circuit.failed(sent), None, "it was sent before the circuit opened");

        let trial = circuit.pass().await;
        assert!(trial.is_some());
        assert!(circuit.pass().now_or_never().is_none(), "the others wait for the trial");
        assert_eq!(circuit.failed(Instant::now()), Some(FIRST_PAUSE * 2));
        drop(trial);
        let trial = circuit.pass().await;
        circuit.succeeded();
        drop(trial);
        assert!(circuit.pass().await.is_none());
        assert!(circuit.has_succeeded_since(sent));
    }
}
