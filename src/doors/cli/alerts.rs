//! `earmark alerts`

use std::collections::HashSet;

use super::outcome::Outcome;
use super::{arguments, show};
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::alerts::AlertFilter;
use crate::desk::views::AlertView;

/// Alerts acknowledged between two looks at the list.
const PAGE: u32 = 200;

/// List or acknowledge alerts.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List alerts that nobody has acknowledged, the newest first.
    List {
        #[command(flatten)]
        which: Which,
        /// Those that were acknowledged, too.
        #[arg(long)]
        all: bool,
        /// At most this many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// As JSON, an alert a line.
        #[arg(long)]
        json: bool,
    },
    /// Acknowledge alerts: those named, or those that a filter lets through.
    Ack {
        /// The alerts' ids.
        ids: Vec<String>,
        #[command(flatten)]
        which: Which,
        /// All that are open, where no filter is given.
        #[arg(long)]
        all: bool,
        /// Only say how many.
        #[arg(long)]
        dry_run: bool,
        /// As JSON, an alert a line.
        #[arg(long)]
        json: bool,
    },
}

/// Which alerts are meant. Everything that is given must hold.
#[derive(Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Which {
    /// Only this tenant's.
    #[arg(long)]
    tenant: Option<String>,
    /// Only of this kind: job.dead, job.quarantined, finding.alert, account.paused, …
    #[arg(long)]
    kind: Option<String>,
    /// Only about jobs that died of this: the error's code.
    #[arg(long)]
    code: Option<String>,
    /// Only those that happened, for the last time, at this time or later: RFC 3339, a day, or a span such as 2h.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those that happened, for the last time, before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl Which {
    fn filter(&self, is_open: bool) -> Result<AlertFilter, CommandError> {
        Ok(AlertFilter {
            tenant: self.tenant.as_deref().map(arguments::tenant).transpose()?,
            kind: self.kind.clone(),
            subject: self.code.clone(),
            since_ms: arguments::instant_ms("--since", self.since.as_deref())?,
            until_ms: arguments::instant_ms("--until", self.until.as_deref())?,
            is_open,
        })
    }
}

pub async fn alerts(desk: &Desk, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::List { which, all, limit, json } => list(desk, &which.filter(!all)?, limit, json).await,
        Command::Ack { ids, which, all, dry_run, json } => {
            let is_chosen = which != Which::default();
            if ids.is_empty() && !is_chosen && !all {
                let hint = "give ids, --tenant, --kind, --code, --since or --until, or --all for every open one";
                return Err(CommandError::plain("nothing says which alerts are meant", Some(hint)));
            }
            if !ids.is_empty() && (is_chosen || all) {
                return Err(CommandError::plain("ids and a filter are given", Some("give one of them")));
            }
            let filter = which.filter(true)?;
            if ids.is_empty() {
                return acknowledge_all(desk, &filter, dry_run, json).await;
            }
            for id in ids {
                if !dry_run {
                    desk.acknowledge(&id, arguments::ACTOR).await?;
                }
                told(&id, dry_run, json)?;
            }
            Ok(Outcome::Done)
        }
    }
}

async fn list(desk: &Desk, filter: &AlertFilter, limit: u32, json: bool) -> Result<Outcome, CommandError> {
    let alerts = desk.alerts(filter, limit).await?;
    if json {
        alerts.iter().try_for_each(show::json)?;
        return Ok(Outcome::Done);
    }
    let shown = alerts.len();
    let mut table = show::table(&["alert", "raised", "tenant", "kind", "job", "message", "acknowledged"]);
    for alert in alerts {
        let acknowledged = acknowledged(&alert);
        let (raised, message) = (raised(&alert), message(&alert));
        table.add_row([
            alert.id,
            raised,
            alert.tenant.to_string(),
            alert.kind,
            alert.job_id.map(|id| id.to_string()).unwrap_or_default(),
            message,
            acknowledged,
        ]);
    }
    show::line(&table.to_string());
    show::rest(shown, desk.count_alerts(filter).await?);
    Ok(Outcome::Done)
}

async fn acknowledge_all(desk: &Desk, filter: &AlertFilter, is_dry: bool, json: bool) -> Result<Outcome, CommandError> {
    if is_dry {
        let all = desk.count_alerts(filter).await?;
        if json {
            show::json(&serde_json::json!({ "dry_run": true, "alerts": all }))?;
        } else {
            show::line(&format!("{} would be acknowledged", show::counted(all, "alert", "alerts")));
        }
        return Ok(Outcome::Done);
    }
    let mut seen = HashSet::new();
    loop {
        let page = desk.alerts(filter, PAGE).await?;
        let new: Vec<_> = page.into_iter().filter(|alert| seen.insert(alert.id.clone())).collect();
        if new.is_empty() {
            return Ok(Outcome::Done);
        }
        for alert in new {
            // Where somebody else, or the end of its cause, came first there is nothing to do.
            if desk.acknowledge_open(&alert.id, arguments::ACTOR).await? {
                told(&alert.id, false, json)?;
            }
        }
    }
}

fn told(id: &str, is_dry: bool, json: bool) -> Result<(), CommandError> {
    if json {
        return show::json(&serde_json::json!({ "alert": id, "acknowledged": !is_dry }));
    }
    show::line(&if is_dry { format!("{id} would be acknowledged") } else { format!("{id} acknowledged") });
    Ok(())
}

/// When it was raised, and when it happened last.
fn raised(alert: &AlertView) -> String {
    match &alert.last_at {
        Some(last) => format!("{}, last {last}", alert.raised_at),
        None => alert.raised_at.clone(),
    }
}

/// The message, and how often it happened.
fn message(alert: &AlertView) -> String {
    if alert.times > 1 { format!("{} × {}", alert.times, alert.message) } else { alert.message.clone() }
}

/// When and by whom it was seen to, or why nobody had to.
fn acknowledged(alert: &AlertView) -> String {
    let acknowledged = alert.acknowledged_at.as_ref().zip(alert.acknowledged_by.as_ref());
    let acknowledged = acknowledged.map(|(at, by)| format!("{at} by {by}")).unwrap_or_default();
    match &alert.cause {
        Some(cause) => format!("{acknowledged}: {cause}"),
        None => acknowledged,
    }
}
