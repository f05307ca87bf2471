//! What goes to the terminal.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use earmark_core::Finding;

use crate::config::CommandError;

/// Prints a line on standard output. A reader that went away (`| head`) is no error.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints text that brings its own line breaks on standard output.
pub fn text(text: &str) {
    let _ = write!(std::io::stdout(), "{text}");
}

/// Prints a line on standard error.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints a complaint on standard error.
pub fn error(complaint: &CommandError) {
    note(&complaint.to_string());
}

/// A number of things: `1 rule`, `2 rules`, `0 rules`.
pub fn counted(count: impl Display + PartialEq + From<u8>, one: &str, many: &str) -> String {
    let what = if count == 1.into() { one } else { many };
    format!("{count} {what}")
}

/// Columns of ids: half an id cannot be copied.
const IDS: &[&str] = &["job", "alert"];

/// A table with a head line; 160 columns on a terminal, as wide as its content for a file or a program.
pub fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_header(head);
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(160);
    }
    for (column, _) in table.column_iter_mut().zip(head).filter(|(_, name)| IDS.contains(name)) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

/// A finding in a line: `0:36 high guaranteed-returns "稳赚不赔" (agent)`.
pub fn finding(finding: &Finding) -> String {
    let words = match finding.kind {
        earmark_core::FindingKind::Missing => "not said".to_owned(),
        // A silence, a share, a fact of the recording: the reason has the figures.
        _ if finding.matched.is_empty() => finding.reason.clone(),
        _ => format!("\"{}\"", finding.matched),
    };
    let sounds = match finding.kind {
        earmark_core::FindingKind::Homophone => {
            finding.phrase.as_deref().map(|phrase| format!(" ~ {phrase}")).unwrap_or_default()
        }
        _ => String::new(),
    };
    let speaker = finding.speaker.as_ref().map(|speaker| format!(" ({})", speaker.0)).unwrap_or_default();
    let severity = serde_json::to_value(finding.severity)
        .ok()
        .and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default();
    format!("{} {severity} {} {words}{sounds}{speaker}", finding.clock(), finding.rule_id)
}

/// A value as one line of JSON on standard output.
pub fn json(value: &impl serde::Serialize) -> Result<(), CommandError> {
    line(&serde_json::to_string(value).map_err(|error| CommandError::internal(&error))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_counted_in_the_singular_and_none_and_many_in_the_plural() {
        let shown = [0_u32, 1, 2, 11].map(|count| counted(count, "entry", "entries"));
        assert_eq!(shown, ["0 entries", "1 entry", "2 entries", "11 entries"]);
    }
}
