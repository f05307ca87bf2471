//! From the words of a rule, as they are written, to what can be looked for.

use earmark_core::Severity;
use earmark_rule_files::error::{RuleProblem, shown};
use earmark_rule_files::format::{FuzzyText, HomophonesText, NormaliseText, TermText, Texts, place};
use earmark_words::{
    BadPattern, Differences, English, FUZZY, Fuzzy, HOMOPHONE_LEAST_CHARS, Homophones, Matching, Pattern, Phrases,
    PhrasesBuilder, Term,
};

use crate::language::check::checker::Check;
use crate::language::check::scope::Scope;
use crate::language::check::unfit::{too_long, unfit_word};
use crate::language::term_scope::TermScope;

const EXCEPT: &str = "except";
impl Check<'_> {
    /// Puts what is written among the terms of the set, of the rule and for whom `scope` says, and gives its place there;
    /// what is wrong is noted.
    pub(super) fn owned_term(&mut self, written: TermText, scope: &Scope) -> usize {
        let Scope { rule, speaker, within, .. } = scope.clone();
        let (term, max_severity_by_sound) = self.term(written);
        self.scopes.push(TermScope { rule, speaker, within, max_severity_by_sound });
        self.terms.push(term);
        self.terms.len() - 1
    }

    /// The term that is written, and how grave a finding by its sound is at most.
    fn term(&mut self, written: TermText) -> (Term, Option<Severity>) {
        let phrases = self.phrases(["words", "words_from"], written.words, written.words_from);
        let except = self.phrases([EXCEPT, "except_from"], written.except, written.except_from);
        let (homophones, max_severity_by_sound) = self.homophones(written.homophones.map(|written| written.value));
        let normalise = self.normalise(written.normalise.map(|written| written.value));
        let english = written.english.map_or_else(English::default, |written| English {
            spelling_variants: written.value.spelling_variants.unwrap_or(false),
            sound_alikes: written.value.sound_alikes.unwrap_or(false),
        });
        let patterns = written.patterns.map(|list| self.patterns(&list)).unwrap_or_default();
        let matching = Matching { homophones, normalise, english };
        (Term { phrases, except, patterns, matching }, max_severity_by_sound)
    }

    fn phrases(&mut self, fields: [&'static str; 2], list: Option<Texts>, files: Option<Texts>) -> Phrases {
        let [inline, from] = fields;
        let mut phrases = PhrasesBuilder::new(inline == EXCEPT);
        if let Some(list) = list {
            self.inline(inline, &list, &mut phrases);
        }
        if let Some(files) = files {
            self.listed(from, &files, &mut phrases);
        }
        phrases.finish()
    }

    fn inline(&mut self, field: &'static str, list: &Texts, phrases: &mut PhrasesBuilder) {
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
    fn normalise(&mut self, written: Option<NormaliseText>) -> Differences {
        let settings = match written {
            None | Some(NormaliseText::Switch(true)) => return Differences::DEFAULT,
            Some(NormaliseText::Switch(false)) => return Differences::NONE,
            Some(NormaliseText::Settings(settings)) => settings,
        };
        let switches = [
            (settings.width, Differences::WIDTH),
            (settings.case, Differences::CASE),
            (settings.traditional, Differences::TRADITIONAL),
            (settings.numerals, Differences::NUMERALS),
            (settings.fillers, Differences::FILLERS),
            (settings.repeats, Differences::REPEATS),
            (settings.punctuation, Differences::PUNCTUATION),
            (settings.spaces, Differences::SPACES),
            (settings.split_characters, Differences::SPLIT_CHARACTERS),
        ];
        switches.into_iter().fold(Differences::DEFAULT, |kinds, (switch, kind)| match switch {
            None => kinds,
            Some(true) => kinds.with(kind),
            Some(false) => kinds.without(kind),
        })
    }

    /// How the term matches by sound, if it does, and how grave a finding by sound is at most.
    fn homophones(&mut self, written: Option<HomophonesText>) -> (Option<Homophones>, Option<Severity>) {
        let default = Homophones::default();
        match written {
            None | Some(HomophonesText::Switch(true)) => (Some(default), None),
            Some(HomophonesText::Switch(false)) => (None, None),
            Some(HomophonesText::Settings(settings)) => {
                let min_chars = settings.min_chars.map(|least| {
                    let chars = usize::try_from(least.value).unwrap_or(usize::MAX);
                    if chars < HOMOPHONE_LEAST_CHARS {
                        self.wrong(least.referenced, RuleProblem::TooFewForHomophones(least.value));
                    }
                    chars
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
                (Some(Homophones { min_chars, tones, fuzzy }), settings.max_severity)
            }
        }
    }
}
