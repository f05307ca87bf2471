//! The commands on rules, and what each of them calls.

use std::path::{Path, PathBuf};

use earmark_rules::RuleSet;

use super::{activate, check, kept, replay, stats, test};
use crate::app::App;
use crate::config::CommandError;
use crate::config::Config;
use crate::desk::rules::files;
use crate::doors::cli::Outcome;

/// Check, test, show, activate or compare rules.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Read a rule set and point out what is wrong or probably not meant.
    Check {
        /// A rule file or a folder of them; the configured set without it.
        path: Option<PathBuf>,
    },
    /// Run the examples in the rules, or the rules over one text.
    Test {
        /// A rule file or a folder of them; the configured set without it.
        path: Option<PathBuf>,
        /// A text to look for findings in, instead of the examples.
        #[arg(long)]
        text: Option<String>,
        /// As JSON: with --text a finding a line, otherwise what became of the examples.
        #[arg(long)]
        json: bool,
    },
    /// Put a rule set in force, for every process of the database.
    Activate(activate::Activate),
    /// Go back to the rule set that was in force before; again: one further back.
    Rollback(activate::Record),
    /// List the rule sets that are kept.
    List {
        /// At most this many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// As JSON, a set a line.
        #[arg(long)]
        json: bool,
    },
    /// Print the files of a kept rule set, or write them to a folder.
    Show {
        /// Its hash, or the beginning of it; the set in force without it.
        hash: Option<String>,
        /// An empty folder, or one to be made.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Judge stored transcripts by two rule sets, and print and keep what the second finds otherwise.
    Replay(replay::Args),
    /// List the replays on record, the newest first.
    Replays {
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// As JSON, a replay a line.
        #[arg(long)]
        json: bool,
    },
    /// Count each rule's findings and how often reviewers said they are right.
    Stats(stats::Args),
}

/// The command.
pub async fn rules(command: Command, config: Config) -> Result<Outcome, CommandError> {
    let load = |path: Option<PathBuf>| load(path.as_deref().or(config.rules.path.as_deref()));
    match command {
        Command::Check { path } => {
            check::check(&load(path)?, &config.audio);
            Ok(Outcome::Done)
        }
        Command::Test { path, text: Some(text), json } => test::text(&load(path)?, &text, json),
        Command::Test { path, text: None, json } => test::examples(&load(path)?, json),
        Command::Activate(args) => activate::activate(config, args).await,
        Command::Rollback(record) => activate::rollback(config, record).await,
        Command::List { limit, json } => kept::list(config, limit, json).await,
        Command::Show { hash, out } => kept::files(config, hash.as_deref(), out.as_deref()).await,
        Command::Replay(args) => replay::replay(&App::open_existing(config).await?, args).await,
        Command::Replays { limit, json } => replay::list(&App::open_existing(config).await?, limit, json).await,
        Command::Stats(args) => stats::stats(&App::open_existing(config).await?, args).await,
    }
}

fn load(path: Option<&Path>) -> Result<RuleSet, CommandError> {
    path.map_or_else(|| Ok(RuleSet::starter()), files::load)
}
