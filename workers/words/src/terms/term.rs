//! What is looked for in the words, and how it is matched.

use super::hit::{Hit, Role};
use super::matching::Matching;
use super::pattern::Pattern;
use crate::phrase::phrases::Phrases;

/// Words that stand for one another: each place where one of them is said is a hit of the term.
#[derive(Debug, Clone)]
pub struct Term {
    /// To be found.
    pub phrases: Phrases,
    /// What stands inside one of these is no hit.
    pub except: Phrases,
    /// Expressions to be found, beside the phrases.
    pub patterns: Vec<Pattern>,
    /// What counts as the same.
    pub matching: Matching,
}

impl Term {
    /// Whether a phrase of `chars` characters is matched by sound.
    pub fn is_by_sound(&self, chars: usize) -> bool {
        self.matching.homophones.is_some_and(|homophones| chars >= homophones.min_chars)
    }

    /// The phrase or the pattern of `hit`, as written.
    pub(crate) fn phrase_text(&self, hit: &Hit) -> &str {
        match hit.role {
            Role::Find => self.text(hit.phrase),
            Role::Except => self.except.get(hit.phrase).text(),
        }
    }

    /// Phrase `number`, or the pattern with that number behind the phrases, as written.
    pub fn text(&self, number: usize) -> &str {
        match number.checked_sub(self.phrases.len()) {
            None => self.phrases.get(number).text(),
            Some(pattern) => &self.patterns[pattern].text,
        }
    }

    /// Whether phrase `number` has an ellipsis inside.
    pub fn has_gap(&self, number: usize) -> bool {
        number < self.phrases.len() && self.phrases.get(number).has_gap()
    }
}
