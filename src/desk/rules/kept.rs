//! Rule sets that are kept in the database.

use earmark_core::rfc3339;

use super::in_force;
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::views::KeptRuleSetView;

pub use earmark_rules::SourceFile;

/// Kept rule sets, and why it cannot be told which is in force where it cannot.
#[derive(Debug)]
pub struct KeptRuleSets {
    /// Those first seen last before the others.
    pub sets: Vec<KeptRuleSetView>,
    /// Whether there are others.
    pub has_more: bool,
    /// What is wrong with the set in force.
    pub in_force_unusable: Option<CommandError>,
}

/// The files of a rule set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFiles {
    /// The set's name and hash, for people.
    pub named: String,
    /// Its files, by path.
    pub files: Vec<SourceFile>,
}

impl Desk {
    /// The kept rule sets, at most `limit`.
    ///
    /// # Errors
    /// [`CommandError`] when the database fails.
    pub async fn kept_rule_sets(&self, limit: u32) -> Result<KeptRuleSets, CommandError> {
        let in_force = in_force::find(&self.app.rule_sets, self.config().rules.path.as_deref()).await;
        let (in_force, in_force_unusable) = match in_force {
            Ok((rules, why)) => (Some((rules.id().sha256.clone(), why)), None),
            Err(error) => (None, Some(error)),
        };
        // One more than is shown tells whether there are more, and the sets need no count of their own.
        let mut found = self.app.rule_sets.latest(limit.saturating_add(1)).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let mut sets = Vec::new();
        for kept in found {
            let (sha256, name, first_seen) = (kept.sha256.clone(), kept.name.clone(), rfc3339(kept.first_seen_ms));
            let why = in_force.as_ref().filter(|(active, _)| *active == sha256).map(|(_, why)| why.to_string());
            // What an older program kept may be none for this one.
            let counts = in_force::compile(kept).await.ok().map(|rules| (rules.rules().len(), rules.word_count()));
            let (rules, words) = counts.unzip();
            sets.push(KeptRuleSetView { sha256, name, first_seen, in_force: why, rules, words });
        }
        Ok(KeptRuleSets { sets, has_more, in_force_unusable })
    }

    /// The files of the kept set whose hash begins with `hash`, or of the one in force.
    ///
    /// # Errors
    /// [`CommandError`] when there is none, or this program cannot use it.
    pub async fn rule_files(&self, hash: Option<&str>) -> Result<RuleFiles, CommandError> {
        let rules = match hash {
            Some(hash) => in_force::compile(self.app.rule_sets.find(hash).await?).await?,
            None => in_force::find(&self.app.rule_sets, self.config().rules.path.as_deref()).await?.0,
        };
        Ok(RuleFiles { named: in_force::named(&rules), files: rules.sources().to_vec() })
    }
}
