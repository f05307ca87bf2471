//! `earmark queue`: how many jobs stand where, and pauses of lanes and tenants.

use std::time::Duration;

use earmark_core::{Lane, Standing, Tenant, rfc3339};

use super::outcome::Outcome;
use super::{arguments, show};
use crate::config::CommandError;
use crate::desk::queue::{Backlog, Pause, QueueStats, WorkerProcess};
use crate::desk::views::{QueueView, StreamCounts, StreamsView};
use crate::desk::{Desk, duration};

/// Show the queue, pause or resume it.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show how many jobs of each lane stand where, who works and what is paused.
    Stats {
        /// As JSON, one object.
        #[arg(long)]
        json: bool,
    },
    /// Have no more jobs taken; what runs goes on. Without --lane and --tenant: none at all.
    Pause(Part),
    /// Have jobs taken again. Without --lane and --tenant every pause is lifted.
    Resume(Part),
}

/// The jobs that are meant; all where nothing is named.
#[derive(Debug, clap::Args)]
pub struct Part {
    /// This lane's: webhook, call, archive.
    #[arg(long)]
    lane: Option<Lane>,
    /// This tenant's.
    #[arg(long)]
    tenant: Option<String>,
}

pub async fn queue(desk: &Desk, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::Stats { json } => stats(desk, json).await,
        Command::Pause(part) => {
            let tenant = part.tenant.as_deref().map(arguments::tenant).transpose()?;
            let paused = desk.pause(part.lane, tenant.as_ref(), arguments::ACTOR).await?;
            let already = if paused.is_new { "" } else { " already" };
            show::line(&format!("{} is paused{already}; what runs goes on", part_named(part.lane, tenant.as_ref())));
            Ok(Outcome::Done)
        }
        Command::Resume(part) => {
            let tenant = part.tenant.as_deref().map(arguments::tenant).transpose()?;
            resume(desk, part.lane, tenant.as_ref()).await
        }
    }
}

async fn resume(desk: &Desk, lane: Option<Lane>, tenant: Option<&Tenant>) -> Result<Outcome, CommandError> {
    let resumed = desk.resume(lane, tenant, arguments::ACTOR).await?;
    for pause in &resumed.lifted {
        show::line(&format!("{} is resumed", paused_part(pause)));
    }
    if resumed.lifted.is_empty() {
        show::note(&format!("{} is not paused by that name; nothing was changed", part_named(lane, tenant)));
    }
    for pause in &resumed.pauses {
        show::note(&format!("{} is still paused", paused_part(pause)));
    }
    Ok(Outcome::Done)
}

async fn stats(desk: &Desk, is_json: bool) -> Result<Outcome, CommandError> {
    let view = desk.queue().await?;
    if is_json {
        show::json(&view)?;
        return Ok(Outcome::Done);
    }
    let QueueView { stats, streams, places_away } = view;
    let mut head = vec!["lane"];
    head.extend(Standing::ALL.iter().map(|standing| standing.as_str()));
    head.push("oldest");
    let mut table = show::table(&head);
    for lane in &stats.lanes {
        let mut row = vec![lane.lane.to_string()];
        row.extend(Standing::ALL.iter().map(|standing| lane.at(*standing).to_string()));
        row.push(lane.oldest_age_ms.map(age).unwrap_or_default());
        table.add_row(row);
    }
    show::line(&table.to_string());
    if !stats.worker_processes.is_empty() {
        show::line(&workers(&stats.worker_processes));
    }
    facts(&stats, streams.as_ref());
    for place in &places_away {
        let waiting = show::counted(place.jobs_waiting, "job waits", "jobs wait");
        show::line(&format!("away     {} since {}, {waiting}: {}", place.name, place.since, place.message));
    }
    show::line(&messages(desk, stats.outbox));
    Ok(Outcome::Done)
}

/// A line for each worker that lives, and for each that is gone and did not say so.
fn workers(processes: &[WorkerProcess]) -> String {
    let mut table = show::table(&["host", "process", "version", "slots", "jobs", "last seen"]);
    for worker in processes {
        table.add_row([
            worker.host.clone(),
            worker.pid.to_string(),
            worker.version.clone().unwrap_or_default(),
            worker.slots.to_string(),
            worker.jobs.to_string(),
            format!("{}{} ago", if worker.is_alive { "" } else { "gone, " }, age(worker.seen_ago_ms)),
        ]);
    }
    table.to_string()
}

fn facts(stats: &QueueStats, streams: Option<&StreamsView>) {
    show::line(&format!(
        "workers  {} alive with {}",
        stats.workers.live,
        show::counted(stats.workers.slots, "slot", "slots")
    ));
    if let Some(streams) = streams {
        show::line(&format!("streams  {}", in_words(streams)));
        if let StreamsView::Counted(StreamCounts { problem: Some(problem), .. }) = streams {
            let hint = problem.hint.as_ref().map(|hint| format!("\n         hint: {hint}")).unwrap_or_default();
            show::line(&format!("queue    {}{hint}", problem.message));
        }
    }
    for pause in &stats.pauses {
        show::line(&format!("paused   {} since {} by {}", paused_part(pause), rfc3339(pause.since_ms), pause.by));
    }
}

/// What becomes of the messages in the outbox.
fn messages(desk: &Desk, outbox: Backlog) -> String {
    let days = desk.config().retention.messages_days;
    if desk.config().notify.url.is_none() {
        let waiting = show::counted(outbox.waiting, "message", "messages");
        let end = match days {
            0 => "kept, as retention.messages_days says".into(),
            days => format!("removed after {}", show::counted(days, "day", "days")),
        };
        return format!("outbox   {waiting} for nobody: notify.url is not set; {end}");
    }
    let oldest =
        if outbox.waiting > 0 { format!(", the oldest for {}", age(outbox.oldest_age_ms)) } else { String::new() };
    format!("outbox   {}{oldest}", show::counted(outbox.waiting, "message waits", "messages wait"))
}

fn in_words(streams: &StreamsView) -> String {
    match streams {
        StreamsView::Unknown { error } => error.clone(),
        StreamsView::Counted(counts) => {
            let lanes: Vec<String> = counts.lanes.iter().map(|(lane, entries)| format!("{entries} {lane}")).collect();
            format!(
                "{} to be leased; {} to be journaled; {} rejected so far",
                lanes.join(", "),
                counts.intake,
                counts.rejected
            )
        }
    }
}

/// Whose jobs `pause` holds up, for people.
pub fn paused_part(pause: &Pause) -> String {
    part_named(pause.lane, pause.tenant.as_ref())
}

/// The command that lifts `pause`.
pub fn resuming(pause: &Pause) -> String {
    let lane = pause.lane.map(|lane| format!(" --lane {lane}")).unwrap_or_default();
    let tenant = pause.tenant.as_ref().map(|tenant| format!(" --tenant {tenant}")).unwrap_or_default();
    format!("earmark queue resume{lane}{tenant}")
}

/// The jobs that are meant, for people.
fn part_named(lane: Option<Lane>, tenant: Option<&Tenant>) -> String {
    match (lane, tenant) {
        (None, None) => "everything".into(),
        (Some(lane), None) => format!("lane {lane}"),
        (None, Some(tenant)) => format!("tenant {tenant}"),
        (Some(lane), Some(tenant)) => format!("tenant {tenant} in lane {lane}"),
    }
}

fn age(ms: i64) -> String {
    duration::shown(Duration::from_millis(ms.unsigned_abs()))
}
