//! `earmark retention`

use super::outcome::Outcome;
use super::show;
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::views::RetentionView;

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

pub async fn retention(desk: &Desk, args: &Args) -> Result<Outcome, CommandError> {
    let view = desk.retention(args.dry_run).await?;
    if args.json {
        show::json(&view)?;
        return Ok(Outcome::Done);
    }
    let RetentionView { clips, messages, usage, spending, workers, jobs } = view;
    let days = &desk.config().retention;
    let rows = [
        ("clips", days.clips_days, clips),
        ("messages", days.messages_days, messages),
        ("usage", days.usage_days, usage),
        ("spending", days.usage_days, spending),
        ("workers", days.workers_days, workers),
        ("jobs", days.jobs_days, jobs),
    ];
    let mut table = show::table(&["what", "kept for", if args.dry_run { "would go" } else { "gone" }]);
    for (name, days, count) in rows {
        let kept = if days == 0 { "ever".into() } else { format!("{days} days") };
        table.add_row([name.to_owned(), kept, count.to_string()]);
    }
    show::line(&table.to_string());
    Ok(Outcome::Done)
}
