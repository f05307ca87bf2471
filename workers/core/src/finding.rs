//! What a rule found, and where.

use serde::{Deserialize, Serialize};

use crate::words::words;
use crate::{Speaker, minutes_seconds};

words! {
    /// How grave a finding is; in rising order.
    #[derive(PartialOrd, Ord)]
    pub enum Severity: "severity" {
        /// Worth a look.
        Low = "low",
        /// Worth a talk.
        Medium = "medium",
        /// A breach of what was required.
        High = "high",
        /// Somebody has to act now.
        Critical = "critical",
    }
}

words! {
    /// How the words of a finding were matched.
    pub enum FindingKind: "kind of finding" {
        /// The very characters.
        Exact = "exact",
        /// The same after folding width, case, script, numerals, spaces.
        Folded = "folded",
        /// The same sound in other characters.
        Homophone = "homophone",
        /// A regular expression of the rule.
        Pattern = "pattern",
        /// Several conditions together.
        Combination = "combination",
        /// A property of the voice: silence, rate, overlap.
        Voice = "voice",
        /// What had to be said was not.
        Missing = "missing",
        /// The provider refused the clip as sensitive.
        ProviderRefused = "provider_refused",
    }
}

words! {
    /// What a finding sets off besides being in the report.
    #[derive(PartialOrd, Ord)]
    pub enum Action: "action" {
        /// Nothing more than the report.
        Flag = "flag",
        /// Told at once, as soon as a clip's text shows it.
        Alert = "alert",
        /// The result is held back until a reviewer releases it.
        Block = "block",
    }
}

/// A place that a finding rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// In which utterance; none for a property of the voice.
    pub utterance_id: Option<u32>,
    /// Channel, where there is one.
    pub channel: Option<u16>,
    /// Who said it, where somebody did.
    pub speaker: Option<Speaker>,
    /// From the recording's start.
    pub start_ms: u64,
    /// From the recording's start.
    pub end_ms: u64,
    /// How the words were matched.
    pub kind: FindingKind,
    /// The words as heard; empty for a property of the voice.
    pub matched: String,
    /// Begin and end in the utterance's text, in Unicode scalar values.
    pub span: Option<[usize; 2]>,
    /// The word or phrase of the rule that matched.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phrase: Option<String>,
}

/// One finding, with everything needed to show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Within the report, stable for the same transcript and rules.
    pub id: String,
    /// The rule's id in its set.
    pub rule_id: String,
    /// The rule's version, as the rule set states it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule_version: Option<u32>,
    /// The rule's category.
    pub category: String,
    /// How grave it is, after any cap on hits by sound.
    pub severity: Severity,
    /// How the words were matched.
    pub kind: FindingKind,
    /// In words, for the person who reads it.
    pub reason: String,
    /// In which utterance; none for what is missing.
    pub utterance_id: Option<u32>,
    /// Channel, where there is an utterance.
    pub channel: Option<u16>,
    /// Who said it, or who should have.
    pub speaker: Option<Speaker>,
    /// From the recording's start.
    pub start_ms: u64,
    /// From the recording's start.
    pub end_ms: u64,
    /// The words as heard; empty for what is missing.
    pub matched: String,
    /// Begin and end in the utterance's text, in Unicode scalar values.
    pub span: Option<[usize; 2]>,
    /// The word or phrase of the rule that matched.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phrase: Option<String>,
    /// What was compared: the words as heard, after folding. Of a hit in reduced text (without fillers, without what
    /// was said twice), the reduced form.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub normal: Option<String>,
    /// Hash of the rule set's files, in hex.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule_set_sha256: Option<String>,
    /// Weight of the finding, where the rule gives one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score: Option<f64>,
    /// What it sets off; empty: [`Action::Flag`].
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub actions: Vec<Action>,
    /// The other places that it rests on, in order of time.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub evidence: Vec<Evidence>,
    /// Of a rule on trial: recorded, never told.
    #[serde(skip_serializing_if = "is_false", default, rename = "shadow")]
    pub is_shadow: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Finding {
    /// Start time as `m:ss` for people.
    pub fn clock(&self) -> String {
        minutes_seconds(self.start_ms)
    }
}
