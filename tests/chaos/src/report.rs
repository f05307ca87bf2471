//! A run in a table.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::faults::Done;
use crate::verdict::Verdict;

/// All that is told of a run.
#[derive(Debug)]
pub struct Report {
    /// Of the plan.
    pub seed: u64,
    /// What went wrong on purpose.
    pub done: Done,
    /// Offers made, those made again with them.
    pub offers: usize,
    /// What came of it.
    pub verdict: Verdict,
    /// From a kill until each job it held was leased again or final, the shortest first.
    pub recovery: Vec<Duration>,
    /// From the first worker to the last job.
    pub took: Duration,
    /// Worker processes that ended by themselves, with how.
    pub fallen: Vec<String>,
}

impl Report {
    /// The head of [`row`](Self::row)s.
    pub const HEAD: &str = "\
| seed | jobs | done | kills | engines | stops | Redis | FLUSHALL | S3 bursts | PostgreSQL | offers | retries | clips | requests | sent again | most in flight | held at a kill | leased again after, median | longest | orphans | took |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|";

    /// A line of the table.
    pub fn row(&self) -> String {
        let (verdict, done) = (&self.verdict, &self.done);
        let secs = |time: Option<&Duration>| time.map_or("-".into(), |time| format!("{:.1} s", time.as_secs_f64()));
        let cells = [
            self.seed.to_string(),
            verdict.jobs.to_string(),
            verdict.done.to_string(),
            done.kills.to_string(),
            done.engine_kills.to_string(),
            done.stops.to_string(),
            done.redis_kills.to_string(),
            done.flushes.to_string(),
            done.store_bursts.to_string(),
            done.database_kills.to_string(),
            self.offers.to_string(),
            verdict.retries.to_string(),
            verdict.clips.to_string(),
            verdict.requests.to_string(),
            verdict.sent_again.to_string(),
            format!("{} ({})", verdict.peak, verdict.peak_with_dead),
            self.recovery.len().to_string(),
            secs(self.recovery.get(self.recovery.len() / 2)),
            secs(self.recovery.last()),
            verdict.orphans.to_string(),
            format!("{:.0} s", self.took.as_secs_f64()),
        ];
        format!("| {} |", cells.join(" | "))
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}", Self::HEAD, self.row())?;
        for wrong in &self.verdict.wrong {
            writeln!(f, "wrong: {wrong}")?;
        }
        for fallen in &self.fallen {
            writeln!(f, "a worker ended by itself: {fallen}")?;
        }
        write!(f, "lost: {} double: {}", self.verdict.lost, self.verdict.double)
    }
}
