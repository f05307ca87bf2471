//! From the words of a rule, as they are written, to what can be looked for.

use super::Check;
use crate::error::{RuleProblem, shown};
use crate::format::{FuzzyText, HomophonesText, NormaliseText, TermText, Texts, place};
use crate::gap::{MAX_BOUND, bad_bound};
use crate::normalise::Kinds;
use crate::pattern::{BadPattern, Pattern};
use crate::phrases::{Filling, Phrases, Unfit};
use crate::sound::{FUZZY, Fuzzy};
use crate::term::{English, HOMOPHONE_LEAST_CHARS, Homophones, Matching, Term};

const EXCEPT: &str = "except";
/// Far beyond anything said word for word; it bounds the work of all that looks into words.
const MAX_WORD_CHARS: usize = 200;

impl Check<'_> {
    /// Puts what is written among the terms of the set and gives its place there; what is wrong is noted.
    pub(super) fn term(&mut self, written: TermText) -> usize {
        let phrases = self.phrases(["words", "words_from"], written.words, written.words_from);
        let except = self.phrases([EXCEPT, "except_from"], written.except, written.except_from);
        let homophones = self.homophones(written.homophones.map(|written| written.value));
        let normalise = self.normalise(written.normalise.map(|written| written.value));
        let english = written.english.map_or_else(English::default, |written| English {
            spelling_variants: written.value.spelling_variants.unwrap_or(false),
            sound_alikes: written.value.sound_alikes.unwrap_or(false),
        });
        let patterns = written.patterns.map(|list| self.patterns(&list)).unwrap_or_default();
        let matching = Matching { homophones, normalise, english };
        self.terms.push(Term { phrases, except, patterns, matching });
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
            self.wrong(list.referenced, RuleProblem::EmptyList(field.into()));
        }
        for written in &list.value {
            let text = written.value.trim();
            let problem = if let Some(problem) = too_long(text) {
                Some(problem)
            } else if text.is_empty() {
                Some(RuleProblem::EmptyText(field))
            } else {
                phrases.add_inline(text, place(written.referenced).0).err().map(|unfit| unfit_word(unfit, text))
            };
            if let Some(problem) = problem {
                self.wrong(written.referenced, problem);
            }
        }
    }

    fn patterns(&mut self, list: &Texts) -> Vec<Pattern> {
        if list.value.is_empty() {
            self.wrong(list.referenced, RuleProblem::EmptyList("patterns".into()));
        }
        let mut patterns = Vec::with_capacity(list.value.len());
        for written in &list.value {
            let text = written.value.trim();
            if text.is_empty() {
                self.wrong(written.referenced, RuleProblem::EmptyText("patterns"));
                continue;
            }
            if patterns.iter().any(|pattern: &Pattern| pattern.text == text) {
                self.wrong(written.referenced, RuleProblem::DuplicateWord(shown(text)));
                continue;
            }
            match Pattern::new(text, place(written.referenced).0) {
                Ok(pattern) => patterns.push(pattern),
                Err(BadPattern::Empty) => self.wrong(written.referenced, RuleProblem::EmptyPattern(shown(text))),
                Err(BadPattern::Unreadable(why)) => {
                    self.wrong(written.referenced, RuleProblem::BadPattern { start: shown(text), why });
                }
            }
        }
        patterns
    }

    /// What is looked past: all kinds but split characters, unless the rule says otherwise.
    fn normalise(&mut self, written: Option<NormaliseText>) -> Kinds {
        let settings = match written {
            None | Some(NormaliseText::Switch(true)) => return Kinds::DEFAULT,
            Some(NormaliseText::Switch(false)) => return Kinds::NONE,
            Some(NormaliseText::Settings(settings)) => settings,
        };
        let switches = [
            (settings.width, Kinds::WIDTH),
            (settings.case, Kinds::CASE),
            (settings.traditional, Kinds::TRADITIONAL),
            (settings.numerals, Kinds::NUMERALS),
            (settings.fillers, Kinds::FILLERS),
            (settings.repeats, Kinds::REPEATS),
            (settings.punctuation, Kinds::PUNCTUATION),
            (settings.spaces, Kinds::SPACES),
            (settings.split_characters, Kinds::SPLIT_CHARACTERS),
        ];
        switches.into_iter().fold(Kinds::DEFAULT, |kinds, (switch, kind)| match switch {
            None => kinds,
            Some(true) => kinds.with(kind),
            Some(false) => kinds.without(kind),
        })
    }

    fn homophones(&mut self, written: Option<HomophonesText>) -> Option<Homophones> {
        let default = Homophones::default();
        match written {
            None | Some(HomophonesText::Switch(true)) => Some(default),
            Some(HomophonesText::Switch(false)) => None,
            Some(HomophonesText::Settings(settings)) => {
                let min_chars = settings.min_chars.map(|least| {
                    if (least.value as usize) < HOMOPHONE_LEAST_CHARS {
                        self.wrong(least.referenced, RuleProblem::TooFewForHomophones(least.value));
                    }
                    least.value as usize
                });
                let min_chars = min_chars.unwrap_or(default.min_chars);
                let fuzzy = match settings.fuzzy {
                    None | Some(FuzzyText::Switch(false)) => Fuzzy::default(),
                    Some(FuzzyText::Switch(true)) => Fuzzy::ALL,
                    Some(FuzzyText::Pairs(pairs)) => pairs.into_iter().fold(Fuzzy::default(), |fuzzy, pair| {
                        fuzzy.with(Fuzzy::named(pair.value.trim()).unwrap_or_else(|| {
                            let known = FUZZY.to_vec();
                            self.wrong(
                                pair.referenced,
                                RuleProblem::UnknownChoice { value: pair.value.clone(), known },
                            );
                            Fuzzy::default()
                        }))
                    }),
                };
                let tones = settings.tones.unwrap_or(false);
                Some(Homophones { min_chars, max_severity: settings.max_severity, tones, fuzzy })
            }
        }
    }
}

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
