//! `earmark rules check`

use crate::desk::rules::check::Checked;
use crate::doors::cli::show;

/// Says what in a rule set is probably not meant, then what it holds.
pub fn print(checked: &Checked) {
    for warning in &checked.warnings {
        show::line(&format!("warning: {warning}"));
    }
    show::line(&format!(
        "{}: {}, {}, {}, sha256 {}",
        checked.name,
        show::counted(checked.rules, "rule", "rules"),
        show::counted(checked.words, "word", "words"),
        show::counted(checked.examples, "example", "examples"),
        checked.sha256
    ));
}
