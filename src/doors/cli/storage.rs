//! `earmark storage`: the output's bucket, kept tidy.

use super::outcome::Outcome;
use super::show;
use crate::config::CommandError;
use crate::desk::Desk;

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

pub async fn storage(desk: &Desk, command: Command) -> Result<Outcome, CommandError> {
    let Command::Sweep { dry_run, unknown, json } = command;
    let Some(sweep) = desk.sweep(dry_run, unknown).await? else {
        return Err(CommandError::plain(
            format!("the output {} is a folder", desk.config().storage.output),
            Some("only buckets are swept: set EARMARK__STORAGE__OUTPUT=s3://bucket/prefix"),
        ));
    };
    if json {
        show::json(&sweep)?;
        return Ok(Outcome::Done);
    }
    let verb = if dry_run { "would be removed" } else { "removed" };
    show::line(&format!(
        "{}, {} ({}) {verb}",
        show::counted(sweep.artifacts, "artifact", "artifacts"),
        show::counted(sweep.orphans, "orphan", "orphans"),
        show::counted(sweep.orphaned_bytes, "byte", "bytes")
    ));
    if sweep.unknown > 0 && !unknown {
        show::note(&format!(
            "left, unless --unknown is given: {} of jobs that this database does not know",
            show::counted(sweep.unknown, "artifact", "artifacts")
        ));
    }
    if sweep.foreign > 0 {
        show::note(&format!("left alone: {}", show::counted(sweep.foreign, "other object", "other objects")));
    }
    Ok(Outcome::Done)
}
