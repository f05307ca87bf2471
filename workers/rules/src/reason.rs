//! Why a finding was raised, in a sentence.

use crate::phrases::Phrase;
use crate::rule::{Rule, Within};
use crate::said::Said;
use crate::term::Term;

/// Why words were a hit, in `language` (`zh`, all others English).
pub(crate) fn of_words(rule: &Rule, language: &str, said: &Said, phrase: &str) -> String {
    let message = rule.message_in(language);
    let matched = &said.matched;
    let mut reason = message.to_owned();
    if language == "zh" {
        reason.push_str(&format!("：听到“{matched}”"));
        if said.is_by_sound() {
            reason.push_str(&format!("，与“{phrase}”同音"));
        }
        if said.goes_on {
            reason.push_str("，下一句接着说完");
        }
    } else {
        reason.push_str(&format!(": heard “{matched}”"));
        if said.is_by_sound() {
            reason.push_str(&format!(", which sounds like “{phrase}”"));
        }
        if said.goes_on {
            reason.push_str(", which goes on in the next utterance");
        }
    }
    reason
}

/// Why nothing was a hit.
pub(crate) fn of_missing(rule: &Rule, term: &Term, language: &str) -> String {
    let message = rule.message_in(language);
    let is_readable = |phrase: &Phrase| phrase.is_ideographic() == (language == "zh");
    let example = term.phrases.iter().find(is_readable).or_else(|| term.phrases.first());
    let example = example.map_or("", |phrase| phrase.text());
    let secs = rule.within.map(|Within { first_ms }| first_ms / 1000);
    match (language, secs) {
        ("zh", Some(secs)) => format!("{message}：前{secs}秒内没有听到“{example}”或类似的话"),
        ("zh", None) => format!("{message}：没有听到“{example}”或类似的话"),
        (_, Some(secs)) => format!("{message}: nothing like “{example}” was heard in the first {secs} s"),
        (_, None) => format!("{message}: nothing like “{example}” was heard"),
    }
}
