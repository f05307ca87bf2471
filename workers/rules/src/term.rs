//! What a rule looks for in the words, and how it is matched.

use earmark_core::Severity;

use crate::index::{Hit, Role};
use crate::normalise::Kinds;
use crate::pattern::Pattern;
use crate::phrases::Phrases;
use crate::rule::HOMOPHONE_MIN_CHARS;
use crate::sound::Fuzzy;

/// Below this nearly everything sounds like something else: 7.8 homophones for each exact hit at two characters.
pub(crate) const HOMOPHONE_LEAST_CHARS: usize = 3;

/// Words that stand for one another: each place where one of them is said is a hit of the term.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    /// To be found.
    pub(crate) phrases: Phrases,
    /// What stands inside one of these is no hit.
    pub(crate) except: Phrases,
    /// Expressions to be found, beside the phrases.
    pub(crate) patterns: Vec<Pattern>,
    /// What counts as the same.
    pub(crate) matching: Matching,
}

/// What counts as the same word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Matching {
    /// Matching by sound; none: switched off.
    pub(crate) homophones: Option<Homophones>,
    /// What is looked past.
    pub(crate) normalise: Kinds,
    /// English words.
    pub(crate) english: English,
}

/// How a rule matches English words beyond their spelling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct English {
    /// `colour` is `color`.
    pub(crate) spelling_variants: bool,
    /// `garanteed` sounds like `guaranteed`.
    pub(crate) sound_alikes: bool,
}

impl English {
    pub(crate) fn is_any(self) -> bool {
        self.spelling_variants || self.sound_alikes
    }
}

/// How a rule matches by sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Homophones {
    /// Shorter words are not matched by sound.
    pub min_chars: usize,
    /// A finding by sound is at most this grave.
    pub max_severity: Option<Severity>,
    /// The tones must agree, at any length.
    pub tones: bool,
    /// Initials and finals that are taken for the same.
    pub fuzzy: Fuzzy,
}

impl Default for Homophones {
    fn default() -> Self {
        Self { min_chars: HOMOPHONE_MIN_CHARS, max_severity: None, tones: false, fuzzy: Fuzzy::default() }
    }
}

impl Homophones {
    /// Phrases to be found, or exceptions, with fewer characters are not matched by sound.
    pub(crate) fn least_chars(&self, is_found: bool) -> usize {
        // A mishearing must not undo an exception; a short one sounds like too much.
        if is_found { self.min_chars.max(HOMOPHONE_LEAST_CHARS) } else { HOMOPHONE_MIN_CHARS }
    }
}

impl Term {
    /// How grave a finding by sound is, of a rule whose findings are `severity`.
    pub(crate) fn severity_by_sound(&self, severity: Severity) -> Severity {
        let cap = self.matching.homophones.and_then(|homophones| homophones.max_severity);
        cap.map_or(severity, |cap| cap.min(severity))
    }

    /// Whether a phrase of `chars` characters is matched by sound.
    pub(crate) fn is_by_sound(&self, chars: usize) -> bool {
        self.matching.homophones.is_some_and(|homophones| chars >= homophones.min_chars)
    }

    /// The phrase or the pattern of `hit`, as written.
    pub(crate) fn phrase_text(&self, hit: &Hit) -> &str {
        match hit.role {
            Role::Find => self.text(hit.phrase),
            Role::Except => self.except.get(hit.phrase as usize).text(),
        }
    }

    /// Phrase `number`, or the pattern with that number behind the phrases, as written.
    pub(crate) fn text(&self, number: u32) -> &str {
        let number = number as usize;
        match number.checked_sub(self.phrases.len()) {
            None => self.phrases.get(number).text(),
            Some(pattern) => &self.patterns[pattern].text,
        }
    }

    /// Whether phrase `number` has an ellipsis inside.
    pub(crate) fn has_gap(&self, number: u32) -> bool {
        (number as usize) < self.phrases.len() && self.phrases.get(number as usize).has_gap()
    }
}
