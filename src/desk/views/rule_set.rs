//! A kept rule set, and what its rules do on texts.

use earmark_core::Finding;
use earmark_rules::{ExampleFailure, ExampleReport};
use serde::Serialize;

/// A rule set that is kept in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptRuleSetView {
    /// Hash of its files, in hex.
    pub sha256: String,
    /// Its own name.
    pub name: String,
    /// When it was first used, RFC 3339.
    pub first_seen: String,
    /// Why it is in force, in words; none for one that is not.
    pub in_force: Option<String>,
    /// How many rules it has; none where this program cannot use it.
    pub rules: Option<usize>,
    /// How many words they have together; none as above.
    pub words: Option<usize>,
}

/// What became of the examples in a rule set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExamplesView {
    /// How many there are.
    pub examples: usize,
    /// How many do not do what they should.
    pub failed: usize,
    /// Those that do not.
    pub failures: Vec<ExampleFailureView>,
}

impl From<ExampleReport> for ExamplesView {
    fn from(report: ExampleReport) -> Self {
        let failures: Vec<_> = report.failures.into_iter().map(ExampleFailureView::from).collect();
        Self { examples: report.count, failed: failures.len(), failures }
    }
}

/// An example that does not do what it should.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExampleFailureView {
    /// The rule that it belongs to.
    pub rule_id: String,
    /// The file it stands in.
    pub path: String,
    /// The line there, from 1.
    pub line: u64,
    /// The text that the rule was tried on.
    pub text: String,
    /// Whether the rule should find something in it.
    pub should_hit: bool,
    /// What is found in it.
    pub found: Vec<Finding>,
    /// What is different from what should be, a line each.
    pub difference: Vec<String>,
}

impl From<ExampleFailure> for ExampleFailureView {
    fn from(failure: ExampleFailure) -> Self {
        let difference = failure.difference();
        let ExampleFailure { rule_id, path, line, text, should_hit, found, .. } = failure;
        Self { rule_id, path, line, text, should_hit, found, difference }
    }
}

/// A finding in a text that rules were tried on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrialFindingView {
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// On which recordings its rule is asked at all, in words; empty for all.
    pub only_for: Vec<String>,
}
