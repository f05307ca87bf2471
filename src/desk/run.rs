//! Recordings processed here and now, journaled and audited like any job.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use earmark_core::{Failure, Job, JobId, JobState, Lease, NewJob, Problem, RecordingUri, Report, WorkerId};
use earmark_journal::WorkerInfo;
use earmark_queue::{AttemptOutcome, AttemptRunner, Finding, Weight};
use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::Desk;
use super::signals::Signals;
use super::submit::{self, Offer, OfferError};
use crate::config::CommandError;

pub use earmark_pipeline::Progress;

/// How long work that was told to stop may take to do so.
const STOP_TIME: Duration = Duration::from_secs(10);

/// Nobody at a terminal waits longer for another try: an account that a person has to see to, the next day.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What became of one recording.
pub struct Processed {
    /// Its address, in the words of whoever asked.
    pub uri: RecordingUri,
    /// The job it was; none where it was not even journaled.
    pub job_id: Option<JobId>,
    /// Its report, or why there is none.
    pub result: Result<Box<Report>, Problem>,
    /// What people have to see to.
    pub attention: Attention,
    /// How long that took.
    pub took: Duration,
}

/// What a result asks of people.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attention {
    /// A rule holds it back until somebody releases it.
    pub is_held: bool,
    /// Alerts of its job that nobody has seen to.
    pub alerts: usize,
}

/// Whoever watches recordings being processed.
pub trait Watcher: Progress {
    /// From now on `job` is shown as `name`.
    fn began(&self, job: &JobId, name: &str);

    /// `job` has ended.
    fn ended(&self, job: &JobId, result: &Result<Box<Report>, Problem>, attention: Attention);

    /// Something that concerns no job's progress.
    fn say(&self, line: &str);
}

/// The rules of a run, kept as evidence, and the parts that it takes.
pub struct LocalRun<W> {
    desk: Desk,
    /// Hash of the rule set that its jobs are judged by.
    pub rule_set: String,
    attempts: Arc<AttemptRunner>,
    watcher: Arc<W>,
}

impl Desk {
    /// Makes ready to process recordings by the rules at `rules`, or by those in force, while `watcher` watches.
    ///
    /// # Errors
    /// [`CommandError`] naming what is wrong with the rules, or the file or setting that is missing.
    pub async fn run<W: Watcher + 'static>(
        &self,
        rules: Option<&Path>,
        watcher: Arc<W>,
    ) -> Result<LocalRun<W>, CommandError> {
        if self.app.engine().is_provider() {
            // A worker can wait for the permits' store; whoever waits at a terminal wants to know.
            let (_, found) = self.app.permits_place().await?;
            // One that is full gives permits all the same.
            let is_in_the_way =
                |finding: &Finding| finding.weight > Weight::Note && finding.problem.code != "redis.full";
            if let Some(finding) = found.into_iter().find(is_in_the_way) {
                return Err(CommandError::usage(finding.problem));
            }
        }
        let rules = self.app.rules(rules).await?;
        let rule_set = rules.id().sha256.clone();
        let pipeline = self.app.pipeline(rules, watcher.clone()).await?;
        Ok(LocalRun { desk: self.clone(), rule_set, attempts: self.app.attempts(pipeline), watcher })
    }
}

impl<W: Watcher> LocalRun<W> {
    /// Processes `offered`, some at a time, each judged by the run's rules and whatever there is of it already, on record
    /// under the name of `actor`, artifacts in `out_dir` where one is given; shows each to `seen` in order.
    ///
    /// # Errors
    /// [`CommandError`] when the database fails, a signal asks to stop, or what `seen` says.
    pub async fn process(
        &self,
        offered: impl IntoIterator<Item = Offer>,
        out_dir: Option<&str>,
        actor: &str,
        mut seen: impl FnMut(&Processed) -> Result<(), CommandError>,
    ) -> Result<Vec<Processed>, CommandError> {
        let app = self.desk.app();
        let worker = WorkerId::fresh();
        // It takes nothing of the queue: whoever waits for a worker must not take this one for it.
        let lock = app.journal.register_worker(&worker, &WorkerInfo { slots: 0, ..app.worker_info() }).await?;
        // Whatever killed processes of this machine held may be taken again; nobody else might look for a long time.
        app.journal.sweep().await?;
        let stop = CancellationToken::new();
        let here = Here { run: self, actor, worker: &worker, stop: &stop };
        let offered = offered.into_iter().map(|offer| {
            let uri = offer.shown().clone();
            // Whoever runs it here and now wants to see it done, whatever there is.
            let offer = Offer { rule_set: Some(self.rule_set.clone()), is_repeat: true, ..offer };
            let new = submit::job(offer).map(|mut new| {
                new.options.out_dir = out_dir.map(str::to_owned);
                new
            });
            (uri, new)
        });
        let working = async {
            let mut processed = Vec::new();
            let mut running = stream::iter(offered).map(|(uri, new)| here.process(uri, new)).buffered(app.slots());
            while let Some(one) = running.next().await {
                seen(&one)?;
                processed.push(one);
            }
            Ok::<_, CommandError>(processed)
        };
        let interrupted = async {
            let mut signals = Signals::listen();
            signals.next().await;
            stop.cancel();
            self.attempts.stop_all();
            // A second signal, or work that does not stop in time, ends the command all the same.
            let _ = tokio::time::timeout(STOP_TIME, signals.next()).await;
        };
        let processed = tokio::select! {
            processed = working => processed?,
            () = self.attempts.keep_leases() => Vec::new(),
            () = interrupted => return Err(CommandError { exit_code: 1, ..CommandError::plain("interrupted", None) }),
        };
        app.journal.worker_stopped(&worker).await?;
        drop(lock);
        Ok(processed)
    }
}

/// This process as a worker of its own recordings.
struct Here<'a, W> {
    run: &'a LocalRun<W>,
    /// Who acts, for the audit log.
    actor: &'a str,
    worker: &'a WorkerId,
    /// Someone wants the command to end.
    stop: &'a CancellationToken,
}

impl<W: Watcher> Here<'_, W> {
    async fn process(&self, uri: RecordingUri, new: Result<NewJob, OfferError>) -> Processed {
        let began = Instant::now();
        let (job_id, result, attention) = if self.stop.is_cancelled() {
            (None, Err(interrupted()), Attention::default())
        } else {
            let worked = match new {
                Ok(new) => self.accept_and_work(new).await,
                Err(error) => Err(self.refused(&uri, &error)),
            };
            match worked {
                Ok((id, result, attention)) => (Some(id), result, attention),
                Err(error) => (None, Err(error.problem), Attention::default()),
            }
        };
        Processed { uri, job_id, result, attention, took: began.elapsed() }
    }

    /// Says that the recording at `uri` is no job at any door.
    fn refused(&self, uri: &RecordingUri, error: &OfferError) -> CommandError {
        let error = CommandError::usage(error.problem());
        self.run.watcher.say(&format!("{uri}: {error}"));
        error
    }

    async fn accept_and_work(
        &self,
        new: NewJob,
    ) -> Result<(JobId, Result<Box<Report>, Problem>, Attention), CommandError> {
        let journal = &self.run.desk.app().journal;
        let lease_ms = self.run.attempts.lease_ms();
        let (job, lease) = journal.accept_leased(&new, self.actor, self.worker, lease_ms).await?;
        let id = job.id.clone();
        self.run.watcher.began(&id, &job.uri.to_string());
        let result = self.work(job, lease).await?;
        let attention = self.attention(&id).await?;
        self.run.watcher.ended(&id, &result, attention);
        Ok((id, result, attention))
    }

    async fn attention(&self, job: &JobId) -> Result<Attention, CommandError> {
        let app = self.run.desk.app();
        let holding = app.results.review_hold(job).await?;
        let alerts = app.outbox.open_alerts_of(job).await?.len();
        Ok(Attention { is_held: holding.is_some_and(|holding| holding.is_held()), alerts })
    }

    /// Tries until the job has ended. What keeps failing for reasons outside (a full disk) is tried no more often here
    /// than anything else; it stays in the journal for a worker.
    async fn work(&self, mut job: Job, mut lease: Lease) -> Result<Result<Box<Report>, Problem>, CommandError> {
        let (app, watcher) = (self.run.desk.app(), &self.run.watcher);
        for _ in 0..app.config.worker.max_attempts {
            match self.run.attempts.run(&job, &lease).await {
                AttemptOutcome::Done => return self.report(&job).await,
                AttemptOutcome::Dead(problem) | AttemptOutcome::Hung(problem) | AttemptOutcome::Unrecorded(problem) => {
                    return Ok(Err(problem));
                }
                AttemptOutcome::Cancelled => return Ok(Err(problem("job.cancelled", "the job was called off"))),
                AttemptOutcome::Released if self.stop.is_cancelled() => return Ok(Err(interrupted())),
                AttemptOutcome::Retrying { run_at_ms, problem } => {
                    let wait = Duration::from_millis(u64::try_from(run_at_ms - app.clock.now_ms()).unwrap_or(0));
                    if wait > LONGEST_WAIT {
                        watcher.say("the job stays in the journal; `earmark work` goes on with it");
                        return Ok(Err(problem));
                    }
                    watcher.say(&format!("{}: {problem}; trying again", job.uri));
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = self.stop.cancelled() => return Ok(Err(interrupted())),
                    }
                }
                AttemptOutcome::Released | AttemptOutcome::Lost => {}
            }
            match self.next(&job).await? {
                Next::Mine(next) => (job, lease) = *next,
                Next::Ended(result) => return Ok(result),
            }
        }
        let job = app.journal.get(&job.id).await?;
        Ok(Err(job.error.unwrap_or_else(|| problem("job.unfinished", "the job did not end; it stays in the journal"))))
    }

    /// Takes the job again; another worker may have been quicker, then waits for its outcome.
    async fn next(&self, job: &Job) -> Result<Next, CommandError> {
        let app = self.run.desk.app();
        let mut looks = tokio::time::interval(Duration::from_millis(app.config.worker.poll_ms));
        loop {
            looks.tick().await;
            // The other worker may die: then the job is free again.
            app.journal.sweep().await?;
            if let Some(next) = app.journal.lease_job(&job.id, self.worker, self.run.attempts.lease_ms()).await? {
                return Ok(Next::Mine(Box::new(next)));
            }
            let job = app.journal.get(&job.id).await?;
            match job.state {
                JobState::Done => return Ok(Next::Ended(self.report(&job).await?)),
                JobState::Dead => {
                    return Ok(Next::Ended(Err(job
                        .error
                        .unwrap_or_else(|| problem("job.dead", "the job was given up")))));
                }
                JobState::Cancelled => return Ok(Next::Ended(Err(problem("job.cancelled", "the job was called off")))),
                JobState::Ready | JobState::Leased => {}
            }
        }
    }

    async fn report(&self, job: &Job) -> Result<Result<Box<Report>, Problem>, CommandError> {
        let report = self.run.desk.app().results.report(&job.id).await?;
        Ok(report.map(Box::new).ok_or_else(|| problem("job.no_report", "the job is done, but its report is gone")))
    }
}

/// How it goes on with a job that was not settled here.
enum Next {
    /// It is ours again.
    Mine(Box<(Job, Lease)>),
    /// Another worker has ended it.
    Ended(Result<Box<Report>, Problem>),
}

fn interrupted() -> Problem {
    let hint = "what was accepted stays in the journal; `earmark work` finishes it, `earmark jobs cancel` calls it off";
    Problem { hint: Some(hint.into()), ..problem("job.interrupted", "the command was interrupted before the end") }
}

fn problem(code: &str, message: &str) -> Problem {
    Problem { code: code.into(), message: message.into(), hint: None }
}
