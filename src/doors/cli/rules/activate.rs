//! `earmark rules activate` and `earmark rules rollback`

use std::path::{Path, PathBuf};

use earmark_core::Problem;
use earmark_rules::RuleSet;

use super::{check, test};
use crate::app::App;
use crate::config::CommandError;
use crate::config::Config;
use crate::desk::rules::files;
use crate::desk::rules::in_force::{self, named, short};
use crate::doors::cli::{Outcome, jobs, show};

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
    #[arg(long, value_name = "NAME", value_parser = jobs::person)]
    by: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// Checks the set, runs its examples, and puts it in force.
pub async fn activate(config: Config, args: Activate) -> Result<Outcome, CommandError> {
    let app = App::open(config).await?;
    let path = app.config.rules.path.clone();
    let rules = match &args.set {
        None => in_force::configured(path.as_deref())?.0,
        Some(set) if set.exists() => files::load(set)?,
        Some(set) => kept(&app, set).await?,
    };
    check::check(&rules, &app.config.audio);
    let examples = rules.run_examples();
    if !examples.failures.is_empty() && !args.even_if_examples_fail {
        test::failures(&examples);
        return Err(CommandError::usage(Problem {
            code: "rules.examples".into(),
            message: format!("{} of {} examples do not do what they should", examples.failures.len(), examples.count),
            hint: Some("mend the rules, or give --even-if-examples-fail".into()),
        }));
    }
    app.keep(&rules).await?;
    let sha256 = &rules.id().sha256;
    let configured = in_force::configured(path.as_deref()).ok().map(|(rules, _)| rules.id().sha256.clone());
    let wanted = (!args.configured).then_some(sha256.as_str());
    let by = jobs::actor(args.record.by.as_deref());
    match app.rule_sets.activate(wanted, configured.as_deref(), &by, args.record.note.as_deref()).await? {
        Some(activation) => {
            let before = activation.previous.as_deref().map_or("none is known", short);
            let what = if args.configured { "the configured path has the say again" } else { "is in force" };
            show::line(&format!("{}: {what} (before: {before})", named(&rules)));
            show::line(&when(&app));
        }
        None => show::line(&format!("{} is in force already; nothing is changed", named(&rules))),
    }
    app.close().await;
    Ok(Outcome::Done)
}

/// The kept set whose hash begins with the text of `set`.
async fn kept(app: &App, set: &Path) -> Result<RuleSet, CommandError> {
    let text = set.to_string_lossy();
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(CommandError::usage(Problem {
            code: "rules.unreadable".into(),
            message: format!("there is no file or folder {text}, and it is no hash of a rule set"),
            hint: Some("`earmark rules list` shows the hashes of those that are kept".into()),
        }));
    }
    in_force::compile(app.rule_sets.find(&text).await?).await
}

/// Goes back to the set that was in force before.
pub async fn rollback(config: Config, record: Record) -> Result<Outcome, CommandError> {
    let app = App::open_existing(config).await?;
    let by = jobs::actor(record.by.as_deref());
    let activation = app.rule_sets.roll_back(&by, record.note.as_deref()).await?;
    let before = activation.previous.as_deref().map_or("the configured one", short);
    match &activation.sha256 {
        Some(sha256) => show::line(&format!("{} is in force again (before: {before})", short(sha256))),
        None => show::line(&format!("the configured path has the say again (before: {before})")),
    }
    show::line(&when(&app));
    app.close().await;
    Ok(Outcome::Done)
}

fn when(app: &App) -> String {
    let secs = app.config.rules.reload_secs;
    format!("running processes go over to it within {secs} s; jobs under way keep the rules they began with")
}
