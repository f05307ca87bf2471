//! The rule set in force, which may be swapped at any time, and those that jobs name by hash.

use std::sync::{Arc, PoisonError, RwLock};

use earmark_core::Job;
use earmark_journal::{RuleSets, StoredRuleSet};
use earmark_rules::{RuleSet, SourceFile};
use tokio::sync::Mutex;

use crate::error::JobError;

/// Compiled sets that jobs name and none uses at the moment: kept for the next job that names one.
const SPARE: usize = 4;

/// What jobs are judged by. A job keeps the set it began with, in the first look at a clip and in the last at the whole;
/// a set that is not in force any more goes when the last job that began with it has ended.
pub struct RuleBook {
    active: RwLock<Arc<RuleSet>>,
    kept: RuleSets,
    /// Those that jobs name, the one named last at the end. Held while one is compiled: each is once.
    named: Mutex<Vec<Arc<RuleSet>>>,
}

impl RuleBook {
    /// A book whose active set is `active`; others come from `kept`, where every set in use is.
    pub fn new(active: Arc<RuleSet>, kept: RuleSets) -> Self {
        Self { active: RwLock::new(active), kept, named: Mutex::default() }
    }

    /// The set in force.
    pub fn active(&self) -> Arc<RuleSet> {
        self.active.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts `rules` in force for jobs that begin from now on; gives the set that was.
    pub fn swap(&self, rules: Arc<RuleSet>) -> Arc<RuleSet> {
        std::mem::replace(&mut *self.active.write().unwrap_or_else(PoisonError::into_inner), rules)
    }

    /// The rules for `job`, for as long as it runs.
    ///
    /// # Errors
    /// [`JobError::Rules`] when it names a set that is not kept, [`JobError::Write`] when the journal cannot be read.
    pub(crate) async fn of(&self, job: &Job) -> Result<Arc<RuleSet>, JobError> {
        let active = self.active();
        let Some(sha256) = job.options.rule_set.as_deref().filter(|sha256| *sha256 != active.id().sha256) else {
            return Ok(active);
        };
        let mut named = self.named.lock().await;
        if let Some(place) = named.iter().position(|rules| rules.id().sha256 == sha256) {
            let rules = named.remove(place);
            named.push(rules.clone());
            return Ok(rules);
        }
        let unusable = |why: String| JobError::Rules { sha256: sha256.into(), why };
        let kept = self.kept.get(sha256).await?.ok_or_else(|| unusable("it is not kept in the database".into()))?;
        let rules = Arc::new(compiled(kept).await.map_err(unusable)?);
        named.push(rules.clone());
        drop_spare(&mut named);
        Ok(rules)
    }
}

/// Keeps what jobs use, and few others.
fn drop_spare(named: &mut Vec<Arc<RuleSet>>) {
    let is_spare = |rules: &Arc<RuleSet>| Arc::strong_count(rules) == 1;
    let mut too_many = named.iter().filter(|rules| is_spare(rules)).count().saturating_sub(SPARE);
    // Those named longest ago go first.
    named.retain(|rules| {
        let goes = too_many > 0 && is_spare(rules);
        too_many -= usize::from(goes);
        !goes
    });
}

/// The rule set that is kept as `kept`, compiled on a thread of its own.
///
/// # Errors
/// In words, when its sources are no rule set that this program can use.
pub async fn compiled(kept: StoredRuleSet) -> Result<RuleSet, String> {
    let compiling = move || {
        let files: Vec<SourceFile> = serde_json::from_value(kept.sources).map_err(|error| error.to_string())?;
        RuleSet::compile(&kept.name, &files).map_err(|errors| errors.to_string())
    };
    tokio::task::spawn_blocking(compiling).await.map_err(|error| error.to_string())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(count: usize) -> Vec<Arc<RuleSet>> {
        (0..count).map(|_| Arc::new(RuleSet::starter())).collect()
    }

    #[test]
    fn named_sets_that_no_job_uses_are_few_and_those_in_use_stay() {
        let mut named = sets(12);
        let used: Vec<_> = named.iter().take(3).cloned().collect();
        drop_spare(&mut named);
        assert_eq!(named.len(), 3 + SPARE);
        assert!(used.iter().zip(&named).all(|(used, kept)| Arc::ptr_eq(used, kept)));
        drop(used);
        drop_spare(&mut named);
        assert_eq!(named.len(), SPARE);
    }

    #[test]
    fn a_set_that_was_swapped_goes_with_the_last_job_that_began_with_it() {
        let [old, new] = <[_; 2]>::try_from(sets(2)).expect("two sets");
        let active = RwLock::new(old);
        let jobs = active.read().unwrap().clone();
        let before = Arc::downgrade(&jobs);
        drop(std::mem::replace(&mut *active.write().unwrap(), new));
        assert!(before.upgrade().is_some(), "its job still runs");
        drop(jobs);
        assert!(before.upgrade().is_none());
    }
}
