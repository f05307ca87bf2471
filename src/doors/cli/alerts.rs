//! `earmark alerts`

use super::outcome::Outcome;
use super::{arguments, show};
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::views::AlertView;

/// List or acknowledge alerts.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List alerts that nobody has acknowledged, the newest first.
    List {
        /// Only this tenant's.
        #[arg(long)]
        tenant: Option<String>,
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
    /// Acknowledge alerts.
    Ack {
        /// The alerts' ids.
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

pub async fn alerts(desk: &Desk, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::List { tenant, all, limit, json } => {
            let tenant = tenant.as_deref().map(arguments::tenant).transpose()?;
            let alerts = desk.alerts(tenant.as_ref(), !all, limit).await?;
            if json {
                alerts.iter().try_for_each(show::json)?;
                return Ok(Outcome::Done);
            }
            let mut table = show::table(&["alert", "raised", "tenant", "kind", "job", "message", "acknowledged"]);
            for alert in alerts {
                let acknowledged = acknowledged(&alert);
                table.add_row([
                    alert.id,
                    alert.raised_at,
                    alert.tenant.to_string(),
                    alert.kind,
                    alert.job_id.map(|id| id.to_string()).unwrap_or_default(),
                    alert.message,
                    acknowledged,
                ]);
            }
            show::line(&table.to_string());
        }
        Command::Ack { ids } => {
            for id in ids {
                desk.acknowledge(&id, arguments::ACTOR).await?;
                show::line(&format!("{id} acknowledged"));
            }
        }
    }
    Ok(Outcome::Done)
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
