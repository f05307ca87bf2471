//! `earmark jobs`

use earmark_core::shown_uri;
use earmark_core::{Job, JobId, Lane, Standing, Tenant, rfc3339};
use earmark_journal::{CancelOutcome, JobFilter, StandingJob};

use super::{Outcome, show};
use crate::app::App;
use crate::config::CommandError;

/// List, show, retry or cancel jobs.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List jobs, the newest first.
    List {
        /// Only this tenant's.
        #[arg(long)]
        tenant: Option<String>,
        /// Only this state's: ready (in three parts: accepted, waiting, paused), leased, done, dead, cancelled.
        #[arg(long)]
        state: Option<Standing>,
        /// Only this lane's: webhook, call, archive.
        #[arg(long)]
        lane: Option<Lane>,
        /// Only the job with this producer's key.
        #[arg(long)]
        key: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// As JSON, a job a line.
        #[arg(long)]
        json: bool,
    },
    /// Show one job with its history.
    Show {
        /// Which.
        id: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make dead or cancelled jobs ready again.
    Retry {
        /// Which.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Call jobs off.
    Cancel {
        /// Which.
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// Who acts, for the audit log.
pub const ACTOR: &str = "cli";

/// Longest name of a person, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// The name in `--by`: it goes on record, so that nobody decides namelessly.
pub fn person(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() {
        return Err("who decides goes on record: give a name".into());
    }
    if name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(format!("a name has at most {MAX_NAME_BYTES} bytes, this one has {}, and one line", name.len()));
    }
    Ok(name.into())
}

/// Who acts, for the audit log, where a name is given.
pub fn actor(by: Option<&str>) -> String {
    by.map_or_else(|| ACTOR.into(), |by| format!("{ACTOR}:{by}"))
}

/// The command.
pub async fn jobs(app: &App, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::List { tenant, state, lane, key, limit, json } => {
            let tenant = tenant.map(|tenant| self::tenant(&tenant)).transpose()?;
            let filter = JobFilter { tenant, lane, key, limit, ..JobFilter::default().standing_at(state) };
            list(&app.journal.standings(&filter).await?, json)
        }
        Command::Show { id, json } => show_job(app, &self::id(&id)?, json).await,
        Command::Retry { ids } => {
            for id in ids {
                let job = app.journal.retry(&self::id(&id)?, ACTOR).await?;
                show::line(&format!("{} {}", job.id, job.state));
            }
            Ok(Outcome::Done)
        }
        Command::Cancel { ids } => cancel(app, &ids).await,
    }
}

async fn cancel(app: &App, ids: &[String]) -> Result<Outcome, CommandError> {
    let mut outcome = Outcome::Done;
    for id in ids {
        let id = self::id(id)?;
        match app.journal.cancel(&id, ACTOR).await? {
            CancelOutcome::Cancelled => show::line(&format!("{id} cancelled")),
            CancelOutcome::Requested => {
                show::line(&format!("{id} is being worked on; its worker will stop within seconds"))
            }
            CancelOutcome::AlreadyFinal(state) => {
                show::note(&format!("{id} is {state} already"));
                outcome = Outcome::SomeFailed;
            }
        }
    }
    Ok(outcome)
}

fn list(jobs: &[StandingJob], json: bool) -> Result<Outcome, CommandError> {
    if json {
        for job in jobs {
            show::json(job)?;
        }
        return Ok(Outcome::Done);
    }
    let mut table = show::table(&["job", "state", "lane", "tenant", "try", "clips", "accepted", "recording", "error"]);
    for StandingJob { job, standing } in jobs {
        table.add_row([
            job.id.to_string(),
            standing.to_string(),
            job.lane.to_string(),
            job.tenant.to_string(),
            job.attempt.to_string(),
            clips(job),
            rfc3339(job.accepted_at_ms),
            job.uri.clone(),
            job.error.as_ref().map(|error| format!("{}: {error}", error.code)).unwrap_or_default(),
        ]);
    }
    show::line(&table.to_string());
    Ok(Outcome::Done)
}

async fn show_job(app: &App, id: &JobId, json: bool) -> Result<Outcome, CommandError> {
    let found = app.journal.standing(id).await?;
    if json {
        let mut value = serde_json::to_value(&found).map_err(|error| CommandError::internal(&error))?;
        value["held"] = app.results.review_hold(id).await?.is_some_and(|holding| holding.is_held()).into();
        show::json(&value)?;
        return Ok(Outcome::Done);
    }
    let StandingJob { job, standing } = found;
    let mut facts = vec![
        ("job", job.id.to_string()),
        ("recording", job.uri.clone()),
        ("found at", shown_uri(&job.location)),
        ("tenant", job.tenant.to_string()),
        ("lane", job.lane.to_string()),
        ("state", standing.to_string()),
        ("try", job.attempt.to_string()),
        ("clips", clips(&job)),
        ("accepted", rfc3339(job.accepted_at_ms)),
    ];
    if standing == Standing::Waiting {
        facts.push(("not before", rfc3339(job.run_at_ms)));
    }
    if job.priority != 0 {
        facts.push(("priority", job.priority.to_string()));
    }
    if let Some(key) = &job.key {
        facts.push(("key", key.clone()));
    }
    if let Some(finished) = job.finished_at_ms {
        facts.push(("finished", rfc3339(finished)));
    }
    if let Some(holding) = app.results.review_hold(id).await? {
        let since = rfc3339(holding.held_since_ms);
        let text = match holding.released {
            Some((at_ms, by)) => format!("from {since} to {}, released by {by}", rfc3339(at_ms)),
            None => format!("for review since {since}; `earmark results release` releases it"),
        };
        facts.push(("held", text));
    }
    if let Some(error) = &job.error {
        facts.push(("error", format!("{} ({})", error.message, error.code)));
        facts.extend(error.hint.clone().map(|hint| ("hint", hint)));
    }
    for (name, value) in facts {
        show::line(&format!("{name:>10}  {value}"));
    }
    show::line("");
    for entry in app.audit.of_job(id).await? {
        show::line(&format!(
            "{:>10}  {}  {} by {}",
            entry.head.seq,
            rfc3339(entry.head.time_ms),
            entry.head.kind,
            entry.head.actor
        ));
    }
    Ok(Outcome::Done)
}

fn clips(job: &Job) -> String {
    job.clips_total.map_or_else(String::new, |total| format!("{}/{total}", job.clips_done))
}

/// The job id in `text`.
pub fn id(text: &str) -> Result<JobId, CommandError> {
    JobId::parse(text)
        .map_err(|error| CommandError::plain(error.to_string(), Some("`earmark jobs list` shows the ids")))
}

/// The tenant in `text`.
pub fn tenant(text: &str) -> Result<Tenant, CommandError> {
    Tenant::parse(text).map_err(|error| CommandError::plain(error.to_string(), None))
}
