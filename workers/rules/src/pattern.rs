//! Regular expressions over what was said, in linear time.

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use crate::term::Term;

/// Compiled, one expression takes at most so much memory.
const MAX_BYTES: usize = 1 << 20;
const MAX_SET_BYTES: usize = 64 << 20;
/// What an expression that can match the empty text matches in here at once.
const PROBES: [&str; 3] = ["", "a", " 1保"];

/// An expression of a rule.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    /// As written.
    pub(crate) text: String,
    /// Line in the file of its rule, from 1.
    pub(crate) line: u64,
    regex: Regex,
}

/// Why an expression is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BadPattern {
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
    pub(crate) fn new(text: &str, line: u64) -> Result<Self, BadPattern> {
        let built = RegexBuilder::new(text).case_insensitive(true).size_limit(MAX_BYTES).build();
        let regex = built.map_err(|error| BadPattern::Unreadable(explained(&error)))?;
        if PROBES.iter().any(|probe| regex.find(probe).is_some_and(|found| found.is_empty())) {
            return Err(BadPattern::Empty);
        }
        Ok(Self { text: text.into(), line, regex })
    }

    /// The first of `text` that it matches.
    pub(crate) fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.regex.find(text).map(|found| found.as_str())
    }
}

/// What is wrong with an expression, in one line: the last of a picture that points at the place.
fn explained(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    last.trim().trim_start_matches("error: ").to_owned()
}

/// A place where an expression matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) term: u32,
    /// Index into the term's patterns.
    pub(crate) pattern: u32,
    /// In characters of the text.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The expressions of all terms: one pass says which of them match at all.
pub(crate) struct Patterns {
    /// None where all of them together are too large; then each looks for itself.
    set: Option<RegexSet>,
    /// Term, and index into its patterns.
    owners: Vec<(u32, u32)>,
}

impl Patterns {
    pub(crate) fn new(terms: &[Term]) -> Self {
        let mut owners = Vec::new();
        let mut texts = Vec::new();
        for (term, it) in terms.iter().enumerate() {
            for (number, pattern) in it.patterns.iter().enumerate() {
                owners.push((u32::try_from(term).unwrap_or(u32::MAX), u32::try_from(number).unwrap_or(u32::MAX)));
                texts.push(pattern.text.as_str());
            }
        }
        let set = RegexSetBuilder::new(texts).case_insensitive(true).size_limit(MAX_SET_BYTES).build().ok();
        Self { set, owners }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// Every place in `text` where one of them matches; those of one expression do not overlap.
    pub(crate) fn matches(&self, terms: &[Term], text: &str) -> Vec<Match> {
        let which: Vec<usize> = match &self.set {
            Some(set) => set.matches(text).into_iter().collect(),
            None => (0..self.owners.len()).collect(),
        };
        let mut matches = Vec::new();
        for (term, pattern) in which.into_iter().map(|number| self.owners[number]) {
            // Counted on from place to place: from the beginning each time would be quadratic in the text.
            let (mut byte, mut at) = (0, 0);
            for found in terms[term as usize].patterns[pattern as usize].regex.find_iter(text) {
                let start = at + text[byte..found.start()].chars().count();
                let end = start + found.as_str().chars().count();
                (byte, at) = (found.end(), end);
                if start < end {
                    matches.push(Match { term, pattern, start, end });
                }
            }
        }
        matches
    }
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
