//! What a condition asks for, by example.

use earmark_words::Phrase;

use crate::language::compiled::CompiledRules;
use crate::language::condition::Condition;

/// The first phrase of `condition` that is written in `language`, else its first.
pub(super) fn example(set: &CompiledRules, condition: &Condition, language: &str) -> String {
    let terms = condition.terms();
    let phrases = || terms.iter().flat_map(|&term| set.terms()[term].phrases.iter());
    let is_readable = |phrase: &Phrase| phrase.is_ideographic() == (language == "zh");
    let found = phrases().find(is_readable).or_else(|| phrases().next());
    found.map_or_else(String::new, |phrase| phrase.text().to_owned())
}
