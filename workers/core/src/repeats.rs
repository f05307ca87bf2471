//! What fails over and over for one cause, said once: a log that says the same forty times in seven seconds hides what else
//! happens.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Until what still fails is said again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// Different causes that are said at once within one failure; what changes all the time is said with the pauses.
const MOST_CAUSES: usize = 8;

/// One thing that is done again and again, and may fail for a while. Says when its failure is to be said: the first time,
/// when the cause is another, after growing pauses with the count, and once when it is over.
///
/// ```
/// # use earmark_core::Repeats;
/// let asking = Repeats::default();
/// assert_eq!(asking.failed("database.unreachable").unwrap().to_string(), "");
/// assert!(asking.failed("database.unreachable").is_none());
/// assert_eq!(asking.worked().unwrap().times, 2);
/// assert!(asking.worked().is_none());
/// ```
#[derive(Debug, Default)]
pub struct Repeats(Mutex<Option<Failing>>);

/// A failure that goes on.
#[derive(Debug)]
struct Failing {
    since: Instant,
    times: u64,
    /// Codes of the causes that were said.
    said: BTreeSet<String>,
    next: Instant,
    pause: Duration,
}

/// How often something has failed, to be put behind what is said of it: nothing the first time, ` (40 times within 63 s)`
/// later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeated {
    /// Failures so far, this one included.
    pub times: u64,
    /// Since the first of them.
    pub within: Duration,
}

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.times {
            0 | 1 => Ok(()),
            times => write!(f, " ({times} times within {} s)", self.within.as_secs()),
        }
    }
}

impl Repeats {
    /// Notes a failure, whose cause has the stable word `code`; gives how often it has failed where that is to be said now.
    pub fn failed(&self, code: &str) -> Option<Repeated> {
        self.failed_at(code, Instant::now())
    }

    /// Notes a success; gives how often it had failed before, where it had.
    pub fn worked(&self) -> Option<Repeated> {
        // Mostly nothing had failed.
        let failing = self.lock().take()?;
        Some(Repeated { times: failing.times, within: failing.since.elapsed() })
    }

    fn failed_at(&self, code: &str, now: Instant) -> Option<Repeated> {
        let mut state = self.lock();
        let failing = state.get_or_insert_with(|| Failing {
            since: now,
            times: 0,
            said: BTreeSet::new(),
            next: now + FIRST_PAUSE,
            pause: FIRST_PAUSE,
        });
        failing.times = failing.times.saturating_add(1);
        let is_new = failing.said.len() < MOST_CAUSES && failing.said.insert(code.to_owned());
        let is_time = now >= failing.next;
        if is_time {
            failing.pause = (failing.pause * 2).min(LONGEST_PAUSE);
            failing.next = now + failing.pause;
        }
        let repeated = Repeated { times: failing.times, within: now.saturating_duration_since(failing.since) };
        (is_new || is_time).then_some(repeated)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Failing>> {
        // The state is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of failures at these moments, in milliseconds from the first.
    fn said(repeats: &Repeats, begin: Instant, failures: impl IntoIterator<Item = (u64, &'static str)>) -> Vec<String> {
        let failures = failures.into_iter();
        let said = failures.filter_map(|(ms, code)| repeats.failed_at(code, begin + Duration::from_millis(ms)));
        said.map(|said| said.to_string()).collect()
    }

    #[test]
    fn forty_failures_of_one_cause_within_seven_seconds_are_said_once() {
        let repeats = Repeats::default();
        let failures = (0..40).map(|at| (at * 175, "database.unreachable"));
        assert_eq!(said(&repeats, Instant::now(), failures), [""]);
        assert_eq!(repeats.worked().map(|over| over.times), Some(40));
    }

    #[test]
    fn what_goes_on_is_said_again_after_growing_pauses_with_its_count() {
        let begin = Instant::now();
        let failures = (0..=3600).map(|at| (at * 1000, "x"));
        let said = said(&Repeats::default(), begin, failures);
        let expected: Vec<String> =
            [60, 180, 420, 900, 1860].iter().map(|secs| format!(" ({} times within {secs} s)", secs + 1)).collect();
        assert_eq!(said[0], "");
        assert_eq!(said[1..], expected);
    }

    #[test]
    fn another_cause_is_said_at_once_and_the_first_one_not_again_for_that() {
        let repeats = Repeats::default();
        let begin = Instant::now();
        let causes = [(0, "busy"), (1000, "busy"), (2000, "full"), (3000, "busy"), (4000, "full")];
        assert_eq!(said(&repeats, begin, causes), ["", " (3 times within 2 s)"]);
    }

    #[test]
    fn what_has_worked_meanwhile_is_news_when_it_fails_again() {
        let repeats = Repeats::default();
        let begin = Instant::now();
        assert_eq!(said(&repeats, begin, [(0, "x"), (10, "x")]), [""]);
        assert!(repeats.worked().is_some() && repeats.worked().is_none());
        assert_eq!(said(&repeats, begin, [(20, "x")]), [""]);
    }

    #[test]
    fn causes_that_change_all_the_time_are_not_said_all_the_time() {
        let codes = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
        let failures = codes.iter().zip(0..).map(|(code, at)| (at, *code));
        assert_eq!(said(&Repeats::default(), Instant::now(), failures).len(), MOST_CAUSES);
    }
}
