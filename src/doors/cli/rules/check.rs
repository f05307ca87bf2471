//! `earmark rules check`

use earmark_rules::RuleSet;

use crate::config::Audio;
use crate::doors::cli::show;

/// Says what in `rules` is probably not meant, then what they hold.
pub fn check(rules: &RuleSet, audio: &Audio) {
    let lint = rules.lint();
    for rule in rules.rules() {
        if let Some(speaker) = &rule.speaker
            && !audio.speakers.contains(speaker)
            && audio.mono_speaker != *speaker
        {
            let known = audio.speakers.join(", ");
            show::line(&format!(
                "warning: rule `{}`: nobody is called `{speaker}` (audio.speakers: {known}); it will find nothing",
                rule.id
            ));
        }
    }
    for warning in &lint.warnings {
        show::line(&format!("warning: {warning}"));
    }
    let id = rules.id();
    show::line(&format!(
        "{}: {}, {}, {}, sha256 {}",
        id.name,
        show::counted(lint.rules, "rule", "rules"),
        show::counted(lint.words, "word", "words"),
        show::counted(lint.examples, "example", "examples"),
        id.sha256
    ));
}
