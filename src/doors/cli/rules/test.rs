//! `earmark rules test`

use earmark_rules::{ExampleFailure, ExampleReport, RuleSet};
use serde_json::{Value, json};

use crate::config::CommandError;
use crate::doors::cli::{Outcome, show};

/// The findings in one text.
///
/// # Errors
/// [`CommandError`] when they cannot be written as JSON.
pub fn text(rules: &RuleSet, text: &str, json: bool) -> Result<Outcome, CommandError> {
    let findings = rules.find_in_text(text);
    if findings.is_empty() {
        show::note(
            "no findings (what only a whole recording can show, such as what must be said or a condition on the recording, \
             is not asked of a single text)",
        );
    }
    for finding in findings {
        let rule = rules.rules().iter().find(|rule| rule.id == finding.rule_id);
        let only_for = rule.map(|rule| rule.applies_to.in_words()).unwrap_or_default();
        if json {
            let mut shown = serde_json::to_value(&finding).map_err(|error| CommandError::internal(&error))?;
            shown["only_for"] = json!(only_for);
            show::json(&shown)?;
        } else if only_for.is_empty() {
            show::line(&show::finding(&finding));
        } else {
            show::line(&format!("{} [only where {}]", show::finding(&finding), only_for.join(" and ")));
        }
    }
    Ok(Outcome::Done)
}

/// Runs the examples in the rules: what failed, and how.
///
/// # Errors
/// [`CommandError`] when that cannot be written as JSON.
pub fn examples(rules: &RuleSet, json: bool) -> Result<Outcome, CommandError> {
    let report = rules.run_examples();
    if json {
        show::json(&json!({
            "examples": report.count,
            "failed": report.failures.len(),
            "failures": report.failures.iter().map(as_json).collect::<Vec<_>>(),
        }))?;
    } else {
        failures(&report);
        let examples = show::counted(report.count, "example", "examples");
        show::line(&format!("{examples}, {} failed", report.failures.len()));
    }
    Ok(if report.failures.is_empty() { Outcome::Done } else { Outcome::SomeFailed })
}

/// Shows each example that failed, and what was found in it.
pub fn failures(report: &ExampleReport) {
    for failure in &report.failures {
        let wanted = if failure.should_hit { "should be a hit and is none" } else { "should be no hit and is one" };
        show::line(&format!(
            "{}:{}: rule `{}`: \"{}\" {wanted}",
            failure.path, failure.line, failure.rule_id, failure.text
        ));
        for line in failure.difference() {
            show::line(&format!("    {line}"));
        }
    }
}

fn as_json(failure: &ExampleFailure) -> Value {
    json!({
        "rule_id": failure.rule_id, "path": failure.path, "line": failure.line, "text": failure.text,
        "should_hit": failure.should_hit, "found": failure.found, "difference": failure.difference(),
    })
}
