//! `earmark jobs`

use earmark_core::{Failure as _, Job, JobId, Lane, Speaker, Standing, rfc3339};

use super::bulk::Which;
use super::outcome::Outcome;
use super::{arguments, show};
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::jobs::{CancelOutcome, JobFilter};
use crate::desk::submit::{Offer, OfferedPart};
use crate::desk::views::{HoldingView, JobView};

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
        /// Only jobs whose last error has this code, such as s3.connect.
        #[arg(long)]
        code: Option<String>,
        /// Only jobs that were accepted at this time or later: RFC 3339, a day, or a span such as 2h.
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Only jobs that were accepted before this time.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// As JSON, a job a line.
        #[arg(long)]
        json: bool,
    },
    /// Show one job with its history.
    Show {
        /// The job's id.
        id: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make dead or cancelled jobs ready again: those named, or those that a filter lets through.
    Retry {
        /// The jobs' ids.
        ids: Vec<String>,
        /// Fetch the one job's recording from this address, which is the same but for its signature; one for each of its
        /// files.
        #[arg(
            long,
            value_name = "URL",
            conflicts_with_all = ["state", "code", "tenant", "lane", "since", "until", "all", "dry_run", "json"]
        )]
        uri: Vec<String>,
        #[command(flatten)]
        which: Which,
    },
    /// Call jobs off: those named, or those that a filter lets through.
    Cancel {
        /// The jobs' ids.
        ids: Vec<String>,
        #[command(flatten)]
        which: Which,
    },
}

pub async fn jobs(desk: &Desk, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::List { tenant, state, lane, key, code, since, until, limit, json } => {
            let tenant = tenant.as_deref().map(arguments::tenant).transpose()?;
            let since_ms = arguments::instant_ms("--since", since.as_deref())?;
            let until_ms = arguments::instant_ms("--until", until.as_deref())?;
            let rest = JobFilter::default().standing_at(state);
            let filter = JobFilter { tenant, lane, key, code, since_ms, until_ms, limit, ..rest };
            let jobs = desk.jobs(&filter).await?.jobs;
            let outcome = list(&jobs, json)?;
            if !json {
                show::rest(jobs.len(), desk.count_jobs(&filter).await?);
            }
            Ok(outcome)
        }
        Command::Show { id, json } => show_job(desk, &arguments::job_id(&id)?, json).await,
        Command::Retry { ids, uri, which: _ } if !uri.is_empty() => retry_from(desk, &ids, uri).await,
        Command::Retry { ids, uri: _, which } => {
            if which.is_chosen(&ids)? {
                return which.retry(desk).await;
            }
            for id in ids {
                let job = desk.retry(&arguments::job_id(&id)?, arguments::ACTOR).await?;
                show::line(&format!("{} {}", job.id, job.state));
            }
            Ok(Outcome::Done)
        }
        Command::Cancel { ids, which } => match which.is_chosen(&ids)? {
            true => which.cancel(desk).await,
            false => cancel(desk, &ids).await,
        },
    }
}

/// Has one job tried again by fresh addresses.
async fn retry_from(desk: &Desk, ids: &[String], uris: Vec<String>) -> Result<Outcome, CommandError> {
    let id = match ids {
        [id] => id,
        [] => return Err(CommandError::plain("--uri is of one job, and none was given", Some("give its id"))),
        _ => {
            let message = "--uri is of one job, and several were given";
            return Err(CommandError::plain(message, Some("retry them one by one")));
        }
    };
    let part = |uri: String| OfferedPart { uri: uri.into(), ..OfferedPart::default() };
    let offer = match <[String; 1]>::try_from(uris) {
        Ok([uri]) => Offer { uri: uri.into(), ..Offer::default() },
        Err(uris) => Offer { parts: uris.into_iter().map(part).collect(), ..Offer::default() },
    };
    let job = desk.retry_from(&arguments::job_id(id)?, offer, arguments::ACTOR).await;
    let job = job.map_err(|error| CommandError::usage(error.problem()))?;
    show::line(&format!("{} {}", job.id, job.state));
    Ok(Outcome::Done)
}

async fn cancel(desk: &Desk, ids: &[String]) -> Result<Outcome, CommandError> {
    let mut outcome = Outcome::Done;
    for id in ids {
        let id = arguments::job_id(id)?;
        match desk.cancel(&id, arguments::ACTOR).await? {
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

fn list(jobs: &[JobView], json: bool) -> Result<Outcome, CommandError> {
    if json {
        for job in jobs {
            show::json(job)?;
        }
        return Ok(Outcome::Done);
    }
    let mut table = show::table(&["job", "state", "lane", "tenant", "try", "clips", "accepted", "recording", "error"]);
    for JobView { job, standing, accepted_at, .. } in jobs {
        table.add_row([
            job.id.to_string(),
            standing.to_string(),
            job.lane.to_string(),
            job.tenant.to_string(),
            job.attempt.to_string(),
            clips(job),
            accepted_at.clone(),
            job.uri.to_string(),
            job.error.as_ref().map(|error| format!("{}: {error}", error.code)).unwrap_or_default(),
        ]);
    }
    show::line(&table.to_string());
    Ok(Outcome::Done)
}

async fn show_job(desk: &Desk, id: &JobId, json: bool) -> Result<Outcome, CommandError> {
    let view = desk.job(id).await?;
    if json {
        show::json(&view)?;
        return Ok(Outcome::Done);
    }
    for (name, value) in facts(&view) {
        show::line(&format!("{name:>10}  {value}"));
    }
    show::line("");
    for entry in desk.history(id).await? {
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

/// What a person wants to know of a job, name by name.
fn facts(view: &JobView) -> Vec<(&'static str, String)> {
    let JobView { job, standing, accepted_at, finished_at, speakers, sound, holding, .. } = view;
    let mut facts = vec![
        ("job", job.id.to_string()),
        ("recording", job.uri.to_string()),
        ("found at", job.location.to_string()),
        ("tenant", job.tenant.to_string()),
        ("lane", job.lane.to_string()),
        ("state", standing.to_string()),
        ("try", job.attempt.to_string()),
        ("clips", clips(job)),
        ("accepted", accepted_at.clone()),
    ];
    for (number, part) in (1..).zip(&view.parts) {
        let speaker = part.speaker.as_ref().map(|speaker| format!(", {}", speaker.0)).unwrap_or_default();
        let of = view.parts.len();
        facts.push(("file", format!("{number} of {of}: {} at {} ms{speaker}", part.uri, part.offset_ms)));
    }
    if *standing == Standing::Waiting {
        facts.push(("not before", rfc3339(job.run_at_ms)));
    }
    if job.priority != 0 {
        facts.push(("priority", job.priority.to_string()));
    }
    facts.extend(job.key.clone().map(|key| ("key", key)));
    let names = |speakers: &Vec<Speaker>| speakers.iter().map(|one| one.0.as_str()).collect::<Vec<_>>().join(", ");
    facts.extend(speakers.as_ref().map(|speakers| ("speakers", names(speakers))));
    facts.extend(sound.map(|sound| ("sound", sound.to_string())));
    facts.extend(finished_at.clone().map(|finished| ("finished", finished)));
    facts.extend(held(holding).map(|held| ("held", held)));
    if let Some(error) = &job.error {
        facts.push(("error", format!("{} ({})", error.message, error.code)));
        facts.extend(error.hint.clone().map(|hint| ("hint", hint)));
    }
    facts
}

/// How long the result is or was held back; none for one that never was.
fn held(holding: &HoldingView) -> Option<String> {
    let since = holding.held_since.as_ref()?;
    Some(match (&holding.released_at, &holding.released_by) {
        (Some(at), Some(by)) => format!("from {since} to {at}, released by {by}"),
        _ => format!("for review since {since}; `earmark results release` releases it"),
    })
}

fn clips(job: &Job) -> String {
    job.clips_total.map_or_else(String::new, |total| format!("{}/{total}", job.clips_done))
}
