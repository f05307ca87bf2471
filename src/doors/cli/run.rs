//! `earmark run`: recordings processed here and now, journaled and audited like any job.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use earmark_core::{Failure, Job, JobId, JobState, Lease, NewJob, Problem, RecordingUri, Report, WorkerId};
use earmark_intake::{Offer, OfferError};
use earmark_journal::WorkerInfo;
use earmark_queue::{Attempts, Settled};
use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::progress::Bars;
use super::{Outcome, jobs, offer, show};
use crate::app::App;
use crate::config::CommandError;
use crate::config::EngineKind;
use crate::desk::{signals, submit};

/// Process recordings here and now.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Recordings: paths, file:///…, https://…
    #[arg(required = true, value_name = "URI")]
    uris: Vec<OsString>,
    /// Print one report a line instead of the table.
    #[arg(long)]
    json: bool,
    /// Write the artifacts under DIR/{job_id}/ instead of the configured output.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Use the rules in this file or folder.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Whose recordings they are.
    #[arg(long, default_value = "default")]
    tenant: String,
}

/// How long work that was told to stop may take to do so.
const STOP_TIME: Duration = Duration::from_secs(10);

/// Nobody at a terminal waits longer for another try: an account that a person has to see to, the next day.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What is said of a result that nobody is handed before somebody releases it.
const HELD: &str = "HELD BACK for review";

/// What became of one recording.
struct Ended {
    uri: RecordingUri,
    job_id: Option<String>,
    result: Result<Box<Report>, Problem>,
    asks: Asks,
    took: Duration,
}

/// What a result asks of people.
#[derive(Debug, Clone, Copy, Default)]
struct Asks {
    /// A rule holds it back until somebody releases it.
    is_held: bool,
    /// Alerts of its job that nobody has seen to.
    alerts: usize,
}

/// The command.
pub async fn run(app: &App, args: Args) -> Result<Outcome, CommandError> {
    let tenant = jobs::tenant(&args.tenant)?;
    if app.config.asr.engine == EngineKind::Glm {
        // A worker can wait for the permits' store; whoever waits at a terminal wants to know.
        app.permits_place().await?;
    }
    let out_dir = args.out.as_deref().map(out_dir).transpose()?;
    let rules = app.rules(args.rules.as_deref()).await?;
    let rule_set = rules.id().sha256.clone();
    let bars = Arc::new(Bars::new());
    let attempts = app.attempts(app.pipeline(rules, bars.clone()).await?);
    let worker = WorkerId::fresh();
    let slots = app.slots();
    // It takes nothing of the queue: whoever waits for a worker must not take this one for it.
    let lock = app.journal.register_worker(&worker, &WorkerInfo { slots: 0, ..app.worker_info() }).await?;

    // Whatever killed processes of this machine held may be taken again; nobody else might look for a long time.
    app.journal.sweep().await?;

    let stop = CancellationToken::new();
    let here = Here { app, attempts: &attempts, worker: &worker, bars: &bars, stop: &stop };
    let offered = args.uris.iter().map(|uri| {
        let offer = Offer {
            tenant: Some(tenant.to_string()),
            rule_set: Some(rule_set.clone()),
            // Whoever runs it here and now wants to see it done, whatever there is.
            is_repeat: true,
            ..offer::word(uri)
        };
        let uri = offer.uri.clone();
        let new = submit::job(offer).map(|mut new| {
            new.options.out_dir.clone_from(&out_dir);
            new
        });
        (uri, new)
    });
    let working = async {
        let mut ended = Vec::new();
        let mut running = stream::iter(offered).map(|(uri, new)| here.process(uri, new)).buffered(slots);
        while let Some(one) = running.next().await {
            if args.json {
                print_json(&one)?;
            }
            ended.push(one);
        }
        Ok::<_, CommandError>(ended)
    };
    let interrupted = async {
        signals::stop_signal().await;
        stop.cancel();
        attempts.stop_all();
        // A second signal, or work that does not stop in time, ends the command all the same.
        let _ = tokio::time::timeout(STOP_TIME, signals::stop_signal()).await;
    };
    let ended = tokio::select! {
        ended = working => ended?,
        () = attempts.keep_leases() => Vec::new(),
        () = interrupted => return Err(CommandError { exit_code: 1, ..CommandError::plain("interrupted", None) }),
    };
    app.journal.worker_stopped(&worker).await?;
    drop(lock);
    if !args.json {
        print_table(app, &ended, args.out.as_deref());
    }
    Ok(if ended.iter().all(|one| one.result.is_ok()) { Outcome::Done } else { Outcome::SomeFailed })
}

fn out_dir(out: &std::path::Path) -> Result<String, CommandError> {
    let failed = |error: std::io::Error| {
        CommandError::plain(
            format!("cannot write to {}: {error}", out.display()),
            Some("give --out a folder that can be written"),
        )
    };
    std::fs::create_dir_all(out).map_err(failed)?;
    Ok(std::fs::canonicalize(out).map_err(failed)?.to_string_lossy().into_owned())
}

/// This process as a worker of its own recordings.
struct Here<'a> {
    app: &'a App,
    attempts: &'a Arc<Attempts>,
    worker: &'a WorkerId,
    bars: &'a Bars,
    /// Someone wants the command to end.
    stop: &'a CancellationToken,
}

impl Here<'_> {
    async fn process(&self, uri: RecordingUri, new: Result<NewJob, OfferError>) -> Ended {
        let began = Instant::now();
        if self.stop.is_cancelled() {
            let asks = Asks::default();
            return Ended { uri, job_id: None, result: Err(interrupted()), asks, took: began.elapsed() };
        }
        let worked = match new {
            Ok(new) => self.accept_and_work(new).await,
            Err(error) => Err(self.refused(&uri, &error)),
        };
        let (job_id, result, asks) = match worked {
            Ok((job, result, asks)) => (Some(job.id.to_string()), result, asks),
            Err(complaint) => (None, Err(complaint.problem), Asks::default()),
        };
        Ended { uri, job_id, result, asks, took: began.elapsed() }
    }

    /// Says that the recording at `uri` is no job at any door.
    fn refused(&self, uri: &RecordingUri, error: &OfferError) -> CommandError {
        let error = CommandError::usage(error.problem());
        self.bars.say(&format!("{uri}: {error}"));
        error
    }

    async fn accept_and_work(&self, new: NewJob) -> Result<(Job, Result<Box<Report>, Problem>, Asks), CommandError> {
        let lease_ms = self.attempts.lease_ms();
        let (job, lease) = self.app.journal.accept_leased(&new, jobs::ACTOR, self.worker, lease_ms).await?;
        self.bars.add(&job.id, &job.uri.to_string());
        let id = job.id.clone();
        let result = self.work(job.clone(), lease).await?;
        let asks = self.asks(&job.id).await?;
        let outcome = match &result {
            Ok(report) => {
                let warnings: String = report.warnings.iter().map(|warning| format!("; {}", warning.detail)).collect();
                let held = if asks.is_held { format!("; {HELD}") } else { String::new() };
                let findings = show::counted(report.findings.len(), "finding", "findings");
                format!("done, {findings}{warnings}{held}{}", asks.alerts("; "))
            }
            Err(problem) => match &problem.hint {
                Some(hint) => format!("error: {problem}\n  hint: {hint}"),
                None => format!("error: {problem}"),
            },
        };
        self.bars.end(&id, &outcome);
        Ok((job, result, asks))
    }

    async fn asks(&self, job: &JobId) -> Result<Asks, CommandError> {
        let holding = self.app.results.holding(job).await?;
        let alerts = self.app.outbox.open_alerts_of(job).await?.len();
        Ok(Asks { is_held: holding.is_some_and(|holding| holding.is_held()), alerts })
    }

    /// Tries until the job has ended. What keeps failing for reasons outside (a full disk) is tried no more often here
    /// than anything else; it stays in the journal for a worker.
    async fn work(&self, mut job: Job, mut lease: Lease) -> Result<Result<Box<Report>, Problem>, CommandError> {
        for _ in 0..self.app.config.worker.max_attempts {
            match self.attempts.run(&job, &lease).await {
                Settled::Done => return self.report(&job).await,
                Settled::Dead(problem) | Settled::Hung(problem) | Settled::Unsettled(problem) => {
                    return Ok(Err(problem));
                }
                Settled::Cancelled => return Ok(Err(problem("job.cancelled", "the job was called off"))),
                Settled::Released if self.stop.is_cancelled() => return Ok(Err(interrupted())),
                Settled::Retrying { run_at_ms, problem } => {
                    let wait = Duration::from_millis(u64::try_from(run_at_ms - self.app.clock.now_ms()).unwrap_or(0));
                    if wait > LONGEST_WAIT {
                        self.bars.say("the job stays in the journal; `earmark work` goes on with it");
                        return Ok(Err(problem));
                    }
                    self.bars.say(&format!("{}: {problem}; trying again", job.uri));
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = self.stop.cancelled() => return Ok(Err(interrupted())),
                    }
                }
                Settled::Released | Settled::Lost => {}
            }
            match self.next(&job).await? {
                Next::Mine(next) => (job, lease) = *next,
                Next::Ended(result) => return Ok(result),
            }
        }
        let job = self.app.journal.get(&job.id).await?;
        Ok(Err(job.error.unwrap_or_else(|| problem("job.unfinished", "the job did not end; it stays in the journal"))))
    }

    /// Takes the job again; another worker may have been quicker, then waits for its outcome.
    async fn next(&self, job: &Job) -> Result<Next, CommandError> {
        let mut looks = tokio::time::interval(Duration::from_millis(self.app.config.worker.poll_ms));
        loop {
            looks.tick().await;
            // The other worker may die: then the job is free again.
            self.app.journal.sweep().await?;
            if let Some(next) = self.app.journal.lease_job(&job.id, self.worker, self.attempts.lease_ms()).await? {
                return Ok(Next::Mine(Box::new(next)));
            }
            let job = self.app.journal.get(&job.id).await?;
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
        let report = self.app.results.report(&job.id).await?;
        Ok(report.map(Box::new).ok_or_else(|| problem("job.no_report", "the job is done, but its report is gone")))
    }
}

impl Asks {
    /// `{before}2 alerts`; nothing where there are none.
    fn alerts(self, before: &str) -> String {
        match self.alerts {
            0 => String::new(),
            some => format!("{before}{}", show::counted(some, "alert", "alerts")),
        }
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

fn print_json(ended: &Ended) -> Result<(), CommandError> {
    match &ended.result {
        Ok(report) => show::json(report),
        Err(problem) => {
            show::json(&serde_json::json!({"job_id": ended.job_id, "recording": {"uri": ended.uri}, "error": problem}))
        }
    }
}

fn print_table(app: &App, ended: &[Ended], out: Option<&std::path::Path>) {
    let mut table = show::table(&["recording", "length", "language", "speakers", "speed", "findings"]);
    for one in ended {
        let uri = one.uri.to_string();
        match &one.result {
            Ok(report) => {
                let mut findings: Vec<String> = report.findings.iter().map(show::finding).collect();
                if findings.is_empty() {
                    findings.push("none".into());
                }
                // "none" must not look like a clean call where little or nothing could be heard.
                findings.extend(report.warnings.iter().map(|warning| format!("warning: {}", warning.detail)));
                if one.asks.is_held {
                    findings.push(HELD.into());
                }
                if one.asks.alerts > 0 {
                    findings.push(one.asks.alerts(""));
                }
                table.add_row([
                    format!("{}\n{}", short(&uri), report.job_id),
                    earmark_core::minutes_seconds(report.recording.duration_ms),
                    languages(report),
                    speakers(report),
                    speed(report.recording.duration_ms, one.took),
                    findings.join("\n"),
                ]);
            }
            Err(problem) => {
                let row = [
                    format!("{}\n{}", short(&uri), one.job_id.as_deref().unwrap_or_default()),
                    String::new(),
                    String::new(),
                    String::new(),
                    String::new(),
                    format!("FAILED {}: {problem}", problem.code),
                ];
                table.add_row(row);
            }
        }
    }
    show::line(&table.to_string());
    let folder = match out {
        Some(out) => format!("{}/{{job}}/", out.display()),
        None => format!(
            "{}/{}/{{job}}/",
            app.config.storage.output,
            ended.iter().find_map(tenant).unwrap_or_else(|| "default".into())
        ),
    };
    show::line(&format!("report.json, transcript.txt, .srt, .vtt   {folder}"));
    for id in ended.iter().filter(|one| one.asks.is_held).filter_map(|one| one.job_id.as_deref()) {
        show::line(&format!("to release what is held back              earmark results release {id} --by NAME"));
    }
    if ended.iter().any(|one| one.asks.alerts > 0) {
        show::line("alerts                                    earmark alerts list");
    }
    show::line(&format!(
        "audit log                                 EARMARK__DATABASE__URL={} earmark audit verify",
        app.config.database.url
    ));
}

fn tenant(ended: &Ended) -> Option<String> {
    ended.result.as_ref().ok().map(|report| report.tenant.to_string())
}

fn short(uri: &str) -> &str {
    uri.rsplit('/').find(|part| !part.is_empty()).unwrap_or(uri)
}

fn languages(report: &Report) -> String {
    let mut languages: Vec<&str> =
        report.utterances.iter().filter_map(|utterance| utterance.language.as_deref()).collect();
    languages.sort_unstable();
    languages.dedup();
    if languages.is_empty() { report.language.clone() } else { languages.join(", ") }
}

fn speakers(report: &Report) -> String {
    let mut speakers: Vec<&str> = report.utterances.iter().map(|utterance| utterance.speaker.0.as_str()).collect();
    speakers.sort_unstable();
    speakers.dedup();
    speakers.join(", ")
}

/// How many times faster than the recording itself.
fn speed(duration_ms: u64, took: Duration) -> String {
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "milliseconds of a recording are far below 2^53"
    )]
    let times = duration_ms as f64 / 1000.0 / took.as_secs_f64().max(0.001);
    format!("{times:.1} x")
}
