//! `earmark rules`

use std::path::{Path, PathBuf};

use earmark_rules::RuleSet;

use super::{Outcome, show};
use crate::complaint::Complaint;
use crate::config::{Audio, Config};
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
        /// With --text: as JSON, a finding a line.
        #[arg(long, requires = "text")]
        json: bool,
    },
}

/// The command.
pub async fn rules(command: Command, config: Config) -> Result<Outcome, Complaint> {
    let load = |path: Option<PathBuf>| load(path.as_deref().or(config.rules.path.as_deref()));
    match command {
        Command::Check { path } => {
            check(&load(path)?, &config.audio);
            Ok(Outcome::Done)
        }
        Command::Test { path, text: Some(text), json } => test_text(&load(path)?, &text, json),
        Command::Test { path, text: None, .. } => Ok(test_examples(&load(path)?)),
    }
}

fn load(path: Option<&Path>) -> Result<RuleSet, Complaint> {
    path.map_or_else(|| Ok(RuleSet::starter()), rule_files::load)
}

fn check(rules: &RuleSet, audio: &Audio) {
    let lint = rules.lint();
    for rule in rules.rules() {
        if let Some(speaker) = &rule.speaker
            && !audio.speakers.contains(speaker)
            && audio.mono_speaker != *speaker
        {
            let known = audio.speakers.join(", ");
            show::line(&format!(
                "warning: rule `{}`: nobody is called `{speaker}` (audio.speakers: {known}); it will find nothing",
                rule.id
            ));
        }
    }
    for warning in &lint.warnings {
        show::line(&format!("warning: {warning}"));
    }
    let id = rules.id();
    show::line(&format!(
        "{}: {} rules, {} words, {} examples, sha256 {}",
        id.name, lint.rules, lint.words, lint.examples, id.sha256
    ));
}

fn test_text(rules: &RuleSet, text: &str, json: bool) -> Result<Outcome, Complaint> {
    let findings = rules.find_in_text(text);
    if findings.is_empty() {
        show::note("no findings (phrases that must be said are not asked of a single text)");
    }
    for finding in findings {
        if json {
            show::json(&finding)?;
        } else {
            show::line(&show::finding(&finding));
        }
    }
    Ok(Outcome::Done)
}

fn test_examples(rules: &RuleSet) -> Outcome {
    let report = rules.run_examples();
    for failure in &report.failures {
        let wanted = if failure.should_hit { "should be a hit and is none" } else { "should be no hit and is one" };
        show::line(&format!(
            "{}:{}: rule `{}`: \"{}\" {wanted}",
            failure.path, failure.line, failure.rule_id, failure.text
        ));
        for finding in &failure.found {
            show::line(&format!("    found {}", show::finding(finding)));
        }
    }
    show::line(&format!("{} examples, {} failed", report.count, report.failures.len()));
    if report.failures.is_empty() { Outcome::Done } else { Outcome::SomeFailed }
}
