//! Where the words of all rules stand in a text, in one pass.

use std::collections::HashMap;

use daachorse::{CharwiseDoubleArrayAhoCorasick, CharwiseDoubleArrayAhoCorasickBuilder};

use crate::fold::Passage;
use crate::phrase::{Part, Phrase, is_small_gap};
use crate::rule::HOMOPHONE_MIN_CHARS;
use crate::sound::{SYLLABLES, Syllable, readings, sound_alike};
use crate::term::Term;

/// What a phrase is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// To be found.
    Find,
    /// What stands inside is not to be found.
    Except,
}

/// A phrase of a term found in a passage, in folded characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    /// Index of the term in its set.
    pub(crate) term: u32,
    pub(crate) role: Role,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) is_by_sound: bool,
    /// Index into the term's phrases of that role.
    pub(crate) phrase: u32,
}

/// A part of a phrase.
#[derive(Debug, Clone, Copy)]
struct Needle {
    term: u32,
    role: Role,
    phrase: u32,
    part: u32,
}

/// A part found; `end` is start and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PartHit {
    needle: u32,
    start: usize,
    end: usize,
    is_by_sound: bool,
}

/// The words of all terms, compiled.
pub(crate) struct Index {
    needles: Vec<Needle>,
    /// Needles that begin at these entries of `spelled` share the same characters.
    automaton: Option<CharwiseDoubleArrayAhoCorasick<u32>>,
    spelled: Vec<Spelled>,
    sounds: Sounds,
}

/// Needles with the same characters.
struct Spelled {
    chars: usize,
    needles: Vec<u32>,
}

/// Needles by the sound of their first three characters.
#[derive(Default)]
struct Sounds {
    /// One bit for each pair of first syllables: most positions of a text end here.
    pairs: Vec<u64>,
    by_anchor: HashMap<u32, Vec<u32>>,
}

const ANCHOR_CHARS: usize = 3;

impl Index {
    /// Compiles the words of `terms`.
    ///
    /// # Errors
    /// The automaton's own words when they are too many.
    pub(crate) fn new(terms: &[Term]) -> Result<Self, String> {
        let mut index = Self { needles: Vec::new(), automaton: None, spelled: Vec::new(), sounds: Sounds::default() };
        let mut entry_of: HashMap<String, usize> = HashMap::new();
        let mut patterns: Vec<(String, u32)> = Vec::new();
        for (needle, part) in needles(terms) {
            let id = number(index.needles.len());
            let text: String = part.chars.iter().collect();
            let entry = *entry_of.entry(text).or_insert_with_key(|text| {
                patterns.push((text.clone(), number(patterns.len())));
                index.spelled.push(Spelled { chars: part.chars.len(), needles: Vec::new() });
                index.spelled.len() - 1
            });
            index.spelled[entry].needles.push(id);
            let least = terms[needle.term as usize].matching.homophones.map(|homophones| match needle.role {
                Role::Find => homophones.min_chars.max(ANCHOR_CHARS),
                // A mishearing must not undo an exception; a short one sounds like too much.
                Role::Except => HOMOPHONE_MIN_CHARS,
            });
            if least.is_some_and(|least| part.chars.len() >= least) && part.is_ideographic {
                index.sounds.add(&part.chars, id);
            }
            index.needles.push(needle);
        }
        if !patterns.is_empty() {
            let automaton = CharwiseDoubleArrayAhoCorasickBuilder::new().build_with_values(patterns);
            index.automaton = Some(automaton.map_err(|error| error.to_string())?);
        }
        Ok(index)
    }

    /// Every place of every phrase in `passage`, in order of term, role and place.
    pub(crate) fn hits(&self, terms: &[Term], passage: &Passage) -> Vec<Hit> {
        let mut parts = Vec::new();
        self.by_spelling(terms, passage, &mut parts);
        self.by_sound(terms, passage, &mut parts);
        if parts.is_empty() {
            return Vec::new();
        }
        parts.sort_unstable();
        parts.dedup();
        let mut hits = self.whole_phrases(terms, passage, &parts);
        hits.sort_unstable();
        hits
    }

    fn by_spelling(&self, terms: &[Term], passage: &Passage, parts: &mut Vec<PartHit>) {
        let Some(automaton) = &self.automaton else { return };
        let mut stepper = automaton.find_overlapping_stepper();
        for (at, &c) in passage.chars.iter().enumerate() {
            stepper.consume(c);
            for found in stepper.matches() {
                let spelled = &self.spelled[found.value() as usize];
                let (start, end) = (at + 1 - spelled.chars, at + 1);
                for &needle in &spelled.needles {
                    if self.part(terms, needle).keeps_words(passage, start) {
                        parts.push(PartHit { needle, start, end, is_by_sound: false });
                    }
                }
            }
        }
    }

    fn by_sound(&self, terms: &[Term], passage: &Passage, parts: &mut Vec<PartHit>) {
        if self.sounds.by_anchor.is_empty() {
            return;
        }
        for (start, window) in passage.chars.windows(ANCHOR_CHARS).enumerate() {
            self.sounds.candidates(window, |needle| {
                let chars = &self.part(terms, needle).chars;
                let Some(heard) = passage.chars.get(start..start + chars.len()) else { return };
                let is_other = heard != chars.as_slice();
                if is_other && heard.iter().zip(chars).all(|(&a, &b)| a == b || sound_alike(a, b)) {
                    parts.push(PartHit { needle, start, end: start + chars.len(), is_by_sound: true });
                }
            });
        }
    }

    /// Phrases of one part as they are, the others where their parts follow one another.
    fn whole_phrases(&self, terms: &[Term], passage: &Passage, parts: &[PartHit]) -> Vec<Hit> {
        let mut hits = Vec::with_capacity(parts.len());
        for (i, first) in parts.iter().enumerate() {
            let needle = self.needles[first.needle as usize];
            if needle.part != 0 {
                continue;
            }
            let count = phrase(terms, needle).parts.len();
            let mut last = *first;
            let mut is_by_sound = first.is_by_sound;
            // The parts of a phrase have neighbouring needles, and `parts` is sorted by needle.
            let mut rest = &parts[i + 1..];
            let mut is_whole = true;
            for following in 1..count {
                let wanted = first.needle + number(following);
                let begin = rest.partition_point(|part| (part.needle, part.start) < (wanted, last.end));
                rest = &rest[begin..];
                match rest.first() {
                    Some(next) if next.needle == wanted && is_small_gap(passage, last.end, next.start) => {
                        last = *next;
                        is_by_sound |= next.is_by_sound;
                    }
                    _ => {
                        is_whole = false;
                        break;
                    }
                }
            }
            if is_whole {
                let Needle { term, role, phrase, .. } = needle;
                hits.push(Hit { term, role, start: first.start, end: last.end, is_by_sound, phrase });
            }
        }
        hits
    }

    fn part<'a>(&self, terms: &'a [Term], needle: u32) -> &'a Part {
        let needle = self.needles[needle as usize];
        &phrase(terms, needle).parts[needle.part as usize]
    }
}

fn phrase(terms: &[Term], needle: Needle) -> &Phrase {
    let term = &terms[needle.term as usize];
    match needle.role {
        Role::Find => &term.phrases[needle.phrase as usize],
        Role::Except => &term.except[needle.phrase as usize],
    }
}

/// Every part of every phrase, those of one phrase one behind the other.
fn needles(terms: &[Term]) -> impl Iterator<Item = (Needle, &Part)> {
    terms.iter().enumerate().flat_map(|(term, it)| {
        let found = it.phrases.iter().enumerate().map(|phrase| (Role::Find, phrase));
        let excepted = it.except.iter().enumerate().map(|phrase| (Role::Except, phrase));
        found.chain(excepted).flat_map(move |(role, (phrase, it))| {
            let needle = move |part| Needle { term: number(term), role, phrase: number(phrase), part: number(part) };
            it.parts.iter().enumerate().map(move |(part, it)| (needle(part), it))
        })
    })
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl Sounds {
    fn add(&mut self, chars: &[char], needle: u32) {
        if self.pairs.is_empty() {
            self.pairs = vec![0; SYLLABLES * SYLLABLES / 64];
        }
        for (pair, anchor) in anchors(chars) {
            self.pairs[pair / 64] |= 1 << (pair % 64);
            let needles = self.by_anchor.entry(anchor).or_default();
            if needles.last() != Some(&needle) {
                needles.push(needle);
            }
        }
    }

    /// Calls `found` with every needle whose first characters may sound like `chars`; some more than once.
    fn candidates(&self, chars: &[char], mut found: impl FnMut(u32)) {
        let [a, b, c] = chars else { return };
        for &first in readings(*a) {
            for &second in readings(*b) {
                let pair = pair(first, second);
                if self.pairs[pair / 64] & (1 << (pair % 64)) == 0 {
                    continue;
                }
                for &third in readings(*c) {
                    let needles = self.by_anchor.get(&anchor(pair, third));
                    needles.into_iter().flatten().for_each(|&needle| found(needle));
                }
            }
        }
    }
}

fn pair(first: Syllable, second: Syllable) -> usize {
    usize::from(first) * SYLLABLES + usize::from(second)
}

fn anchor(pair: usize, third: Syllable) -> u32 {
    number(pair * SYLLABLES + usize::from(third))
}

/// Pair and anchor of every way to read the first three of `chars`.
fn anchors(chars: &[char]) -> Vec<(usize, u32)> {
    let [a, b, c, ..] = chars else { return Vec::new() };
    let mut all = Vec::new();
    for &first in readings(*a) {
        for &second in readings(*b) {
            let pair = pair(first, second);
            all.extend(readings(*c).iter().map(|&third| (pair, anchor(pair, third))));
        }
    }
    all
}
