//! `earmark retention`

use earmark_journal::{Retention, RetentionReport};

use super::{Outcome, show};
use crate::app::App;
use crate::config::CommandError;
use crate::desk::retention;

/// Remove what has had its time.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only count what would go.
    #[arg(long)]
    dry_run: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// The command.
pub async fn retention(app: &App, args: &Args) -> Result<Outcome, CommandError> {
    let keep = retention::keep(app);
    let report = if args.dry_run {
        Retention::new(app.database.clone()).preview(&keep).await?
    } else {
        retention::now(app).await?
    };
    let days = &app.config.retention;
    let RetentionReport { clips, messages, usage, spending, workers, jobs } = report;
    let rows = [
        ("clips", days.clips_days, clips),
        ("messages", days.messages_days, messages),
        ("usage", days.usage_days, usage),
        ("spending", days.usage_days, spending),
        ("workers", days.workers_days, workers),
        ("jobs", days.jobs_days, jobs),
    ];
    if args.json {
        let counts: serde_json::Map<_, _> =
            rows.iter().map(|(name, _, count)| ((*name).into(), (*count).into())).collect();
        show::json(&serde_json::Value::Object(counts))?;
        return Ok(Outcome::Done);
    }
    let mut table = show::table(&["what", "kept for", if args.dry_run { "would go" } else { "gone" }]);
    for (name, days, count) in rows {
        let kept = if days == 0 { "ever".into() } else { format!("{days} days") };
        table.add_row([name.to_owned(), kept, count.to_string()]);
    }
    show::line(&table.to_string());
    Ok(Outcome::Done)
}
