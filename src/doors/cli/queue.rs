//! `earmark queue`: how many jobs stand where, and pauses of lanes and tenants.

use std::time::Duration;

use earmark_core::{Lane, Standing, Tenant, rfc3339};
use earmark_journal::{Backlog, Pause, QueueStats};
use serde_json::Value;

use super::{Outcome, jobs, show};
use crate::app::App;
use crate::config::CommandError;
use crate::desk::duration;
use crate::desk::queue::Look;

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

/// Of which jobs.
#[derive(Debug, clap::Args)]
pub struct Part {
    /// This lane's: webhook, call, archive.
    #[arg(long)]
    lane: Option<Lane>,
    /// This tenant's.
    #[arg(long)]
    tenant: Option<String>,
}

/// The command.
pub async fn queue(app: &App, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::Stats { json } => stats(app, json).await,
        Command::Pause(part) => {
            let tenant = part.tenant.as_deref().map(jobs::tenant).transpose()?;
            let is_new = app.journal.pause(part.lane, tenant.as_ref(), jobs::ACTOR).await?;
            let already = if is_new { "" } else { " already" };
            show::line(&format!("{} is paused{already}; what runs goes on", what(part.lane, tenant.as_ref())));
            Ok(Outcome::Done)
        }
        Command::Resume(part) => {
            let tenant = part.tenant.as_deref().map(jobs::tenant).transpose()?;
            resume(app, part.lane, tenant.as_ref()).await
        }
    }
}

async fn resume(app: &App, lane: Option<Lane>, tenant: Option<&Tenant>) -> Result<Outcome, CommandError> {
    let lifted = app.journal.resume(lane, tenant, jobs::ACTOR).await?;
    for pause in &lifted {
        show::line(&format!("{} is resumed", what_of(pause)));
    }
    if lifted.is_empty() {
        show::note(&format!("{} is not paused by that name; nothing was changed", what(lane, tenant)));
    }
    for pause in app.journal.pauses().await? {
        show::note(&format!("{} is still paused", what_of(&pause)));
    }
    Ok(Outcome::Done)
}

async fn stats(app: &App, is_json: bool) -> Result<Outcome, CommandError> {
    let look = Look::at(&app.journal, app.broker.as_deref()).await?;
    if is_json {
        show::json(&look.json())?;
        return Ok(Outcome::Done);
    }
    let Look { stats, streams } = look;
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
    facts(&stats, streams.as_ref());
    show::line(&told(app, stats.outbox));
    Ok(Outcome::Done)
}

fn facts(stats: &QueueStats, streams: Option<&Value>) {
    show::line(&format!(
        "workers  {} alive with {}",
        stats.workers.live,
        show::counted(stats.workers.slots, "slot", "slots")
    ));
    if let Some(streams) = streams {
        show::line(&format!("streams  {}", in_words(streams)));
    }
    for pause in &stats.pauses {
        show::line(&format!("paused   {} since {} by {}", what_of(pause), rfc3339(pause.since_ms), pause.by));
    }
}

/// What becomes of the messages in the outbox.
fn told(app: &App, outbox: Backlog) -> String {
    let days = app.config.retention.messages_days;
    if app.config.notify.url.is_none() {
        let messages = show::counted(outbox.waiting, "message", "messages");
        let end = match days {
            0 => "kept, as retention.messages_days says".into(),
            days => format!("removed after {}", show::counted(days, "day", "days")),
        };
        return format!("outbox   {messages} for nobody: notify.url is not set; {end}");
    }
    let oldest =
        if outbox.waiting > 0 { format!(", the oldest for {}", age(outbox.oldest_age_ms)) } else { String::new() };
    format!("outbox   {}{oldest}", show::counted(outbox.waiting, "message waits", "messages wait"))
}

fn in_words(streams: &Value) -> String {
    if let Some(error) = streams["error"].as_str() {
        return error.into();
    }
    let lanes = streams["lanes"].as_object().into_iter().flatten();
    let lanes: Vec<String> = lanes.map(|(lane, entries)| format!("{entries} {lane}")).collect();
    format!(
        "{} to be leased; {} to be journaled; {} rejected so far",
        lanes.join(", "),
        streams["intake"],
        streams["rejected"]
    )
}

/// Whose jobs `pause` holds up, for people.
pub fn what_of(pause: &Pause) -> String {
    what(pause.lane, pause.tenant.as_ref())
}

/// The command that lifts `pause`.
pub fn resuming(pause: &Pause) -> String {
    let lane = pause.lane.map(|lane| format!(" --lane {lane}")).unwrap_or_default();
    let tenant = pause.tenant.as_ref().map(|tenant| format!(" --tenant {tenant}")).unwrap_or_default();
    format!("earmark queue resume{lane}{tenant}")
}

/// The jobs that are meant, for people.
fn what(lane: Option<Lane>, tenant: Option<&Tenant>) -> String {
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
