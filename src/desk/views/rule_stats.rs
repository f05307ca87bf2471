//! How often a rule is right.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::desk::rules::share::Share;

/// One rule's findings, and what reviewers said of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleStatsView {
    /// Id of the rule.
    pub rule_id: String,
    /// Its version; not there where the rule has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_version: Option<u32>,
    /// Whether the rule was on trial.
    #[serde(rename = "shadow")]
    pub is_shadow: bool,
    /// All of its findings.
    #[serde(flatten)]
    pub all: VerdictCounts,
    /// The same by how the words were matched.
    pub by_kind: BTreeMap<String, VerdictCounts>,
}

/// Findings, and what was said of them last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct VerdictCounts {
    /// How many there are.
    pub findings: u64,
    /// Those that were confirmed last.
    pub confirmed: u64,
    /// Those that were rejected last.
    pub rejected: u64,
    /// Those that nobody judged yet.
    pub unjudged: u64,
    /// Confirmed among those that were judged; none where none was.
    pub precision: Option<Share>,
}

impl VerdictCounts {
    /// The same, once all is counted.
    pub(in crate::desk) fn with_precision(self) -> Self {
        Self { precision: Share::of(self.confirmed, self.confirmed + self.rejected), ..self }
    }
}

/// What became of the labels of one rule or category, and of what was found under its name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelledView {
    /// The rule's id, or a category.
    pub rule_id: String,
    /// Labels of that name.
    pub expected: u64,
    /// Of these, found.
    pub found: u64,
    /// Found among the expected; none where nothing was expected.
    pub recall: Option<Share>,
    /// Findings of that name.
    pub findings: u64,
    /// Of these, expected.
    pub right: u64,
    /// Right among the findings; none where there are none.
    pub precision: Option<Share>,
}
