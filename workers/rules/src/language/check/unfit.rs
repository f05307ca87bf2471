//! What is wrong with a word or phrase.

use earmark_rule_files::error::{RuleProblem, shown};
use earmark_words::{MAX_BOUND, Unfit, bad_bound};

/// Far beyond anything said word for word; it bounds the work of all that looks into words.
const MAX_WORD_CHARS: usize = 200;

/// What is wrong with the word `text`, which is `unfit`.
pub(super) fn unfit_word(unfit: Unfit, text: &str) -> RuleProblem {
    match unfit {
        Unfit::FoldedAway => RuleProblem::FoldedAway(text.into()),
        Unfit::OpenEnd => RuleProblem::OpenEnd(text.into()),
        Unfit::BadBound => RuleProblem::BadBound {
            word: text.into(),
            bound: bad_bound(text).unwrap_or_default().into(),
            most: MAX_BOUND.into(),
        },
        Unfit::Repeated => RuleProblem::DuplicateWord(text.into()),
    }
}

/// What is wrong with a word of this length, if anything.
pub(super) fn too_long(text: &str) -> Option<RuleProblem> {
    if text.len() <= MAX_WORD_CHARS {
        return None;
    }
    let chars = text.chars().count();
    (chars > MAX_WORD_CHARS).then(|| RuleProblem::LongWord { start: shown(text), chars, most: MAX_WORD_CHARS })
}
