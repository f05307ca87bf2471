//! A run in a table.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::faults::Done;
use crate::offers::Made;
use crate::revival::Times;
use crate::scale::Outage;
use crate::verdict::Verdict;

/// All that is told of a run.
#[derive(Debug)]
pub struct Report {
    /// Of the plan.
    pub seed: u64,
    /// What went wrong on purpose.
    pub done: Done,
    /// Offers made.
    pub offers: Made,
    /// What came of it.
    pub verdict: Verdict,
    /// From a kill until each job it held was leased again or final, the shortest first.
    pub recovery: Vec<Duration>,
    /// From the end of an outage until work went on.
    pub revival: BTreeMap<Outage, Times>,
    /// From the first worker to the last job.
    pub took: Duration,
    /// Worker processes that ended by themselves, with how.
    pub fallen: Vec<String>,
    /// What could not be done here, and why.
    pub notes: Vec<String>,
}

impl Report {
    /// The head of [`row`](Self::row)s.
    pub const HEAD: &str = "\
| seed | jobs | done | kills | engines | stops | Redis | FLUSHALL | S3 bursts | PostgreSQL | outages | offers | refused | retries | tries spent | dead | warnings | clips | requests | sent again | most in flight | held at a kill | leased again after, median | longest | orphans | took |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|";
    /// The head of [`revivals`](Self::revivals).
    pub const REVIVAL_HEAD: &str = "\
| seed | outage | times | leased again after, median | longest | next job done after, median | longest |
|---:|---|---:|---:|---:|---:|---:|";

    /// A line of the table.
    pub fn row(&self) -> String {
        let (verdict, done) = (&self.verdict, &self.done);
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
            done.outages.values().sum::<usize>().to_string(),
            self.offers.all.to_string(),
            self.offers.refused.to_string(),
            verdict.retries.to_string(),
            verdict.tries.values().sum::<usize>().to_string(),
            verdict.dead.to_string(),
            verdict.warnings.map_or("-".into(), |warnings| warnings.to_string()),
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

    /// Lines of the table of outages.
    pub fn revivals(&self) -> Vec<String> {
        let kinds = self.done.outages.iter().map(|(outage, count)| {
            let times = self.revival.get(outage).cloned().unwrap_or_default();
            let of = |times: &[Duration]| format!("{} | {}", secs(times.get(times.len() / 2)), secs(times.last()));
            let (leased, done) = (of(&times.leased), of(&times.done));
            format!("| {} | {} | {count} | {leased} | {done} |", self.seed, outage.word())
        });
        kinds.collect()
    }
}

fn secs(time: Option<&Duration>) -> String {
    time.map_or("-".into(), |time| format!("{:.1} s", time.as_secs_f64()))
}

/// Each with how often it is there, the most frequent first.
fn counted<'a>(words: impl IntoIterator<Item = (&'a str, usize)>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (word, count) in words {
        *counts.entry(word).or_default() += count;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.iter().map(|(word, count)| format!("{word} {count}")).collect::<Vec<_>>().join(", ")
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}", Self::HEAD, self.row())?;
        if !self.done.outages.is_empty() {
            writeln!(f, "\n{}\n{}\n", Self::REVIVAL_HEAD, self.revivals().join("\n"))?;
        }
        if !self.verdict.tries.is_empty() {
            let tries = self.verdict.tries.iter().map(|(code, count)| (code.as_str(), *count));
            writeln!(f, "tries spent: {}", counted(tries))?;
        }
        if !self.fallen.is_empty() {
            writeln!(
                f,
                "workers that ended by themselves: {}",
                counted(self.fallen.iter().map(|how| (how.as_str(), 1)))
            )?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        for wrong in &self.verdict.wrong {
            writeln!(f, "wrong: {wrong}")?;
        }
        write!(f, "lost: {} double: {}", self.verdict.lost, self.verdict.double)
    }
}
