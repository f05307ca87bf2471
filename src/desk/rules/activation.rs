//! Rule sets put in force, for every process of the database.

use std::path::Path;

use earmark_core::Problem;
use earmark_rules::RuleSet;

use super::{files, in_force};
use crate::config::CommandError;
use crate::desk::Desk;

/// What is in force now, and what was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// Hash of the set; none where the configured path has the say.
    pub sha256: Option<String>,
    /// Hash of the one before; none where it is not known, or where the configured path had the say.
    pub previous: Option<String>,
}

impl Desk {
    /// The rule set at `set`, a path or the beginning of a kept set's hash; without it the one at the configured path.
    ///
    /// # Errors
    /// [`CommandError`] naming file, line and column, or that there is none.
    pub async fn rules_to_activate(&self, set: Option<&Path>) -> Result<RuleSet, CommandError> {
        match set {
            None => Ok(in_force::configured(self.config().rules.path.as_deref())?.0),
            Some(set) if set.exists() => files::load(set),
            Some(set) => self.kept_rules(set).await,
        }
    }

    /// The kept set whose hash begins with the text of `set`.
    async fn kept_rules(&self, set: &Path) -> Result<RuleSet, CommandError> {
        let text = set.to_string_lossy();
        if text.is_empty() || !text.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(CommandError::usage(Problem {
                code: "rules.unreadable".into(),
                message: format!("there is no file or folder {text}, and it is no hash of a rule set"),
                hint: Some("`earmark rules list` shows the hashes of those that are kept".into()),
            }));
        }
        in_force::compile(self.app.rule_sets.find(&text).await?).await
    }

    /// Puts `rules` in force, or with `is_configured` gives the set at each process's configured path the say again; on
    /// record. None where nothing is changed by that.
    ///
    /// # Errors
    /// [`CommandError`] when the database fails.
    pub async fn activate(
        &self,
        rules: &RuleSet,
        is_configured: bool,
        by: &str,
        note: Option<&str>,
    ) -> Result<Option<InForce>, CommandError> {
        self.app.keep(rules).await?;
        let path = self.config().rules.path.as_deref();
        let configured = in_force::configured(path).ok().map(|(rules, _)| rules.id().sha256.clone());
        let wanted = (!is_configured).then_some(rules.id().sha256.as_str());
        let activation = self.app.rule_sets.activate(wanted, configured.as_deref(), by, note).await?;
        Ok(activation.map(|activation| InForce { sha256: activation.sha256, previous: activation.previous }))
    }

    /// Goes back to the set that was in force before; on record.
    ///
    /// # Errors
    /// [`CommandError`] when there is none, or the database fails.
    pub async fn roll_back(&self, by: &str, note: Option<&str>) -> Result<InForce, CommandError> {
        let activation = self.app.rule_sets.roll_back(by, note).await?;
        Ok(InForce { sha256: activation.sha256, previous: activation.previous })
    }
}
