//! How long to wait before the next try.

use std::time::Duration;

/// Doubling waits with jitter.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// Wait before the second try.
    pub first: Duration,
    /// No wait is longer.
    pub longest: Duration,
}

impl Backoff {
    /// The wait after try number `attempt` (from 1): between half and all of `first` doubled for every try so far.
    ///
    /// Half is kept so that a failing outside gets a rest; the other half is chance, so that jobs that failed together
    /// do not come back together.
    pub fn after(&self, attempt: u32) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
        let whole = doubled.min(self.longest);
        whole / 2 + whole.mul_f64(fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_differ() {
        let backoff = Backoff { first: Duration::from_secs(2), longest: Duration::from_secs(60) };
        for (attempt, whole) in [(1, 2), (2, 4), (3, 8), (6, 60), (40, 60), (u32::MAX, 60)] {
            let waits: Vec<_> = (0..100).map(|_| backoff.after(attempt)).collect();
            let whole = Duration::from_secs(whole);
            assert!(waits.iter().all(|wait| *wait >= whole / 2 && *wait <= whole), "{attempt}");
            assert!(waits.iter().any(|wait| *wait != waits[0]), "{attempt}");
        }
    }
}
