//! `earmark storage`: the output's bucket, kept tidy.

use super::{Outcome, show};
use crate::app::App;
use crate::config::CommandError;

/// Look after the output.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Remove artifacts in the bucket that no job names: what dead workers wrote and did not finish. Workers do so once a
    /// day.
    Sweep {
        /// Only say what would be removed.
        #[arg(long)]
        dry_run: bool,
        /// Also those of jobs that this database does not know. Make sure that no other database writes there.
        #[arg(long)]
        unknown: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// The command.
pub async fn storage(app: &App, command: Command) -> Result<Outcome, CommandError> {
    let Command::Sweep { dry_run, unknown, json } = command;
    let Some(report) = app.sweep_orphans(dry_run, unknown).await? else {
        return Err(CommandError::plain(
            format!("the output {} is a folder", app.config.storage.output),
            Some("only buckets are swept: set EARMARK__STORAGE__OUTPUT=s3://bucket/prefix"),
        ));
    };
    if json {
        show::json(&serde_json::json!({
            "artifacts": report.seen, "orphans": report.orphans, "orphaned_bytes": report.orphaned_bytes,
            "unknown": report.unknown, "foreign": report.foreign, "is_dry_run": dry_run,
        }))?;
        return Ok(Outcome::Done);
    }
    let verb = if dry_run { "would be removed" } else { "removed" };
    show::line(&format!(
        "{}, {} ({}) {verb}",
        show::counted(report.seen, "artifact", "artifacts"),
        show::counted(report.orphans, "orphan", "orphans"),
        show::counted(report.orphaned_bytes, "byte", "bytes")
    ));
    if report.unknown > 0 && !unknown {
        show::note(&format!(
            "left, unless --unknown is given: {} of jobs that this database does not know",
            show::counted(report.unknown, "artifact", "artifacts")
        ));
    }
    if report.foreign > 0 {
        show::note(&format!("left alone: {}", show::counted(report.foreign, "other object", "other objects")));
    }
    Ok(Outcome::Done)
}
