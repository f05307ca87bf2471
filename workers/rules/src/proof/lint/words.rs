//! Words that are probably not meant as they are.

use std::collections::{BTreeSet, HashMap};

use earmark_rule_files::SourceFile;
use earmark_words::{Cell, HOMOPHONE_MIN_CHARS, Hit, Passage, Phrase, Role, Term, stretches};

use crate::language::compiled::CompiledRules;
use crate::language::rule::{Rule, RuleKind};
use crate::proof::lint::common_words;
use crate::proof::lint::warning::{LintProblem, LintWarning};

/// No common word has more.
const MAX_COMMON_CHARS: usize = 12;

/// Looks over the words of one term of a rule.
pub(super) struct Look<'a, 'w> {
    set: &'a CompiledRules,
    rule: &'a Rule,
    number: usize,
    term: &'a Term,
    lines: Lines<'a>,
    warnings: &'w mut Vec<LintWarning>,
}

/// Which rule was the first to have a word, by speaker and word.
pub(super) type Owners<'a> = HashMap<(&'a str, &'a [Cell]), &'a Rule>;

/// Where the lines of the list file last asked for end.
struct Lines<'a> {
    /// Of the set.
    files: &'a [SourceFile],
    path: &'a str,
    ends: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(files: &'a [SourceFile]) -> Self {
        Self { files, path: "", ends: Vec::new() }
    }

    /// Path and line of `phrase`, of a rule in the file `path`.
    fn place(&mut self, path: &'a str, phrase: &Phrase<'a>) -> (&'a str, u64) {
        let Some((list, at)) = phrase.listed() else { return (path, phrase.line()) };
        let file = &self.files[list];
        if self.path != file.path {
            self.path = &file.path;
            self.ends = file.text.match_indices('\n').map(|(at, _)| at).collect();
        }
        let before = self.ends.partition_point(|end| *end < at);
        (self.path, u64::try_from(before).unwrap_or(u64::MAX).saturating_add(1))
    }
}

impl<'a, 'w> Look<'a, 'w> {
    /// At the term of `rule` that has this number in the set.
    pub(super) fn new(
        set: &'a CompiledRules,
        rule: &'a Rule,
        number: usize,
        warnings: &'w mut Vec<LintWarning>,
    ) -> Self {
        Self { set, rule, number, term: &set.terms()[number], lines: Lines::of(set.sources()), warnings }
    }

    fn warn(&mut self, phrase: &Phrase<'a>, problem: LintProblem) {
        let (path, line) = self.lines.place(&self.rule.path, phrase);
        self.warnings.push(LintWarning { path: path.into(), line, rule_id: self.rule.id.clone(), problem });
    }

    /// Each word by itself.
    pub(super) fn phrases(&mut self) {
        for phrase in self.term.phrases.iter() {
            let chars = phrase.char_count();
            if self.rule.kind == RuleKind::Words && is_common(&phrase) {
                self.warn(&phrase, LintProblem::CommonWord(phrase.text().into()));
            } else if chars == 1 && phrase.is_ideographic() {
                self.warn(&phrase, LintProblem::SingleCharacter(phrase.text().into()));
            } else if chars == 1 {
                self.warn(&phrase, LintProblem::SingleLetter(phrase.text().into()));
            } else if chars < HOMOPHONE_MIN_CHARS && self.term.is_by_sound(chars) && phrase.is_ideographic() {
                self.warn(&phrase, LintProblem::ShortHomophone(phrase.text().into()));
            }
        }
        for repeats in [&self.term.phrases, &self.term.except].into_iter().flat_map(|list| list.repeats()) {
            let problem = LintProblem::RepeatedLines { count: repeats.count, word: repeats.word.clone() };
            let (path, rule_id) = (self.set.sources()[repeats.list].path.clone(), self.rule.id.clone());
            self.warnings.push(LintWarning { path, line: repeats.line, rule_id, problem });
        }
    }

    /// Words of Chinese characters that hold another word of the list; with edges (Latin script) none does.
    pub(super) fn covered(&mut self) {
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
            let by_sound = |phrase: &Phrase| self.term.is_by_sound(phrase.char_count());
            let shorter = shorter.filter(|shorter| by_sound(shorter) == by_sound(&phrase));
            if let Some(shorter) = shorter {
                let problem = LintProblem::Covered { word: phrase.text().into(), shorter: shorter.text().into() };
                self.warn(&phrase, problem);
            }
        }
    }

    /// Exceptions that do nothing or too much.
    pub(super) fn exceptions(&mut self) {
        let set = self.set;
        let by_cells: HashMap<&[Cell], Phrase> =
            self.term.phrases.iter().map(|phrase| (phrase.cells(), phrase)).collect();
        for except in self.term.except.iter() {
            let (before, _, behind) = except.gaps();
            let is_open = before.is_some() || behind.is_some();
            let text = stretches(except.text()).map(|stretch| stretch.text).collect::<Vec<_>>().join(" ");
            let passage = Passage::of(&text);
            let is_word = |hit: &Hit| hit.term == self.number && hit.role == Role::Find;
            if !is_open && !set.finder().hits(set.terms(), &passage, &|_| &text).iter().any(is_word) {
                self.warn(&except, LintProblem::IdleException(except.text().into()));
            }
            if let Some(phrase) = by_cells.get(except.cells()).filter(|phrase| phrase.gaps().1 == except.gaps().1) {
                let problem = LintProblem::Unreachable { word: phrase.text().into(), except: except.text().into() };
                self.warn(phrase, problem);
            }
        }
    }

    /// Words that another rule has for the same speaker; `owners` are those of the rules looked at before.
    pub(super) fn shared(&mut self, owners: &mut Owners<'a>) {
        for phrase in self.term.phrases.iter() {
            let key = (self.rule.speaker.as_deref().unwrap_or(""), phrase.cells());
            let owner = *owners.entry(key).or_insert(self.rule);
            if owner.id != self.rule.id {
                let problem = LintProblem::SharedWord { word: phrase.text().into(), other: owner.id.clone() };
                self.warn(&phrase, problem);
            }
        }
    }
}

fn is_common(phrase: &Phrase) -> bool {
    // Longer than any of the table.
    phrase.char_count() <= MAX_COMMON_CHARS && !phrase.has_gap() && {
        let folded: String = phrase.cells().iter().map(|cell| cell.char()).collect();
        common_words::is_common(&folded)
    }
}
