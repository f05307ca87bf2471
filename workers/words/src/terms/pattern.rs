//! Regular expressions over what was said, in linear time.

use regex::{Regex, RegexBuilder};

/// Compiled, one expression takes at most so much memory.
const MAX_BYTES: usize = 1 << 20;
/// What an expression that can match the empty text matches in here at once.
const PROBES: [&str; 3] = ["", "a", " 1保"];

/// A regular expression.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// The expression as somebody wrote it.
    pub text: String,
    /// The line it was given with, from 1.
    pub line: u64,
    pub(crate) regex: Regex,
}

/// Why an expression is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadPattern {
    /// It cannot be read, or is too large; in the words of whoever read it.
    Unreadable(String),
    /// It matches the empty text, which is everywhere.
    Empty,
}

impl Pattern {
    /// The expression `text` of line `line`, in which case does not count unless it says `(?-i)`.
    ///
    /// # Errors
    /// [`BadPattern`].
    pub fn new(text: &str, line: u64) -> Result<Self, BadPattern> {
        let built = RegexBuilder::new(text).case_insensitive(true).size_limit(MAX_BYTES).build();
        let regex = built.map_err(|error| BadPattern::Unreadable(explained(&error)))?;
        if PROBES.iter().any(|probe| regex.find(probe).is_some_and(|found| found.is_empty())) {
            return Err(BadPattern::Empty);
        }
        Ok(Self { text: text.into(), line, regex })
    }

    /// The first of `text` that it matches.
    pub fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.regex.find(text).map(|found| found.as_str())
    }
}

/// What is wrong with an expression, in one line: the last of a picture that points at the place.
fn explained(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    last.trim().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_that_cannot_be_used_says_why() {
        assert!(matches!(Pattern::new("(", 1), Err(BadPattern::Unreadable(why)) if why.contains("unclosed group")));
        assert!(matches!(Pattern::new(r"(a{1000}){1000}", 1), Err(BadPattern::Unreadable(_))));
        for empty in ["a*", "", r"\b", "(x|)", "^"] {
            assert_eq!(Pattern::new(empty, 1).err(), Some(BadPattern::Empty), "{empty}");
        }
        assert!(Pattern::new(r"\d{3}-\d{4}", 1).is_ok());
    }
}
