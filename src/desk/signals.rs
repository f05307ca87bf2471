//! Being told to stop.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

/// Signals that come within this time are one: the terminal's and the manager's, or one that reaches the process twice
/// because its group and its parent pass it on.
const AS_ONE: Duration = Duration::from_secs(1);

/// Returns at SIGTERM or SIGINT.
pub async fn stop_signal() {
    Signals::listen().next().await;
}

/// SIGTERM and SIGINT since [`Signals::listen`]; none where they cannot be heard, they end the process by themselves.
pub struct Signals {
    heard: Option<(Signal, Signal)>,
    /// When the last one came that counted.
    counted: Option<Instant>,
}

impl Signals {
    /// Hears them from now on.
    pub fn listen() -> Self {
        let heard = signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?))).ok();
        Self { heard, counted: None }
    }

    /// Returns at the next of them that is not one with the one before.
    pub async fn next(&mut self) {
        loop {
            let Some((terminate, interrupt)) = &mut self.heard else { return std::future::pending().await };
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            let now = Instant::now();
            if is_another(self.counted, now) {
                self.counted = Some(now);
                return;
            }
        }
    }
}

/// Whether a signal that comes `now` is another than the one that `counted` last.
fn is_another(counted: Option<Instant>, now: Instant) -> bool {
    counted.is_none_or(|counted| now.saturating_duration_since(counted) >= AS_ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_within_a_second_are_one_and_a_later_one_is_another() {
        let first = Instant::now();
        assert!(is_another(None, first));
        for (after_ms, expected) in [(0, false), (5, false), (999, false), (1000, true), (60_000, true)] {
            assert_eq!(is_another(Some(first), first + Duration::from_millis(after_ms)), expected, "{after_ms} ms");
        }
    }
}
