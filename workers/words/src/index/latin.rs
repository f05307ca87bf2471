//! Where parts in Latin script may stand, spelled otherwise or in words that sound alike.

use std::collections::HashMap;

use crate::folding::passage::{Joint, Passage};
use crate::numbers::wide;
use crate::phrase::cell::Cell;
use crate::sound::english::{sound_key, standard_spelling};
use crate::terms::matching::English;

/// Parts by how their first word is spelled or sounds. Empty where no term asks for it.
#[derive(Default)]
pub(super) struct Latin {
    parts: Vec<Part>,
    by_spelling: HashMap<String, Vec<u32>>,
    by_sound: HashMap<String, Vec<u32>>,
}

struct Part {
    number: u32,
    words: Vec<Word>,
    chars: usize,
}

/// A word of a text or a part: as it stands, and what stands for all its spellings and for its sound.
struct Word {
    text: String,
    spelling: String,
    /// None of a word that is too short to be taken for another.
    sound: Option<String>,
    /// In the passage.
    start: usize,
    end: usize,
}

impl Word {
    fn new(text: String, start: usize) -> Self {
        let spelling = standard_spelling(&text).unwrap_or_else(|| text.clone());
        let sound = sound_key(&spelling);
        let end = start + text.chars().count();
        Self { text, spelling, sound, start, end }
    }

    /// What a word that may sound like this one is looked up by.
    fn heard(&self) -> &str {
        self.sound.as_ref().unwrap_or(&self.spelling)
    }
}

impl Latin {
    /// Adds `part`, unless it is in another script.
    pub(super) fn add(&mut self, number: u32, part: &[Cell], english: English) {
        if part.is_empty() || part.iter().any(|cell| !cell.is_letter()) {
            return;
        }
        let mut words = Vec::new();
        let mut begin = 0;
        for at in 1..=part.len() {
            if at == part.len() || part[at].is_apart() {
                words.push(Word::new(part[begin..at].iter().map(|cell| cell.char()).collect(), begin));
                begin = at;
            }
        }
        let id = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        if english.spelling_variants {
            self.by_spelling.entry(words[0].spelling.clone()).or_default().push(id);
        }
        if english.sound_alikes && words.iter().any(|word| word.sound.is_some()) {
            self.by_sound.entry(words[0].heard().to_owned()).or_default().push(id);
        }
        self.parts.push(Part { number, words, chars: part.len() });
    }

    /// Calls `found` with number, begin and end of every part that stands in `passage` in another spelling, or (then
    /// with true) sounds like what stands there.
    pub(super) fn scan(&self, passage: &Passage, mut found: impl FnMut(u32, usize, usize, bool)) {
        if self.parts.is_empty() {
            return;
        }
        let words = words(passage);
        for (at, first) in words.iter().enumerate() {
            for &id in self.by_spelling.get(&first.spelling).into_iter().flatten() {
                let part = &self.parts[wide(id)];
                let is_same = |said: &Word, heard: &Word| said.spelling == heard.spelling;
                if let Some(end) = stands(part, passage, &words[at..], is_same) {
                    found(part.number, first.start, end, false);
                }
            }
            for &id in self.by_sound.get(first.heard()).into_iter().flatten() {
                let part = &self.parts[wide(id)];
                let is_same = |said: &Word, heard: &Word| match (&said.sound, &heard.sound) {
                    (Some(said), Some(heard)) => said == heard,
                    _ => said.spelling == heard.spelling,
                };
                if let Some(end) = stands(part, passage, &words[at..], is_same) {
                    found(part.number, first.start, end, true);
                }
            }
        }
    }
}

/// The words of letters of `passage`.
fn words(passage: &Passage) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    while at < passage.len() {
        let begin = at;
        at += 1;
        if passage.is_letter(begin) {
            while passage.is_inside_word(at) {
                at += 1;
            }
            words.push(Word::new(passage.folded(begin, at), begin));
        }
    }
    words
}

/// Where `part` ends that begins with the first of `heard`; none where it does not stand there, or stands there as it
/// is written.
fn stands(part: &Part, passage: &Passage, heard: &[Word], is_same: impl Fn(&Word, &Word) -> bool) -> Option<usize> {
    let here = heard.get(..part.words.len())?;
    let is_behind = |two: &[Word]| two[0].end == two[1].start && passage.joint(two[1].start) >= Joint::Split;
    let is_there = part.words.iter().zip(here).all(|(said, heard)| is_same(said, heard))
        && here.windows(2).all(is_behind)
        && part.words.iter().zip(here).any(|(said, heard)| said.text != heard.text);
    debug_assert!(part.chars > 0);
    is_there.then(|| here[here.len() - 1].end)
}
