//! Waiting for jobs to end, and saying meanwhile why nothing moves: that no worker lives, what is paused, what is tried
//! again later.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use earmark_core::{Job, JobState, Problem, Standing, rfc3339};

use super::outcome::Outcome;
use super::progress::Bars;
use super::{queue, show};
use crate::config::CommandError;
use crate::desk::jobs::StandingJob;
use crate::desk::queue::{Pause, WorkerCount};
use crate::desk::{Desk, duration};

/// How often a waiting command asks how its jobs are.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Looks at the jobs to one at the workers and the pauses: about a second.
const LOOKS_TO_ONE_AT_WORKERS: u32 = 3;
/// Looks in a row without a worker before that is said: one that replaces itself is away for a moment.
const LOOKS_WITHOUT_WORKER: u32 = 2;

/// Waits until every job in `open` has ended, or for `timeout`; says on standard error what became of each, and whenever
/// that changes, why nothing moves.
///
/// # Errors
/// [`CommandError`] when the time is over, with exit code 1, or the database fails.
pub async fn wait(desk: &Desk, open: Vec<Job>, timeout: Option<Duration>) -> Result<Outcome, CommandError> {
    let bars = Bars::new();
    for job in &open {
        bars.add(&job.id, &job.uri.to_string());
    }
    let all = open.len();
    let open = open.into_iter().map(unlooked_at).collect();
    let mut waiting = Waiting {
        desk,
        bars,
        all,
        open,
        done: 0,
        has_worker: None,
        looks_without_worker: 0,
        announced: Announced::default(),
    };
    let limit = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let is_over = tokio::select! {
        biased;
        looked = waiting.until_all_have_ended() => { looked?; true }
        () = limit => false,
    };
    match timeout {
        Some(timeout) if !is_over => Err(waiting.timed_out(timeout).into()),
        _ if waiting.done == all => Ok(Outcome::Done),
        _ => Ok(Outcome::SomeFailed),
    }
}

/// Where `job` stands as far as its state tells.
fn unlooked_at(job: Job) -> StandingJob {
    StandingJob { standing: Standing::from(job.state), job }
}

/// Jobs that are waited for.
struct Waiting<'a> {
    desk: &'a Desk,
    bars: Bars,
    /// How many there were.
    all: usize,
    /// Those that have not ended, as they stood at the last look.
    open: Vec<StandingJob>,
    /// With a result.
    done: usize,
    /// As it was said last; none before the first look.
    has_worker: Option<bool>,
    looks_without_worker: u32,
    announced: Announced,
}

/// What was said last, so that it is said once.
#[derive(Default)]
struct Announced {
    pauses: Vec<Pause>,
    /// Codes of the errors after which jobs are tried again.
    retries: BTreeSet<String>,
}

impl Waiting<'_> {
    async fn until_all_have_ended(&mut self) -> Result<(), CommandError> {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let mut number = 0_u32;
        loop {
            looks.tick().await;
            self.look_at_jobs().await?;
            if self.open.is_empty() {
                return Ok(());
            }
            if number.is_multiple_of(LOOKS_TO_ONE_AT_WORKERS) {
                self.look_at_workers().await?;
                self.look_at_pauses().await?;
                self.look_at_retries();
            }
            number = number.wrapping_add(1);
        }
    }

    /// Cut short at any moment, what was seen is kept.
    async fn look_at_jobs(&mut self) -> Result<(), CommandError> {
        let mut at = 0;
        while let Some(open) = self.open.get(at) {
            let found = self.desk.standing(&open.job.id).await?;
            let job = &found.job;
            if job.state.is_final() {
                self.done += usize::from(job.state == JobState::Done);
                self.bars.end(&job.id, &ending(job));
                self.open.remove(at);
            } else {
                self.bars.set(&job.id, job.state.as_str(), job.clips_done, job.clips_total.unwrap_or(0));
                self.open[at] = found;
                at += 1;
            }
        }
        Ok(())
    }

    async fn look_at_workers(&mut self) -> Result<(), CommandError> {
        let count = self.desk.live_workers().await?;
        if count.live > 0 {
            self.looks_without_worker = 0;
            match self.has_worker.replace(true) {
                None => self.bars.say(&format!("waiting for {}; {}", self.jobs(self.open.len()), alive(count))),
                Some(false) => self.bars.say(&alive(count)),
                Some(true) => {}
            }
            return Ok(());
        }
        self.looks_without_worker += 1;
        if self.looks_without_worker < LOOKS_WITHOUT_WORKER || self.has_worker == Some(false) {
            return Ok(());
        }
        self.has_worker = Some(false);
        let last = self.desk.last_worker().await?.map_or_else(String::new, |last| {
            let ago = duration::shown(Duration::from_millis(last.seen_ago_ms.unsigned_abs()));
            format!(" (the last, process {} on {}, was seen {ago} ago)", last.pid, last.host)
        });
        self.bars.say(&format!(
            "no worker is alive{last}: start one with `earmark work` or `earmark up`; waiting for {} goes on",
            self.jobs(self.open.len())
        ));
        Ok(())
    }

    async fn look_at_pauses(&mut self) -> Result<(), CommandError> {
        let held: Vec<&Job> = self.at(Standing::Paused).collect();
        let mut pauses = if held.is_empty() { Vec::new() } else { self.desk.pauses().await? };
        pauses.retain(|pause| held.iter().any(|job| holds(pause, job)));
        if pauses == self.announced.pauses {
            return Ok(());
        }
        for pause in pauses.iter().filter(|pause| !self.announced.pauses.contains(pause)) {
            let count = held.iter().filter(|job| holds(pause, job)).count();
            self.bars.say(&format!(
                "{} held up: {} is paused since {} by {}; `{}` lifts that",
                self.jobs_are(count),
                queue::paused_part(pause),
                rfc3339(pause.since_ms),
                pause.by,
                queue::resuming(pause)
            ));
        }
        if pauses.is_empty() {
            self.bars.say("no pause holds them up any more");
        }
        self.announced.pauses = pauses;
        Ok(())
    }

    fn look_at_retries(&mut self) {
        let later: Vec<&Job> = self.at(Standing::Waiting).collect();
        let codes: BTreeSet<String> =
            later.iter().map(|job| job.error.as_ref().map_or_else(String::new, |error| error.code.clone())).collect();
        if let Some(next) = later.iter().min_by_key(|job| job.run_at_ms).filter(|_| codes != self.announced.retries) {
            let why = next.error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
            let first = if later.len() == 1 { "" } else { "the first " };
            self.bars.say(&format!(
                "{} to be tried again, {first}at {}{why}",
                self.jobs_are(later.len()),
                rfc3339(next.run_at_ms)
            ));
        }
        self.announced.retries = codes;
    }

    /// Open jobs that stand at `standing`.
    fn at(&self, standing: Standing) -> impl Iterator<Item = &Job> {
        self.open.iter().filter(move |open| open.standing == standing).map(|open| &open.job)
    }

    fn jobs(&self, count: usize) -> String {
        let of = if count == self.all { String::new() } else { format!(" of {}", self.all) };
        if self.all == 1 { "the job".into() } else { format!("{count}{of} jobs") }
    }

    fn jobs_are(&self, count: usize) -> String {
        format!("{} {}", self.jobs(count), if count == 1 { "is" } else { "are" })
    }

    fn timed_out(&self, timeout: Duration) -> TimedOut {
        let count = |standing: &Standing| self.at(*standing).count();
        let counts = Standing::ALL.iter().map(|standing| (*standing, count(standing)));
        TimedOut {
            timeout,
            all: self.all,
            done: self.done,
            failed: self.all - self.done - self.open.len(),
            open: counts.filter(|(_, count)| *count > 0).collect(),
            // Said or not: one look without a worker is enough to explain what has not happened by now.
            has_worker: self.looks_without_worker == 0,
        }
    }
}

/// What became of a job that has ended.
fn ending(job: &Job) -> String {
    let why = job.error.as_ref().map(|error| match &error.hint {
        Some(hint) => format!(": {error}\n  hint: {hint}"),
        None => format!(": {error}"),
    });
    format!("{}{}", job.state, why.unwrap_or_default())
}

fn alive(count: WorkerCount) -> String {
    let are = if count.live == 1 { "is" } else { "are" };
    let slots = show::counted(count.slots, "slot", "slots");
    format!("{} {are} alive with {slots}", show::counted(count.live, "worker", "workers"))
}

fn holds(pause: &Pause, job: &Job) -> bool {
    pause.lane.is_none_or(|lane| lane == job.lane) && pause.tenant.as_ref().is_none_or(|tenant| *tenant == job.tenant)
}

/// The time to wait is over.
#[derive(Debug)]
struct TimedOut {
    timeout: Duration,
    all: usize,
    done: usize,
    failed: usize,
    /// How many of the others stand where.
    open: Vec<(Standing, usize)>,
    has_worker: bool,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, done, failed) = (self.all, self.done, self.failed);
        write!(
            f,
            "after {} {done} of {} done",
            duration::shown(self.timeout),
            show::counted(u64::try_from(all).unwrap_or(u64::MAX), "job is", "jobs are")
        )?;
        if failed > 0 {
            write!(f, ", {failed} failed")?;
        }
        for (standing, count) in &self.open {
            write!(f, ", {count} {standing}")?;
        }
        write!(f, "{}", if self.has_worker { "" } else { "; no worker is alive" })
    }
}

impl From<TimedOut> for CommandError {
    fn from(error: TimedOut) -> Self {
        let start = if error.has_worker { "" } else { "start a worker with `earmark work` or `earmark up`; " };
        let hint =
            format!("the jobs stay queued: {start}`earmark jobs list` and `earmark jobs show ID` say how they are");
        Self {
            problem: Problem { code: "wait.timeout".into(), message: error.to_string(), hint: Some(hint) },
            exit_code: 1,
        }
    }
}
