//! What the YAML parser found wrong, in words of rule files: with the field, what stands there, and what may.

use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;

use super::brackets;
use super::limits::{Limits, MAX_DEPTH};
use super::place::place;
use crate::error::{RuleError, RuleProblem, shown};
use crate::source::SourceFile;

const LIST: &str = "a list: `[first, second]`, or each entry on a line of its own after `- `";
const FIELDS: &str = "fields: `name: value` on the lines below it, or `{name: value}`";
const TEXT: &str = "a text; quotes keep one that has `: ` in it, or begins with `[`, `{` or `!`, together";
const SWITCH: &str = "`true` or `false`";
const CHOICE: &str = "one word";

/// The mistake in `file` that `error` tells of.
pub(super) fn explain(file: &SourceFile, error: &Error) -> RuleError {
    let error = error.without_snippet();
    let (line, column) = error.location().map_or((1, 1), place);
    if let Error::InvalidScalar { .. } | Error::InvalidBooleanStrict { .. } = error
        && let Some(mistake) = unclosed(file, line)
    {
        return mistake;
    }
    let mut spot = Spot::new(&file.text, line, column);
    let problem = match error {
        Error::AliasError { error, .. } => return explain(file, error),
        Error::SerdeUnknownField { field, expected, .. } => {
            RuleProblem::UnknownField { field: field.clone(), known: expected.clone() }
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            RuleProblem::UnknownChoice { value: variant.clone(), known: expected.clone() }
        }
        Error::SerdeMissingField { field: "rules", .. } | Error::Eof { .. } => RuleProblem::NoRules,
        Error::SerdeMissingField { field, .. } => RuleProblem::MissingField(field),
        Error::DuplicateMappingKey { key, .. } => RuleProblem::DuplicateField(key.clone().unwrap_or_default()),
        Error::NullIntoString { .. } => RuleProblem::Nothing(spot.field()),
        Error::Unexpected { expected, .. } => spot.unlike(match *expected {
            "sequence start" => LIST,
            "mapping start" => FIELDS,
            "string scalar" => TEXT,
            other => other,
        }),
        Error::TaggedScalarCannotDeserializeIntoString { .. } => spot.unlike(TEXT),
        Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. } => spot.unlike(CHOICE),
        Error::InvalidBooleanStrict { .. } | Error::InvalidScalar { ty: "boolean", .. } => spot.unlike(SWITCH),
        Error::InvalidScalar { .. } | Error::NonFiniteFloat { .. } => spot.no_number(),
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            spot.enter();
            match unexpected.strip_prefix("boolean ") {
                Some(read) => RuleProblem::ReadAsSwitch {
                    field: spot.field(),
                    value: spot.value(),
                    read: read.trim_matches('`') == "true",
                },
                None => spot.unlike(expected),
            }
        }
        Error::UnknownAnchor { .. } => RuleProblem::UnknownAnchor(spot.value()),
        Error::MultipleDocuments { .. } => RuleProblem::SeveralDocuments,
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => RuleProblem::Nested { most: MAX_DEPTH },
        Error::Budget { .. } => RuleProblem::TooMuchYaml,
        other => {
            let text = other.to_string();
            let said = text.lines().next().unwrap_or_default();
            match said.rsplit_once(" at line ").map_or(said, |(text, _)| text).trim() {
                "unclosed quote" => RuleProblem::Unclosed(spot.rest().chars().next().unwrap_or('"')),
                deep if deep.contains("recursion limit") => RuleProblem::Nested { most: MAX_DEPTH },
                text => match in_our_words(text) {
                    Some(problem) => problem,
                    None => match unclosed(file, line) {
                        Some(mistake) => return mistake,
                        None => RuleProblem::Yaml(text.into()),
                    },
                },
            }
        }
    };
    RuleError { path: file.path.clone(), line, column: spot.column(), problem }
}

/// What the parser says with the place of the sign that it is about.
fn in_our_words(text: &str) -> Option<RuleProblem> {
    let opened = ["unclosed bracket '", "mismatched bracket '"].into_iter().find_map(|said| text.strip_prefix(said));
    match opened.and_then(|rest| rest.chars().next()) {
        Some(sign) => Some(RuleProblem::Unclosed(sign)),
        None if text == "misplaced bracket" => Some(RuleProblem::Unopened),
        None if text.starts_with("invalid trailing content after") => Some(RuleProblem::BehindQuotes),
        None => None,
    }
}

/// The bracket that stays open, where one is to blame for a mistake on `line`: what follows is taken for what it holds.
fn unclosed(file: &SourceFile, line: u64) -> Option<RuleError> {
    let open = brackets::unclosed(&file.text, line)?;
    let problem = RuleProblem::Unclosed(open.sign);
    Some(RuleError { path: file.path.clone(), line: open.line, column: open.column, problem })
}

/// A place in a rule file.
struct Spot<'a> {
    above: Vec<&'a str>,
    line: &'a str,
    /// Where in its line, in bytes.
    at: usize,
}

impl<'a> Spot<'a> {
    fn new(text: &'a str, line: u64, column: u64) -> Self {
        let index = |number: u64| usize::try_from(number - 1).unwrap_or(usize::MAX);
        let mut above: Vec<&str> = text.lines().take(index(line).saturating_add(1)).collect();
        let line = above.pop().unwrap_or_default();
        let at = line.char_indices().nth(index(column)).map_or(line.len(), |(at, _)| at);
        let mut spot = Self { above, line, at };
        // Of what is not there the parser gives the colon before it.
        if spot.rest().starts_with(':') {
            spot.at += 1;
        }
        spot
    }

    fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    /// From 1, in characters.
    fn column(&self) -> u64 {
        self.line[..self.at].chars().fold(1, |column, _| column + 1)
    }

    /// Goes from the name of a field, if one begins here, to what stands behind it.
    fn enter(&mut self) {
        let behind = self.rest().trim_start_matches(is_of_name);
        let is_name = behind.len() < self.rest().len();
        if is_name && (behind == ":" || behind.starts_with(": ")) {
            self.at = self.line.len() - behind[1..].trim_start().len();
        }
    }

    /// The field whose value stands here, or around here; empty where none does.
    fn field(&self) -> String {
        let before = &self.line[..self.at];
        // What is closed again before here is none of this place.
        let mut closed = 0_usize;
        for (at, c) in before.char_indices().rev() {
            match c {
                ']' | '}' => closed += 1,
                '[' | '{' => closed = closed.saturating_sub(1),
                ':' if closed == 0 => return name_before(&before[..at]),
                _ => {}
            }
        }
        let indent = |line: &str| line.len() - line.trim_start().len();
        let is_entry = self.line.trim_start().starts_with('-');
        let most = indent(self.line) + usize::from(is_entry);
        let around = self.above.iter().rev().find(|line| {
            let name = line.trim_end();
            name.ends_with(':') && indent(line) < most
        });
        around.map_or_else(String::new, |line| name_before(line.trim_end().trim_end_matches(':')))
    }

    /// What stands here, cut where it is long.
    fn value(&self) -> String {
        let rest = self.rest().trim();
        let is_in_brackets = self.line[..self.at].contains(['[', '{']) || rest.starts_with(['[', '{']);
        let mut open = 0_usize;
        let mut quote = None;
        let end = rest.char_indices().find_map(|(at, c)| {
            match (quote, c) {
                (Some(sign), _) if sign == c => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => quote = Some(c),
                (None, '#') if rest[..at].ends_with(' ') => return Some(at),
                (None, '[' | '{') => open += 1,
                (None, ']' | '}' | ',') if is_in_brackets && open == 0 => return Some(at),
                (None, ']' | '}') => open = open.saturating_sub(1),
                _ => {}
            }
            None
        });
        shown(rest[..end.unwrap_or(rest.len())].trim())
    }

    /// What stands here is not what is `wanted`, or nothing is.
    fn unlike(&self, wanted: &str) -> RuleProblem {
        let (field, value) = (self.field(), self.value());
        match value.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => RuleProblem::Nothing(field),
            _ => RuleProblem::WrongForm { field, value, wanted: wanted.into() },
        }
    }

    /// What stands here is no number, or not one that may stand here.
    fn no_number(&self) -> RuleProblem {
        let (field, value) = (self.field(), self.value());
        match value.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => RuleProblem::Nothing(field),
            _ => {
                let limits = Limits::of(&field).to_string();
                RuleProblem::OutOfRange { field, value, limits }
            }
        }
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The name at the end of `text`.
fn name_before(text: &str) -> String {
    let text = text.trim_end().trim_end_matches(['\'', '"']);
    text[text.trim_end_matches(is_of_name).len()..].to_owned()
}
