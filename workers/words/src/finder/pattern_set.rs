//! The regular expressions of all terms, run over a text together.

use regex::{RegexSet, RegexSetBuilder};

use crate::terms::term::Term;

/// Compiled, all expressions together take at most so much memory.
const MAX_SET_BYTES: usize = 64 << 20;

/// A place where an expression matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) term: usize,
    /// Index into the term's patterns.
    pub(crate) pattern: usize,
    /// In characters of the text.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The expressions of all terms: one pass says which of them match at all.
pub(crate) struct PatternSet {
    /// None where all of them together are too large; then each looks for itself.
    set: Option<RegexSet>,
    /// Term, and index into its patterns.
    owners: Vec<(usize, usize)>,
}

impl PatternSet {
    pub(crate) fn new(terms: &[Term]) -> Self {
        let mut owners = Vec::new();
        let mut texts = Vec::new();
        for (term, it) in terms.iter().enumerate() {
            for (number, pattern) in it.patterns.iter().enumerate() {
                owners.push((term, number));
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
            for found in terms[term].patterns[pattern].regex.find_iter(text) {
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
