//! From the words of a rule, as they are written, to what can be looked for.

use super::Check;
use crate::error::RuleProblem;
use crate::format::{HomophonesText, TermText, Texts, place};
use crate::phrases::{Filling, Phrases, Unfit};
use crate::rule::HOMOPHONE_MIN_CHARS;
use crate::term::{Homophones, Matching, Term};

/// Below this nearly everything sounds like something else: 7.8 homophones for each exact hit at two characters.
const HOMOPHONE_LEAST_CHARS: u32 = 3;
const EXCEPT: &str = "except";
/// Far beyond anything said word for word; it bounds the work of all that looks into words.
const MAX_WORD_CHARS: usize = 200;
/// Of a word that is too long, so much is shown.
const SHOWN_CHARS: usize = 20;

impl Check<'_> {
    /// Puts what is written among the terms of the set and gives its place there; what is wrong is noted.
    pub(super) fn term(&mut self, written: TermText) -> usize {
        let phrases = self.phrases(["words", "words_from"], written.words, written.words_from);
        let except = self.phrases([EXCEPT, "except_from"], written.except, written.except_from);
        let homophones = self.homophones(written.homophones);
        self.terms.push(Term { phrases, except, matching: Matching { homophones } });
        self.terms.len() - 1
    }

    fn phrases(&mut self, fields: [&'static str; 2], list: Option<Texts>, files: Option<Texts>) -> Phrases {
        let [inline, from] = fields;
        let mut phrases = Filling::new(inline == EXCEPT);
        if let Some(list) = list {
            self.inline(inline, &list, &mut phrases);
        }
        if let Some(files) = files {
            self.listed(from, &files, &mut phrases);
        }
        phrases.finish()
    }

    fn inline(&mut self, field: &'static str, list: &Texts, phrases: &mut Filling) {
        if list.value.is_empty() {
            self.wrong(list.referenced, RuleProblem::EmptyList(field));
        }
        for written in &list.value {
            let text = written.value.trim();
            let problem = if let Some(problem) = too_long(text) {
                Some(problem)
            } else if text.is_empty() {
                Some(RuleProblem::EmptyText(field))
            } else {
                let added = phrases.add_inline(text, place(written.referenced).0);
                added.err().map(|unfit| match unfit {
                    Unfit::FoldedAway => RuleProblem::FoldedAway(text.into()),
                    Unfit::OpenEnd => RuleProblem::OpenEnd(text.into()),
                    Unfit::Repeated => RuleProblem::DuplicateWord(text.into()),
                })
            };
            if let Some(problem) = problem {
                self.wrong(written.referenced, problem);
            }
        }
    }

    fn homophones(&mut self, written: Option<HomophonesText>) -> Option<Homophones> {
        let default = Homophones { min_chars: HOMOPHONE_MIN_CHARS, max_severity: None };
        match written {
            None | Some(HomophonesText::Switch(true)) => Some(default),
            Some(HomophonesText::Switch(false)) => None,
            Some(HomophonesText::Settings(settings)) => {
                let min_chars = settings.min_chars.map(|least| {
                    if least.value < HOMOPHONE_LEAST_CHARS {
                        self.wrong(least.referenced, RuleProblem::TooFewForHomophones(least.value));
                    }
                    least.value as usize
                });
                let min_chars = min_chars.unwrap_or(default.min_chars);
                Some(Homophones { min_chars, max_severity: settings.max_severity })
            }
        }
    }
}

/// What is wrong with a word of this length, if anything.
pub(super) fn too_long(text: &str) -> Option<RuleProblem> {
    if text.len() <= MAX_WORD_CHARS {
        return None;
    }
    let chars = text.chars().count();
    let start = || text.chars().take(SHOWN_CHARS).collect();
    (chars > MAX_WORD_CHARS).then(|| RuleProblem::LongWord { start: start(), chars, most: MAX_WORD_CHARS })
}
