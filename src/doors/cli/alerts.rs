//! `earmark alerts`

use earmark_core::rfc3339;

use super::{Outcome, jobs, show};
use crate::app::App;
use crate::config::CommandError;

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
    },
    /// Acknowledge alerts.
    Ack {
        /// Which.
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// When and by whom it was seen to, or why nobody had to.
fn acked(acked: Option<(i64, String)>, cause: Option<String>) -> String {
    let acked = acked.map(|(at_ms, actor)| format!("{} by {actor}", rfc3339(at_ms))).unwrap_or_default();
    cause.map_or(acked.clone(), |cause| format!("{acked}: {cause}"))
}

/// The command.
pub async fn alerts(app: &App, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::List { tenant, all, limit } => {
            let tenant = tenant.map(|tenant| jobs::tenant(&tenant)).transpose()?;
            let mut table = show::table(&["alert", "raised", "tenant", "kind", "job", "message", "acknowledged"]);
            for alert in app.outbox.alerts(tenant.as_ref(), !all, limit).await? {
                table.add_row([
                    alert.id,
                    rfc3339(alert.raised_at_ms),
                    alert.tenant.to_string(),
                    alert.kind,
                    alert.job_id.map(|id| id.to_string()).unwrap_or_default(),
                    alert.message,
                    acked(alert.acked, alert.cause),
                ]);
            }
            show::line(&table.to_string());
        }
        Command::Ack { ids } => {
            for id in ids {
                app.outbox.ack_alert(&id, jobs::ACTOR).await?;
                show::line(&format!("{id} acknowledged"));
            }
        }
    }
    Ok(Outcome::Done)
}
