//! Everything that counts as a term's words: the index over a passage as it is written, over what it reads as when
//! reduced, and patterns.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::fold::Passage;
use crate::index::{Hit, Index, Role, Way, pair};
use crate::normalise::Kinds;
use crate::numerals;
use crate::pattern::Patterns;
use crate::phrases::{Filling, Phrases};
use crate::reading::{Reading, reduced};
use crate::reduce::{Change, Read, changes, is_reducible};
use crate::sound::{SYLLABLES, readings};
use crate::term::Term;
use crate::texts::{Originals, Texts};
use crate::verify;

/// Finds the words of all terms.
pub(crate) struct Finder {
    index: Index,
    patterns: Patterns,
    /// What reduced phrases read, for the phrases that read otherwise then.
    reduced: Option<Reduced>,
    neighbours: Neighbours,
    /// All kinds of reduction that some term has switched on.
    kinds: Kinds,
    /// Some term does not look past all that is folded.
    is_strict: bool,
}

/// Phrases as they read when reduced.
struct Reduced {
    terms: Vec<Term>,
    index: Index,
    /// For each of `terms` and both roles, the phrases' numbers in the original term, and by what they were reduced.
    originals: Vec<[Vec<(u32, Kinds)>; 2]>,
}

/// What stands side by side in some phrase, and how far phrases with it reach at most, in characters: where a
/// reduction puts nothing of that sort together, no phrase stands. 0: no phrase.
struct Neighbours {
    /// By the hash of two characters; its upper bits are the place.
    spelled: Vec<u16>,
    shift: u32,
    /// By their syllables, for phrases that are matched by sound.
    sounding: Vec<u16>,
    /// Numbers that are phrases of their own.
    numbers: HashSet<String>,
    /// How the phrases write each digit.
    digits: [Spelling; 10],
}

/// How the phrases of a set write a digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Nowhere,
    Only(char),
    InSeveralWays,
}

/// Places for each pair of characters that stand side by side: few share one.
const PLACES: usize = 8;
const MIN_BITS: u32 = 10;
/// 2 MB.
const MAX_BITS: u32 = 20;
/// More characters than any number that is said.
const NUMBER_REACH: usize = 32;

impl Finder {
    /// Compiles the words of `terms`.
    ///
    /// # Errors
    /// In words, when there are more than can be numbered.
    pub(crate) fn new(terms: &[Term]) -> Result<Self, String> {
        let index = Index::new(terms)?;
        let kinds = terms.iter().fold(Kinds::NONE, |kinds, term| kinds.with(term.matching.normalise));
        let reduced = Reduced::new(terms)?;
        let neighbours = Neighbours::of(terms, reduced.as_ref().map_or(&[], |reduced| &reduced.terms));
        let is_strict = terms.iter().any(|term| !term.matching.normalise.contains(Kinds::OF_CHARACTERS));
        Ok(Self { index, patterns: Patterns::new(terms), reduced, neighbours, kinds, is_strict })
    }

    /// Every place of every phrase and pattern in `passage`, whose utterances have `texts`, in order of term, role and
    /// place.
    pub(crate) fn hits(&self, terms: &[Term], passage: &Passage, texts: Texts) -> Vec<Hit> {
        let mut hits = self.index.hits(terms, passage);
        if self.is_strict && !hits.is_empty() {
            let originals = Originals::new(texts);
            hits.retain(|hit| is_same(terms, hit, passage, &originals, (hit.start, hit.end)));
        }
        let written = hits.len();
        let numbers = self.reduced.as_ref().filter(|_| has_digit(passage));
        if let Some(reduced) = numbers {
            let originals = Originals::new(texts);
            reduced.hits(terms, passage, &mut |hit, kinds| {
                // What was reduced by more than its numbers stands here with something left out.
                let is_whole = Kinds::NUMERALS.with(Kinds::SPLIT_CHARACTERS).contains(kinds);
                if is_whole && is_same(terms, &hit, passage, &originals, (hit.start, hit.end)) {
                    hits.push(hit);
                }
            });
        }
        self.in_readings(terms, passage, texts, &mut hits);
        if !self.patterns.is_empty() {
            self.of_patterns(terms, passage, texts, &mut hits);
        }
        if hits.len() > written {
            hits.sort_unstable();
            hits.dedup();
        }
        hits
    }

    /// Adds what is found where something is reduced.
    fn in_readings(&self, terms: &[Term], passage: &Passage, texts: Texts, hits: &mut Vec<Hit>) {
        let mut windows: Vec<(usize, usize)> = Vec::new();
        // The end of the change before, and what is read there last.
        let mut last: (usize, Option<char>) = (0, None);
        changes(passage, 0..passage.len(), self.kinds, |change| {
            let before = if last.0 == change.start { last.1 } else { Some(passage.chars[change.start - 1]) };
            let read = match &change.to {
                Read::Nothing => before,
                Read::One(c) => Some(*c),
                Read::Text(text) => text.chars().last(),
            };
            last = (change.end, read);
            let reach = self.neighbours.reach(passage, &change, before);
            if reach > 0 {
                // Twice: other reductions beside this one let a phrase reach further.
                let from = change.start.saturating_sub(2 * reach + 2);
                let to = (change.end + 2 * reach + 2).min(passage.len());
                // A window that begins earlier takes those before it in.
                let mut window = (from, to);
                while let Some(&(begin, end)) = windows.last().filter(|(_, end)| *end >= from) {
                    window = (begin.min(window.0), end.max(window.1));
                    windows.pop();
                }
                windows.push(window);
            }
        });
        if windows.is_empty() {
            return;
        }
        let mut written: Vec<Hit> = hits.iter().filter(|hit| hit.role == Role::Find).copied().collect();
        written.sort_unstable_by_key(|hit| (hit.term, hit.start));
        let written =
            Written { widest: written.iter().map(|hit| hit.end - hit.start).max().unwrap_or(0), hits: written };
        let spelled = Originals::new(texts);
        for (from, to) in windows {
            let mut made: Vec<Change> = Vec::new();
            changes(passage, from..to, self.kinds, |change| made.push(change));
            let reading = Reading::new(passage, &spelled, from..to, &made);
            let originals = Originals::new(Texts::Many(&reading.texts));
            let mut add = |hit: Hit, kinds: Option<Kinds>| {
                let (mut start, mut end) = reading.origin(hit.start, hit.end);
                let term = &terms[hit.term as usize];
                let on = term.matching.normalise;
                let first = made.partition_point(|change| change.end <= start);
                let mut inside = made[first..].iter().take_while(|change| change.start < end).peekable();
                let is_covered = inside.peek().is_some()
                    && inside.all(|change| start <= change.start && change.end <= end && on.contains(change.kinds));
                if !is_covered || !is_same(terms, &hit, &reading.passage, &originals, (hit.start, hit.end)) {
                    return;
                }
                let has_less = kinds.is_some_and(|kinds| kinds != kinds.without(Kinds::FILLERS.with(Kinds::REPEATS)));
                if has_less {
                    // What the phrase begins or ends with may be reduced here as well.
                    let before = change_at(&made, |change| change.end.cmp(&start)).map_or(start, |change| change.start);
                    let after = change_at(&made, |change| change.start.cmp(&end)).map_or(end, |change| change.end);
                    if !holds(term, &hit, passage, before, after) {
                        return;
                    }
                    if !holds(term, &hit, passage, start, end) {
                        (start, end) = (before, after);
                    }
                }
                let is_beside = written.says(&hit, start, end);
                if hit.role == Role::Except || !is_beside {
                    hits.push(Hit { start, end, is_reduced: true, ..hit });
                }
            };
            self.index.hits(terms, &reading.passage).into_iter().for_each(|hit| add(hit, None));
            if let Some(reduced) = &self.reduced {
                reduced.hits(terms, &reading.passage, &mut |hit, kinds| add(hit, Some(kinds)));
            }
        }
    }

    fn of_patterns(&self, terms: &[Term], passage: &Passage, texts: Texts, hits: &mut Vec<Hit>) {
        let mut begin = 0;
        while begin < passage.len() {
            let utterance = passage.place(begin).utterance;
            let end = passage.end_of_utterance(begin);
            for found in self.patterns.matches(terms, texts.of(utterance)) {
                let place = |at: usize| begin + passage.count_before(begin..end, at);
                let (start, behind) = (place(found.start), place(found.end));
                // Signs alone have no place among the characters of a passage.
                if start < behind {
                    let phrase = terms[found.term as usize].phrases.len() + found.pattern as usize;
                    let hit = Hit::new((found.term, Role::Find, small(phrase)), start, behind, Way::Pattern);
                    hits.push(Hit { cut: Some((small(found.start), small(found.end))), ..hit });
                }
            }
            begin = end;
        }
    }
}

/// The hits in what is written, in order of term and place.
struct Written {
    hits: Vec<Hit>,
    /// How far the widest of them goes.
    widest: usize,
}

impl Written {
    /// Whether what stands at `start..end` is said in writing already, where `hit` of a reading stands: there the
    /// reading adds nothing, unless it is a longer phrase around it.
    fn says(&self, hit: &Hit, start: usize, end: usize) -> bool {
        let first = self.hits.partition_point(|other| (other.term, other.start + self.widest) < (hit.term, start));
        let near = self.hits[first..].iter().take_while(|other| other.term == hit.term && other.start < end);
        near.into_iter().any(|other| {
            let is_inside = start <= other.start && other.end <= end;
            other.end > start && !other.is_by_sound && (!is_inside || other.phrase == hit.phrase)
        })
    }
}

/// Whether a hit differs from its phrase only by what its term looks past.
fn is_same(terms: &[Term], hit: &Hit, passage: &Passage, originals: &Originals, (start, end): (usize, usize)) -> bool {
    let term = &terms[hit.term as usize];
    let kinds = term.matching.normalise;
    kinds.contains(Kinds::OF_CHARACTERS)
        || verify::is_same(term.phrase_text(hit), passage, originals, (start, end), kinds)
}

/// Whether all that the phrase of `hit` says, numbers apart, stands in `start..end` of `passage` in its order: a
/// phrase that is itself reduced must not be found where less is said.
fn holds(term: &Term, hit: &Hit, passage: &Passage, start: usize, end: usize) -> bool {
    let is_number = |c: char| numerals::digit(c).is_some() || numerals::unit(c).is_some() || c == '点';
    let phrases = if hit.role == Role::Find { &term.phrases } else { &term.except };
    let mut heard = passage.chars[start..end].iter();
    let cells = phrases.get(hit.phrase as usize).cells();
    cells.iter().map(|cell| cell.char()).filter(|c| !is_number(*c)).all(|c| heard.any(|heard| *heard == c))
}

/// The change of which `compare` says that it is the one.
fn change_at(changes: &[Change], compare: impl FnMut(&Change) -> Ordering) -> Option<&Change> {
    changes.binary_search_by(compare).ok().map(|at| &changes[at])
}

fn has_digit(passage: &Passage) -> bool {
    passage.chars.iter().any(char::is_ascii_digit)
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Reduced {
    fn new(terms: &[Term]) -> Result<Option<Self>, String> {
        let mut made = Vec::new();
        let mut originals = Vec::new();
        let mut is_any = false;
        for term in terms {
            let (phrases, found) = Self::list(&term.phrases, term.matching.normalise, false);
            let (except, excepted) = Self::list(&term.except, term.matching.normalise, true);
            is_any |= !found.is_empty() || !excepted.is_empty();
            made.push(Term { phrases, except, patterns: Vec::new(), matching: term.matching.clone() });
            originals.push([found, excepted]);
        }
        if !is_any {
            return Ok(None);
        }
        let index = Index::new(&made)?;
        Ok(Some(Self { terms: made, index, originals }))
    }

    fn list(phrases: &Phrases, kinds: Kinds, may_be_open: bool) -> (Phrases, Vec<(u32, Kinds)>) {
        let mut filling = Filling::new(may_be_open);
        let mut originals = Vec::new();
        for (number, phrase) in phrases.iter().enumerate() {
            if !is_reducible(phrase.cells()) {
                continue;
            }
            let Some((text, by)) = reduced(phrase.text(), kinds) else { continue };
            if filling.add_inline(text.trim(), 1).is_ok() {
                originals.push((small(number), by));
            }
        }
        (filling.finish(), originals)
    }

    /// Calls `found` with every hit of a reduced phrase in `passage`, as one of the phrase that it was, and with what
    /// it was reduced by.
    fn hits(&self, terms: &[Term], passage: &Passage, found: &mut dyn FnMut(Hit, Kinds)) {
        debug_assert_eq!(terms.len(), self.terms.len());
        for hit in self.index.hits(&self.terms, passage) {
            let originals = &self.originals[hit.term as usize][usize::from(hit.role == Role::Except)];
            let (phrase, kinds) = originals[hit.phrase as usize];
            found(Hit { phrase, ..hit }, kinds);
        }
    }
}

impl Neighbours {
    fn of(terms: &[Term], reduced: &[Term]) -> Self {
        let all = || terms.iter().chain(reduced);
        let cells: usize = all().map(|term| term.phrases.cells().len() + term.except.cells().len()).sum();
        let bits = (cells * PLACES).next_power_of_two().ilog2().clamp(MIN_BITS, MAX_BITS);
        let mut made = Self {
            spelled: vec![0; 1 << bits],
            shift: 64 - bits,
            sounding: Vec::new(),
            numbers: HashSet::new(),
            digits: [Spelling::Nowhere; 10],
        };
        all().for_each(|term| made.add(term));
        // As they are written: reduced they are all the same.
        for cell in terms.iter().flat_map(|term| term.phrases.cells().iter().chain(term.except.cells())) {
            made.note_digit(cell.char());
        }
        made
    }

    fn note_digit(&mut self, c: char) {
        let Some(digit) = numerals::digit(c).and_then(|digit| digit.to_digit(10)) else { return };
        let known = &mut self.digits[digit as usize];
        *known = match *known {
            Spelling::Nowhere => Spelling::Only(c),
            Spelling::Only(other) if other == c => Spelling::Only(c),
            Spelling::Only(_) | Spelling::InSeveralWays => Spelling::InSeveralWays,
        };
    }

    /// Whether some phrase writes the digit `read` in another way than `written`.
    fn is_written_otherwise(&self, read: char, written: char) -> bool {
        read.to_digit(10).is_none_or(|digit| match self.digits[digit as usize] {
            Spelling::Nowhere => false,
            Spelling::Only(c) => c != written,
            Spelling::InSeveralWays => true,
        })
    }

    fn add(&mut self, term: &Term) {
        for (phrases, is_found) in [(&term.phrases, true), (&term.except, false)] {
            let least = term.matching.homophones.as_ref().map(|homophones| homophones.least_chars(is_found));
            for (part, reach) in phrases.reaches() {
                let reach = u16::try_from(reach).unwrap_or(u16::MAX);
                let is_by_sound = least.is_some_and(|least| part.len() >= least);
                for two in part.windows(2) {
                    // What stands inside a word is never parted by a filler.
                    let is_inside = two[0].is_letter() && two[1].is_letter() && !two[1].may_be_apart();
                    let is_digits = two.iter().all(|cell| cell.char().is_ascii_digit());
                    if !is_inside || is_digits {
                        let place = self.place(two[0].char(), two[1].char());
                        self.spelled[place] = self.spelled[place].max(reach);
                    }
                    if is_by_sound {
                        self.note_sounds(two[0].char(), two[1].char(), reach);
                    }
                }
                if part.iter().all(|cell| cell.char().is_ascii_digit()) {
                    self.numbers.insert(part.iter().map(|cell| cell.char()).collect());
                }
            }
        }
    }

    fn place(&self, a: char, b: char) -> usize {
        (pair(a, b) >> self.shift) as usize
    }

    fn note_sounds(&mut self, a: char, b: char, reach: u16) {
        for &first in readings(a) {
            for &second in readings(b) {
                if self.sounding.is_empty() {
                    self.sounding = vec![0; SYLLABLES * SYLLABLES];
                }
                let known = &mut self.sounding[usize::from(first) * SYLLABLES + usize::from(second)];
                *known = reach.max(*known);
            }
        }
    }

    /// How far phrases reach in which `a` and `b` stand side by side.
    fn reach_of(&self, a: char, b: char) -> usize {
        let mut reach = self.spelled[self.place(a, b)];
        if !self.sounding.is_empty() {
            for &first in readings(a) {
                for &second in readings(b) {
                    reach = reach.max(self.sounding[usize::from(first) * SYLLABLES + usize::from(second)]);
                }
            }
        }
        usize::from(reach)
    }

    /// How far phrases reach that may stand across `change`, where `before` is read before it; 0: none may.
    fn reach(&self, passage: &Passage, change: &Change, before: Option<char>) -> usize {
        let after = passage.chars.get(change.end).copied();
        let meet = |a: Option<char>, b: Option<char>| a.zip(b).map_or(0, |(a, b)| self.reach_of(a, b));
        let number = |digits: &str| if self.numbers.contains(digits) { NUMBER_REACH } else { 0 };
        match &change.to {
            Read::Nothing => meet(before, after),
            // Written as in every phrase, it is found as it stands.
            Read::One(c) if !self.is_written_otherwise(*c, passage.chars[change.start]) => 0,
            Read::One(c) => meet(before, Some(*c)).max(meet(Some(*c), after)).max(number(c.encode_utf8(&mut [0; 4]))),
            Read::Text(text) => {
                let mut inside = text.chars().filter(|c| *c != '.').peekable();
                let first = inside.peek().copied();
                let mut last = first;
                inside.next();
                for c in inside {
                    if meet(last, Some(c)) == 0 {
                        return 0;
                    }
                    last = Some(c);
                }
                let digits: String = text.chars().filter(|c| *c != '.').collect();
                meet(before, first).max(meet(last, after)).max(number(&digits))
            }
        }
    }
}
