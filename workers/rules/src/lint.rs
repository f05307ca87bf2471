//! What is allowed in a rule set and probably not meant.

use std::collections::{BTreeSet, HashMap};

use crate::fold::Passage;
use crate::index::{Hit, Role};
use crate::phrase::Cell;
use crate::phrases::Phrase;
use crate::rule::{HOMOPHONE_MIN_CHARS, Rule, RuleKind};
use crate::rule_set::RuleSet;
use crate::term::Term;

/// A summary of a rule set, with what its author should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// How many rules.
    pub rules: usize,
    /// How many words and phrases they look for.
    pub words: usize,
    /// How many examples they carry.
    pub examples: usize,
    /// In order of file and line.
    pub warnings: Vec<LintWarning>,
}

/// Something to look at. Shown as `path:line: rule `id`: what`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: rule `{rule_id}`: {problem}")]
pub struct LintWarning {
    /// The file.
    pub path: String,
    /// From 1.
    pub line: u64,
    /// The rule.
    pub rule_id: String,
    /// What.
    pub problem: LintProblem,
}

/// What is probably not meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LintProblem {
    /// One character is part of many words.
    #[error("`{0}` is a single character and will be found inside other words")]
    SingleCharacter(String),
    /// Matched by sound though short.
    #[error("`{0}` has fewer than four characters and is matched by sound: expect false hits, give exceptions")]
    ShortHomophone(String),
    /// Two rules find the same.
    #[error("`{word}` is also a word of rule `{other}`: both will report it")]
    SharedWord {
        /// The word.
        word: String,
        /// The other rule.
        other: String,
    },
    /// A shorter word of the same rule finds it already.
    #[error("`{word}` is found already by `{shorter}` in the same list")]
    Covered {
        /// The longer word.
        word: String,
        /// The shorter word.
        shorter: String,
    },
    /// An exception around nothing.
    #[error("the exception `{0}` holds none of the rule's words and does nothing")]
    IdleException(String),
    /// A word that is inside one of the rule's exceptions.
    #[error("`{word}` can never be found: the exception `{except}` stands inside it or is the same")]
    Unreachable {
        /// The word.
        word: String,
        /// The exception.
        except: String,
    },
    /// Nothing shows that the rule works.
    #[error("it has no examples under `{0}`")]
    NoExamples(&'static str),
    /// A reader sees the category only.
    #[error("it has no message: findings will say `{0}`")]
    NoMessage(String),
}

impl RuleSet {
    /// Looks the set over.
    pub fn lint(&self) -> Lint {
        let mut warnings = Vec::new();
        let mut owners: HashMap<(&str, &[Cell]), &Rule> = HashMap::new();
        for rule in self.rules() {
            for (number, term) in rule.terms.clone().zip(&self.terms()[rule.terms.clone()]) {
                let mut look = Look { rule, number, term, warnings: &mut warnings };
                look.words();
                look.covered();
                look.exceptions(self);
            }
            let Some(first) = self.terms().get(rule.terms.start) else { continue };
            let mut look = Look { rule, number: rule.terms.start, term: first, warnings: &mut warnings };
            look.texts();
            if rule.kind == RuleKind::Words {
                for phrase in first.phrases.iter() {
                    let key = (rule.speaker.as_deref().unwrap_or(""), phrase.cells());
                    let owner = *owners.entry(key).or_insert(rule);
                    if owner.id != rule.id {
                        let problem = LintProblem::SharedWord { word: phrase.text().into(), other: owner.id.clone() };
                        look.warn(phrase.line(), problem);
                    }
                }
            }
        }
        warnings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
        let examples = self.rules().iter().map(|rule| rule.hits.len() + rule.misses.len()).sum();
        Lint { rules: self.rules().len(), words: self.word_count(), examples, warnings }
    }
}

struct Look<'a> {
    rule: &'a Rule,
    /// The term's place in the set.
    number: usize,
    term: &'a Term,
    warnings: &'a mut Vec<LintWarning>,
}

impl Look<'_> {
    fn warn(&mut self, line: u64, problem: LintProblem) {
        let (path, rule_id) = (self.rule.path.clone(), self.rule.id.clone());
        self.warnings.push(LintWarning { path, line, rule_id, problem });
    }

    fn words(&mut self) {
        for phrase in self.term.phrases.iter() {
            let by_sound = self.term.is_by_sound(phrase.len());
            if phrase.len() == 1 {
                self.warn(phrase.line(), LintProblem::SingleCharacter(phrase.text().into()));
            } else if by_sound && phrase.len() < HOMOPHONE_MIN_CHARS && phrase.is_ideographic() {
                self.warn(phrase.line(), LintProblem::ShortHomophone(phrase.text().into()));
            }
        }
    }

    /// Words of Chinese characters that hold another word of the list; with edges (Latin script) none does.
    fn covered(&mut self) {
        if self.rule.kind == RuleKind::MustSay {
            // There the first phrase is the one that a reader is shown, however long.
            return;
        }
        let list = &self.term.phrases;
        let chars: Vec<char> = list.cells().iter().map(|cell| cell.char()).collect();
        let chars = |phrase: &Phrase| {
            let (begin, end) = phrase.span();
            &chars[begin..end]
        };
        let short = |phrase: &Phrase| phrase.is_ideographic() && !phrase.has_gap();
        let by_chars: HashMap<&[char], Phrase> =
            list.iter().filter(short).map(|phrase| (chars(&phrase), phrase)).collect();
        let lengths: BTreeSet<usize> = by_chars.keys().map(|chars| chars.len()).collect();
        for phrase in list.iter().filter(|phrase| !phrase.has_gap()) {
            let chars = chars(&phrase);
            let shorter = (0..chars.len()).find_map(|begin| {
                let mut pieces = lengths.range(..chars.len()).map_while(|length| chars.get(begin..begin + length));
                pieces.find_map(|piece| by_chars.get(piece))
            });
            // The longer word is still worth its line when only it is matched by sound.
            let by_sound = |phrase: &Phrase| self.term.is_by_sound(phrase.len());
            let shorter = shorter.filter(|shorter| by_sound(shorter) == by_sound(&phrase));
            if let Some(shorter) = shorter {
                let problem = LintProblem::Covered { word: phrase.text().into(), shorter: shorter.text().into() };
                self.warn(phrase.line(), problem);
            }
        }
    }

    fn exceptions(&mut self, set: &RuleSet) {
        let by_cells: HashMap<&[Cell], Phrase> =
            self.term.phrases.iter().map(|phrase| (phrase.cells(), phrase)).collect();
        for except in self.term.except.iter() {
            let is_open = except.opens_before() || except.opens_after();
            let passage = Passage::of(&except.text().replace("...", " ").replace('…', " "));
            let is_word = |hit: &Hit| hit.term as usize == self.number && hit.role == Role::Find;
            if !is_open && !set.index().hits(set.terms(), &passage).iter().any(is_word) {
                self.warn(except.line(), LintProblem::IdleException(except.text().into()));
            }
            if let Some(phrase) = by_cells.get(except.cells()) {
                let problem = LintProblem::Unreachable { word: phrase.text().into(), except: except.text().into() };
                self.warn(phrase.line(), problem);
            }
        }
    }

    fn texts(&mut self) {
        if self.rule.hits.is_empty() {
            self.warn(self.rule.line, LintProblem::NoExamples("hit"));
        }
        if self.rule.misses.is_empty() {
            self.warn(self.rule.line, LintProblem::NoExamples("miss"));
        }
        if self.rule.message.is_empty() {
            self.warn(self.rule.line, LintProblem::NoMessage(self.rule.category.clone()));
        }
    }
}
