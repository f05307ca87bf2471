//! A rule, read and checked.

use std::collections::BTreeMap;

use earmark_core::{Lane, Severity, Speaker};

use crate::format::ExampleText;

/// Words of so many characters are matched by sound unless the rule says otherwise.
pub const HOMOPHONE_MIN_CHARS: usize = 4;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Unique in its set.
    pub id: String,
    /// As the rule states it.
    pub version: Option<u32>,
    /// What kind of thing it finds.
    pub category: String,
    /// How grave a finding is.
    pub severity: Severity,
    /// Whose words count; none: anybody's. Where nobody knows who speaks, the words count as well.
    pub speaker: Option<String>,
    /// Which recordings it is for.
    pub applies_to: AppliesTo,
    /// The part of the recording that counts.
    pub within: Option<Within>,
    /// Must not be said, or must.
    pub kind: RuleKind,
    /// What is looked for: place in the terms of the set.
    pub(crate) term: usize,
    /// What a finding says, by language; the key of a message in no particular language is empty.
    pub message: BTreeMap<String, String>,
    /// The file that holds it.
    pub path: String,
    /// Line in that file, from 1.
    pub line: u64,
    pub(crate) hits: Vec<Example>,
    pub(crate) misses: Vec<Example>,
}

/// What kind of rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// Every place where one of the words is said is a finding.
    Words,
    /// One finding when none of the phrases is said.
    MustSay,
}

/// Which recordings a rule is for; what is not known of a recording excludes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppliesTo {
    /// ISO 639-1; empty: all.
    pub languages: Vec<String>,
    /// Empty: all.
    pub lanes: Vec<Lane>,
    /// Shorter recordings are left alone.
    pub min_duration_ms: u64,
}

/// A part of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Within {
    /// From the recording's start.
    pub first_ms: u64,
}

/// An example with the place where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Example {
    pub(crate) line: u64,
    pub(crate) text: ExampleText,
}

impl Rule {
    /// Whether `speaker`'s words count for this rule: the rule's speaker, or somebody of whom nobody can tell.
    pub(crate) fn hears(&self, speaker: &Speaker) -> bool {
        match &self.speaker {
            None => true,
            Some(expected) => speaker.0 == *expected || speaker.0 == Speaker::UNKNOWN,
        }
    }

    /// The message in `language`, else in English, else any; the category where there is none.
    pub(crate) fn message_in(&self, language: &str) -> &str {
        let first = self.message.values().next();
        let message = self.message.get(language).or_else(|| self.message.get("")).or_else(|| self.message.get("en"));
        message.or(first).map_or(&self.category, String::as_str)
    }
}

/// `zh` of `zh-CN`.
pub(crate) fn primary_language(tag: &str) -> String {
    tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase()
}
