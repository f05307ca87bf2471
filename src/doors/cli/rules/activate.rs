//! `earmark rules activate` and `earmark rules rollback`

use std::path::PathBuf;

use earmark_core::Problem;

use super::{check, test};
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::rules::check::check;
use crate::desk::rules::in_force::{named, short};
use crate::desk::rules::trial;
use crate::doors::cli::outcome::Outcome;
use crate::doors::cli::{arguments, show};

/// Put a rule set in force, for every process of the database.
#[derive(Debug, clap::Args)]
pub struct Activate {
    /// A rule file or a folder of them, or the hash of a kept set (its beginning will do).
    #[arg(value_name = "PATH|HASH", required_unless_present = "configured")]
    set: Option<PathBuf>,
    /// Give the set at each process's configured path the say again.
    #[arg(long, conflicts_with = "set")]
    configured: bool,
    /// Put it in force though examples in it do not do what they should.
    #[arg(long)]
    even_if_examples_fail: bool,
    #[command(flatten)]
    record: Record,
}

/// What goes on record.
#[derive(Debug, clap::Args)]
pub struct Record {
    /// Who decides.
    #[arg(long, value_name = "NAME", value_parser = arguments::person)]
    by: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// Checks the set, runs its examples, and puts it in force.
pub async fn activate(desk: &Desk, args: Activate) -> Result<Outcome, CommandError> {
    let rules = desk.rules_to_activate(args.set.as_deref()).await?;
    check::print(&check(&rules, &desk.config().audio));
    let examples = trial::examples(&rules);
    if examples.failed > 0 && !args.even_if_examples_fail {
        test::failures(&examples);
        return Err(CommandError::usage(Problem {
            code: "rules.examples".into(),
            message: format!("{} of {} examples do not do what they should", examples.failed, examples.examples),
            hint: Some("mend the rules, or give --even-if-examples-fail".into()),
        }));
    }
    let by = arguments::actor(args.record.by.as_deref());
    match desk.activate(&rules, args.configured, &by, args.record.note.as_deref()).await? {
        Some(activated) => {
            let before = activated.previous.as_deref().map_or("none is known", short);
            let what = if args.configured { "the configured path has the say again" } else { "is in force" };
            show::line(&format!("{}: {what} (before: {before})", named(&rules)));
            show::line(&when(desk));
        }
        None => show::line(&format!("{} is in force already; nothing is changed", named(&rules))),
    }
    desk.close().await;
    Ok(Outcome::Done)
}

/// Goes back to the set that was in force before.
pub async fn rollback(desk: &Desk, record: Record) -> Result<Outcome, CommandError> {
    let now = desk.roll_back(&arguments::actor(record.by.as_deref()), record.note.as_deref()).await?;
    let before = now.previous.as_deref().map_or("the configured one", short);
    match &now.sha256 {
        Some(sha256) => show::line(&format!("{} is in force again (before: {before})", short(sha256))),
        None => show::line(&format!("the configured path has the say again (before: {before})")),
    }
    show::line(&when(desk));
    desk.close().await;
    Ok(Outcome::Done)
}

/// When the processes that run go by it.
fn when(desk: &Desk) -> String {
    let secs = desk.config().rules.reload_secs;
    format!("running processes go over to it within {secs} s; jobs under way keep the rules they began with")
}
