//! The rules over the text.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use earmark_core::{Finding, Job, Utterance};
use earmark_rules::{Context, RuleSet, SourceFile};
use earmark_storage::RuleSets;

use crate::JobError;
use crate::pipeline::blocking;

/// The active rule set, and those that jobs name by hash.
pub struct RuleBook {
    active: Arc<RuleSet>,
    kept: RuleSets,
    named: Mutex<HashMap<String, Arc<RuleSet>>>,
}

impl RuleBook {
    /// A book whose active set is `active`; others come from `kept`, where every set in use is.
    pub fn new(active: Arc<RuleSet>, kept: RuleSets) -> Self {
        Self { active, kept, named: Mutex::default() }
    }

    /// The rules for `job`.
    ///
    /// # Errors
    /// [`JobError::Rules`] when it names a set that is not kept, [`JobError::Write`] when the journal cannot be read.
    pub async fn of(&self, job: &Job) -> Result<Arc<RuleSet>, JobError> {
        let Some(sha256) = job.options.rule_set.as_deref().filter(|sha256| *sha256 != self.active.id().sha256) else {
            return Ok(self.active.clone());
        };
        if let Some(rules) = self.named.lock().unwrap_or_else(PoisonError::into_inner).get(sha256) {
            return Ok(rules.clone());
        }
        let unusable = |why: String| JobError::Rules { sha256: sha256.into(), why };
        let kept = self.kept.get(sha256).await?.ok_or_else(|| unusable("it is not kept in the database".into()))?;
        let files: Vec<SourceFile> =
            serde_json::from_value(kept.sources).map_err(|error| unusable(error.to_string()))?;
        let rules = Arc::new(RuleSet::compile(&kept.name, &files).map_err(|errors| unusable(errors.to_string()))?);
        self.named.lock().unwrap_or_else(PoisonError::into_inner).insert(sha256.into(), rules.clone());
        Ok(rules)
    }
}

pub async fn flag(rules: &Arc<RuleSet>, utterances: &[Utterance], context: Context) -> Result<Vec<Finding>, JobError> {
    let (rules, utterances) = (rules.clone(), utterances.to_vec());
    blocking("flag", move || rules.find(&utterances, &context)).await
}
