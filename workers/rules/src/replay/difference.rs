//! What is different, as it is printed and kept.

use std::collections::BTreeMap;

use earmark_core::{Finding, FindingPair, JobId, RuleSetId, Tenant, pair_findings};
use serde::{Deserialize, Serialize};

/// What is different in one job: a line of the output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobDifference {
    /// The job that was judged twice.
    pub job_id: JobId,
    /// The tenant whose job it is.
    pub tenant: Tenant,
    /// When the job was done: RFC 3339, UTC.
    pub finished_at: String,
    /// In order of time.
    pub changes: Vec<Change>,
}

/// One finding that came, went, or says something else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Which of the three.
    pub change: ChangeKind,
    /// Of which rule.
    pub rule_id: String,
    /// In what the two differ: `severity`, `kind`, `category`, `score`, `reason`, `shadow`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub what: Vec<String>,
    /// What the first set finds, with its evidence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<Finding>,
    /// What the second set finds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<Finding>,
}

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// Only the second set finds it.
    Added,
    /// Only the first set finds it.
    Removed,
    /// Both find it, and say different things.
    Changed,
}

/// Counts of one rule's findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Found by the first set.
    pub before: u64,
    /// Found by the second set.
    pub after: u64,
    /// Found by the second only.
    pub added: u64,
    /// Found by the first only.
    pub removed: u64,
    /// Found by both, and different.
    pub changed: u64,
}

/// Counts by rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<String, Counts>);

impl Tally {
    /// What differs between two judgements of one transcript, counted and named.
    pub(super) fn of(before: &[Finding], after: &[Finding]) -> (Self, Vec<Change>) {
        let (mut tally, mut changes) = (Self::default(), Vec::new());
        let change = |change, pair: &FindingPair<'_>, before: Option<&Finding>, after: Option<&Finding>| Change {
            change,
            rule_id: pair.latest().rule_id.clone(),
            what: before.zip(after).map_or_else(Vec::new, |(before, after)| {
                before.differs_in(after).into_iter().map(str::to_owned).collect()
            }),
            before: before.cloned(),
            after: after.cloned(),
        };
        for pair in pair_findings(before, after) {
            let counts = tally.rule(&pair.latest().rule_id);
            match &pair {
                FindingPair::Both(old, new) => {
                    counts.before += 1;
                    counts.after += 1;
                    if !old.differs_in(new).is_empty() {
                        counts.changed += 1;
                        changes.push(change(ChangeKind::Changed, &pair, Some(old), Some(new)));
                    }
                }
                FindingPair::Before(old) => {
                    counts.before += 1;
                    counts.removed += 1;
                    changes.push(change(ChangeKind::Removed, &pair, Some(old), None));
                }
                FindingPair::After(new) => {
                    counts.after += 1;
                    counts.added += 1;
                    changes.push(change(ChangeKind::Added, &pair, None, Some(new)));
                }
            }
        }
        (tally, changes)
    }

    fn rule(&mut self, id: &str) -> &mut Counts {
        // Most rules are there after the first few jobs.
        if !self.0.contains_key(id) {
            self.0.insert(id.to_owned(), Counts::default());
        }
        self.0.entry(id.to_owned()).or_default()
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: &Self) {
        for (rule, counts) in &other.0 {
            let sum = self.rule(rule);
            sum.before += counts.before;
            sum.after += counts.after;
            sum.added += counts.added;
            sum.removed += counts.removed;
            sum.changed += counts.changed;
        }
    }
}

/// The last line of the output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What judged first.
    pub from: RuleSetId,
    /// What judged second.
    pub to: RuleSetId,
    /// How many jobs were judged.
    pub jobs: u64,
    /// Jobs in which something is different.
    pub changed_jobs: u64,
    /// Of those, whose differences are kept.
    pub kept_jobs: u64,
    /// Jobs whose stored report could not be read.
    pub unreadable_jobs: u64,
    /// Findings of all rules.
    #[serde(flatten)]
    pub total: Counts,
    /// By rule, in order of their ids; rules that found nothing either time are left out.
    pub rules: Vec<RuleRow>,
}

/// A rule's line in the summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRow {
    /// Id of the rule in its set.
    pub rule_id: String,
    /// How many findings of it there were, came and went.
    #[serde(flatten)]
    pub counts: Counts,
}

impl Summary {
    /// A summary without jobs.
    pub fn new(from: RuleSetId, to: RuleSetId) -> Self {
        Self {
            from,
            to,
            jobs: 0,
            changed_jobs: 0,
            kept_jobs: 0,
            unreadable_jobs: 0,
            total: Counts::default(),
            rules: Vec::new(),
        }
    }

    /// Takes the counts of all jobs.
    pub fn count(&mut self, tally: Tally) {
        for (rule_id, counts) in tally.0 {
            self.total.before += counts.before;
            self.total.after += counts.after;
            self.total.added += counts.added;
            self.total.removed += counts.removed;
            self.total.changed += counts.changed;
            self.rules.push(RuleRow { rule_id, counts });
        }
    }
}
