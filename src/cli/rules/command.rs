//! The commands on rules, and what each of them calls.

use std::path::{Path, PathBuf};

use earmark_rules::RuleSet;

use super::{check, test};
use crate::cli::Outcome;
use crate::complaint::Complaint;
use crate::config::Config;
use crate::rule_files;

/// Check, test or show rules.
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
}

/// The command.
pub async fn rules(command: Command, config: Config) -> Result<Outcome, Complaint> {
    let load = |path: Option<PathBuf>| load(path.as_deref().or(config.rules.path.as_deref()));
    match command {
        Command::Check { path } => {
            check::check(&load(path)?, &config.audio);
            Ok(Outcome::Done)
        }
        Command::Test { path, text: Some(text), json } => test::text(&load(path)?, &text, json),
        Command::Test { path, text: None, json } => test::examples(&load(path)?, json),
    }
}

fn load(path: Option<&Path>) -> Result<RuleSet, Complaint> {
    path.map_or_else(|| Ok(RuleSet::starter()), rule_files::load)
}
