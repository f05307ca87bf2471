//! What a rule looks for in the words, and how it is matched.

use earmark_core::Severity;

use crate::phrases::Phrases;

/// Words that stand for one another: each place where one of them is said is a hit of the term.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    /// To be found.
    pub(crate) phrases: Phrases,
    /// What stands inside one of these is no hit.
    pub(crate) except: Phrases,
    /// What counts as the same.
    pub(crate) matching: Matching,
}

/// What counts as the same word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Matching {
    /// Matching by sound; none: switched off.
    pub(crate) homophones: Option<Homophones>,
}

/// How a rule matches by sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Homophones {
    /// Shorter words are not matched by sound.
    pub min_chars: usize,
    /// A finding by sound is at most this grave.
    pub max_severity: Option<Severity>,
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
}
