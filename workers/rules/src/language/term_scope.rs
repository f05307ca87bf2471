//! Which rule a term is of, and whose words count for it, where.

use earmark_core::{Severity, Speaker};

use crate::recording::within::Within;

/// Whose a term is, and where it counts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TermScope {
    /// Index of the rule in its set.
    pub(crate) rule: usize,
    /// Whose words count; none: anybody's.
    pub(crate) speaker: Option<String>,
    /// The part of the recording that counts.
    pub(crate) within: Option<Within>,
    /// A finding by sound is at most this grave.
    pub(crate) max_severity_by_sound: Option<Severity>,
}

impl TermScope {
    /// Whether `speaker`'s words count: the one asked for, or somebody of whom nobody can tell.
    pub(crate) fn hears(&self, speaker: &Speaker) -> bool {
        hears(self.speaker.as_deref(), speaker)
    }

    /// How grave a finding by sound is, of a rule whose findings are `severity`.
    pub(crate) fn severity_by_sound(&self, severity: Severity) -> Severity {
        self.max_severity_by_sound.map_or(severity, |most| most.min(severity))
    }
}

/// Whether `speaker` is `expected` (none: anybody), or somebody of whom nobody can tell.
pub(crate) fn hears(expected: Option<&str>, speaker: &Speaker) -> bool {
    expected.is_none_or(|expected| speaker.0 == expected || speaker.0 == Speaker::UNKNOWN)
}
