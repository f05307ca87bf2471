//! The commands on rules, and what each of them calls.

use std::path::PathBuf;

use super::{activate, check, kept, replay, stats, test};
use crate::config::{CommandError, Config};
use crate::desk::Desk;
use crate::desk::rules::check::check;
use crate::desk::rules::{in_force, trial};
use crate::doors::cli::outcome::Outcome;
use crate::doors::cli::show;

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

pub async fn rules(command: Command, config: Config) -> Result<Outcome, CommandError> {
    let load = |path: Option<PathBuf>| in_force::configured(path.as_deref().or(config.rules.path.as_deref()));
    match command {
        Command::Check { path } => {
            check::print(&check(&load(path)?.0, &config.audio));
            Ok(Outcome::Done)
        }
        Command::Test { path, text: Some(text), json } => test::text(&trial::findings_in(&load(path)?.0, &text), json),
        Command::Test { path, text: None, json } => test::examples(&trial::examples(&load(path)?.0), json),
        Command::Activate(args) => {
            let desk = Desk::open(config).await?;
            if let Some(made) = desk.made() {
                show::note(&made);
            }
            activate::activate(&desk, args).await
        }
        Command::Rollback(record) => activate::rollback(&Desk::open_existing(config).await?, record).await,
        Command::List { limit, json } => kept::list(&Desk::open_existing(config).await?, limit, json).await,
        Command::Show { hash, out } => {
            kept::files(&Desk::open_existing(config).await?, hash.as_deref(), out.as_deref()).await
        }
        Command::Replay(args) => replay::replay(&Desk::open_existing(config).await?, args).await,
        Command::Replays { limit, json } => replay::list(&Desk::open_existing(config).await?, limit, json).await,
        Command::Stats(args) => stats::stats(&Desk::open_existing(config).await?, args).await,
    }
}
