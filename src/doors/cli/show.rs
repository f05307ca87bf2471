//! What goes to the terminal.

use std::io::{IsTerminal, Write};

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use earmark_core::Finding;

use crate::config::CommandError;
use crate::desk::notice;

pub use crate::desk::counted;

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
    notice::say(text);
}

/// Prints an error on standard error.
pub fn error(error: &CommandError) {
    notice::error(&error.problem, &error.to_string());
}

/// Columns of ids: half an id cannot be copied.
const IDS: &[&str] = &["job", "alert"];

/// Columns of a terminal that does not say how many it has.
const USUAL_COLUMNS: u16 = 100;

/// A table with a head line; as wide as the terminal, or as its content for a file or a program.
pub fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_header(head);
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns());
    }
    for (column, _) in table.column_iter_mut().zip(head).filter(|(_, name)| IDS.contains(name)) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

/// Columns of the terminal on standard output.
fn columns() -> u16 {
    let size = console::Term::stdout().size_checked();
    size.map(|(_, columns)| columns).filter(|columns| *columns > 0).unwrap_or(USUAL_COLUMNS)
}

/// What is said below a list of which not all are shown; nothing where `shown` are all there are.
pub fn rest(shown: usize, all: u64) {
    if u64::try_from(shown).is_ok_and(|shown| shown < all) {
        line(&format!("{shown} of {all}; --limit N shows more"));
    }
}

/// What is said below a list that ends where its limit has it though there is `more`.
pub fn more(shown: usize, more: bool) {
    if more {
        line(&format!("the first {shown}; --limit N shows more"));
    }
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
    format!("{} {} {} {words}{sounds}{speaker}", finding.clock(), word(&finding.severity), finding.rule_id)
}

/// Yuan, to a hundredth of a fen.
pub fn price(yuan: f64) -> String {
    format!("{yuan:.4}")
}

/// A value as in JSON, a text without its quotes.
pub fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// A value as one line of JSON on standard output.
pub fn json(value: &impl serde::Serialize) -> Result<(), CommandError> {
    line(&serde_json::to_string(value).map_err(|error| CommandError::internal(&error))?);
    Ok(())
}
