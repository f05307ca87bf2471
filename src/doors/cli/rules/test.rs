//! `earmark rules test`

use crate::config::CommandError;
use crate::desk::views::{ExamplesView, TrialFindingView};
use crate::doors::cli::outcome::Outcome;
use crate::doors::cli::show;

/// Prints the findings in one text.
///
/// # Errors
/// [`CommandError`] when they cannot be written as JSON.
pub fn text(findings: &[TrialFindingView], json: bool) -> Result<Outcome, CommandError> {
    if findings.is_empty() {
        show::note(
            "no findings (what only a whole recording can show, such as what must be said or a condition on the recording, \
             is not asked of a single text)",
        );
    }
    for found in findings {
        if json {
            show::json(found)?;
        } else if found.only_for.is_empty() {
            show::line(&show::finding(&found.finding));
        } else {
            show::line(&format!("{} [only where {}]", show::finding(&found.finding), found.only_for.join(" and ")));
        }
    }
    Ok(Outcome::Done)
}

/// Prints what became of the examples in the rules.
///
/// # Errors
/// [`CommandError`] when that cannot be written as JSON.
pub fn examples(view: &ExamplesView, json: bool) -> Result<Outcome, CommandError> {
    if json {
        show::json(view)?;
    } else {
        failures(view);
        let examples = show::counted(view.examples, "example", "examples");
        show::line(&format!("{examples}, {} failed", view.failed));
    }
    Ok(if view.failed == 0 { Outcome::Done } else { Outcome::SomeFailed })
}

/// Shows each example that failed, and what was found in it.
pub fn failures(view: &ExamplesView) {
    for failure in &view.failures {
        let wanted = if failure.should_hit { "should be a hit and is none" } else { "should be no hit and is one" };
        show::line(&format!(
            "{}:{}: rule `{}`: \"{}\" {wanted}",
            failure.path, failure.line, failure.rule_id, failure.text
        ));
        for line in &failure.difference {
            show::line(&format!("    {line}"));
        }
    }
}
