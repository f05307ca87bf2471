//! `earmark rules test`

use earmark_rules::{ExampleFailure, ExampleReport, RuleSet};
use serde_json::{Value, json};

use crate::cli::{Outcome, show};
use crate::complaint::Complaint;

/// The findings in one text.
///
/// # Errors
/// [`Complaint`] when they cannot be written as JSON.
pub fn text(rules: &RuleSet, text: &str, json: bool) -> Result<Outcome, Complaint> {
    let findings = rules.find_in_text(text);
    if findings.is_empty() {
        show::note(
            "no findings (what only a whole recording can show, such as what must be said, is not asked of a single text)",
        );
    }
    for finding in findings {
        if json {
            show::json(&finding)?;
        } else {
            show::line(&show::finding(&finding));
        }
    }
    Ok(Outcome::Done)
}

/// Runs the examples in the rules: what failed, and how.
///
/// # Errors
/// [`Complaint`] when that cannot be written as JSON.
pub fn examples(rules: &RuleSet, json: bool) -> Result<Outcome, Complaint> {
    let report = rules.run_examples();
    if json {
        show::json(&json!({
            "examples": report.count,
            "failed": report.failures.len(),
            "failures": report.failures.iter().map(as_json).collect::<Vec<_>>(),
        }))?;
    } else {
        failures(&report);
        show::line(&format!("{} examples, {} failed", report.count, report.failures.len()));
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
