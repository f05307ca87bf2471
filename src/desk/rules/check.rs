//! What in a rule set is probably not meant.

use earmark_rules::RuleSet;

use crate::config::Audio;

/// What a rule set holds, and what in it is probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// A sentence for each thing that is probably not meant.
    pub warnings: Vec<String>,
    /// The set's own name.
    pub name: String,
    /// Hash of its files, in hex.
    pub sha256: String,
    /// How many rules it has.
    pub rules: usize,
    /// How many words they have together.
    pub words: usize,
    /// How many examples they have together.
    pub examples: usize,
}

/// Looks `rules` through, for recordings whose speakers are called as `audio` says.
pub fn check(rules: &RuleSet, audio: &Audio) -> Checked {
    let mut warnings = Vec::new();
    let everybody = audio.everybody();
    for rule in rules.rules() {
        if let Some(speaker) = &rule.speaker
            && !everybody.contains(&speaker.as_str())
        {
            let known = audio.speakers.join(", ");
            warnings.push(format!(
                "rule `{}`: nobody is called `{speaker}` (audio.speakers: {known}); it will find nothing",
                rule.id
            ));
        }
    }
    let lint = rules.lint();
    warnings.extend(lint.warnings.iter().map(ToString::to_string));
    let id = rules.id();
    Checked {
        warnings,
        name: id.name.clone(),
        sha256: id.sha256.clone(),
        rules: lint.rules,
        words: lint.words,
        examples: lint.examples,
    }
}
