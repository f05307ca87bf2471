//! Rules tried on texts: on one, or on the examples that stand in them.

use earmark_rules::RuleSet;

use crate::desk::views::{ExamplesView, TrialFindingView};

/// What `rules` find in one text.
pub fn findings_in(rules: &RuleSet, text: &str) -> Vec<TrialFindingView> {
    let findings = rules.find_in_text(text).into_iter().map(|finding| {
        let rule = rules.rules().iter().find(|rule| rule.id == finding.rule_id);
        let only_for = rule.map(|rule| rule.applies_to.in_words()).unwrap_or_default();
        TrialFindingView { finding, only_for }
    });
    findings.collect()
}

/// Runs the examples in `rules`.
pub fn examples(rules: &RuleSet) -> ExamplesView {
    ExamplesView::from(rules.run_examples())
}
