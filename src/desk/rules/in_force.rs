//! Which rule set is in force, and why.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use earmark_core::{Problem, rfc3339};
use earmark_journal::{Activation, JournalError, RuleSets, StoredRuleSet};
use earmark_pipeline::compiled;
use earmark_rules::RuleSet;

use crate::app::App;
use crate::config::CommandError;
use crate::desk::rules::files;

/// Digits of a hash that people are shown.
const SHOWN: usize = 12;

/// Why a set is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// A person put it in force, for every process.
    Activated(Activation),
    /// It lies at this process's configured path.
    Configured(PathBuf),
    /// Nothing else is configured.
    Starter,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Activated(activation) => {
                write!(f, "put in force by {} at {}", activation.by, rfc3339(activation.at_ms))
            }
            Self::Configured(path) => write!(f, "from {}, as configured", path.display()),
            Self::Starter => f.write_str("the starter set: no other is configured"),
        }
    }
}

/// The set in force: the one that was put in force last, or else the one at `path`, or else the starter set.
///
/// # Errors
/// [`CommandError`] naming file, line and column.
pub async fn find(sets: &RuleSets, path: Option<&Path>) -> Result<(RuleSet, Why), CommandError> {
    let Some((activation, sha256)) = activated(sets).await? else { return configured(path) };
    let kept = sets.get(&sha256).await?.ok_or(JournalError::NoSuchRuleSet(sha256))?;
    Ok((compile(kept).await?, Why::Activated(activation)))
}

/// The last activation and the set it put in force; none where the configured path has the say.
///
/// # Errors
/// [`JournalError`] when the database fails.
pub async fn activated(sets: &RuleSets) -> Result<Option<(Activation, String)>, JournalError> {
    let last = sets.in_force().await?;
    Ok(last.and_then(|last| last.sha256.clone().map(|sha256| (last, sha256))))
}

/// The set at the configured `path`, or the starter set.
///
/// # Errors
/// [`CommandError`] naming file, line and column.
pub fn configured(path: Option<&Path>) -> Result<(RuleSet, Why), CommandError> {
    match path {
        Some(path) => Ok((files::load(path)?, Why::Configured(path.into()))),
        None => Ok((RuleSet::starter(), Why::Starter)),
    }
}

/// A kept set, compiled.
///
/// # Errors
/// [`CommandError`] when this program cannot use it.
pub async fn compile(kept: StoredRuleSet) -> Result<RuleSet, CommandError> {
    let sha256 = kept.sha256.clone();
    compiled(kept).await.map_err(|why| {
        CommandError::usage(Problem {
            code: "rules.invalid".into(),
            message: format!("the kept rule set {} cannot be used: {why}", short(&sha256)),
            hint: Some("put another in force with `earmark rules activate`, or go back with `rules rollback`".into()),
        })
    })
}

/// Name and hash of a set, for people.
pub fn named(rules: &RuleSet) -> String {
    format!("{} {}", rules.id().name, short(&rules.id().sha256))
}

/// As much of a hash as people need.
pub fn short(sha256: &str) -> &str {
    sha256.get(..SHOWN).unwrap_or(sha256)
}

impl App {
    /// The rule set in `path`, or the one in force; kept in the database as evidence.
    ///
    /// # Errors
    /// [`CommandError`] naming file, line and column.
    pub async fn rules(&self, path: Option<&Path>) -> Result<Arc<RuleSet>, CommandError> {
        let Some(path) = path else { return Ok(self.rules_in_force().await?.0) };
        let rules = files::load(path)?;
        self.keep(&rules).await?;
        Ok(Arc::new(rules))
    }

    /// The rule set in force, and why it is; kept in the database as evidence. Jobs that are offered here from then on are
    /// told apart by it, too.
    ///
    /// # Errors
    /// [`CommandError`] naming file, line and column.
    pub async fn rules_in_force(&self) -> Result<(Arc<RuleSet>, Why), CommandError> {
        let (rules, why) = find(&self.rule_sets, self.config.rules.path.as_deref()).await?;
        self.keep(&rules).await?;
        self.journal.judge_by(&rules.id().sha256);
        Ok((Arc::new(rules), why))
    }

    /// Keeps `rules` in the database.
    ///
    /// # Errors
    /// [`CommandError`] when the database fails.
    pub async fn keep(&self, rules: &RuleSet) -> Result<(), CommandError> {
        let sources = serde_json::to_value(rules.sources()).map_err(|error| CommandError::internal(&error))?;
        Ok(self.rule_sets.put(&rules.id().sha256, &rules.id().name, &sources).await?)
    }

    /// Puts on record that this process goes by the rule set `sha256`, unless another has done so.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn note_rules(&self, sha256: &str, why: &Why) -> Result<(), JournalError> {
        self.rule_sets.note_in_force(sha256, &why.to_string(), &self.actor()).await.map(drop)
    }
}
