//! Where the words of all terms stand in a text: likely places are looked up in one pass, then looked at.

mod anchors;
pub(crate) mod bloom;
mod gate;
mod latin;
#[cfg(test)]
mod naive;
mod sounds;
pub(crate) mod spellings;
mod stands_alone;

use crate::folding::passage::Passage;
use crate::numbers::{small, wide};
use crate::phrase::cell::{Cell, stands_at};
use crate::phrase::phrases::Phrases;
use crate::sound::fuzzy::{Fuzzy, sound_alike_merged};
use crate::sound::readings::{Syllable, sound_alike, sound_alike_with_tones};
use crate::terms::hit::{Hit, Role, Way};
use crate::terms::matching::HOMOPHONE_MIN_CHARS;
use crate::terms::term::Term;

use latin::Latin;
use sounds::Sounds;
use spellings::Spellings;
use stands_alone::stands_alone;

/// A part found. `part` is its number among the parts of all lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PartHit {
    part: u32,
    start: usize,
    end: usize,
    way: Way,
}

/// The words of all terms, compiled.
pub(crate) struct Index {
    lists: Vec<List>,
    spellings: Spellings,
    sounds: Sounds,
    /// To ears that merge all that some term merges; empty where none does.
    fuzzy: Option<Sounds>,
    /// Of each term that merges sounds, what it hears each syllable as; sorted.
    merged: Vec<(usize, Vec<Syllable>)>,
    latin: Latin,
}

/// The phrases of one term and role. Parts are numbered through all lists.
struct List {
    first_part: u32,
    term: usize,
    role: Role,
}

impl List {
    fn phrases<'a>(&self, terms: &'a [Term]) -> &'a Phrases {
        let term = &terms[self.term];
        match self.role {
            Role::Find => &term.phrases,
            Role::Except => &term.except,
        }
    }
}

impl Index {
    /// Compiles the words of `terms`.
    ///
    /// # Errors
    /// In words, when there are more than can be numbered.
    pub(crate) fn new(terms: &[Term]) -> Result<Self, String> {
        let mut lists = Vec::new();
        let mut parts = 0_usize;
        for (number, term) in terms.iter().enumerate() {
            for (role, phrases) in [(Role::Find, &term.phrases), (Role::Except, &term.except)] {
                if !phrases.is_empty() {
                    lists.push(List { first_part: small(parts), term: number, role });
                    parts += phrases.part_count();
                }
                if phrases.cells().len() >= wide(u32::MAX) {
                    return Err(format!("{} characters in one list", phrases.cells().len()));
                }
            }
        }
        if parts >= wide(u32::MAX) {
            return Err(format!("{parts} words and phrases"));
        }
        let parts_of = |list: &List| {
            let (first, phrases) = (list.first_part, list.phrases(terms));
            (0..phrases.part_count()).map(move |part| (first + small(part), phrases.part(part)))
        };
        let spellings = Spellings::new(|| lists.iter().flat_map(parts_of));
        let mut sounds = sounds::SoundsBuilder::new(Vec::new());
        let has_fuzzy = terms.iter().any(|term| term.matching.homophones.is_some_and(|how| !how.fuzzy.is_empty()));
        let mut fuzzy = has_fuzzy.then(|| sounds::SoundsBuilder::new(Fuzzy::ALL.merged()));
        let mut latin = Latin::default();
        for list in lists.iter().filter(|list| terms[list.term].matching.homophones.is_some()) {
            for (_, part) in parts_of(list) {
                sounds.count(part);
                fuzzy.iter_mut().for_each(|fuzzy| fuzzy.count(part));
            }
        }
        for list in &lists {
            let matching = &terms[list.term].matching;
            if let Some(homophones) = matching.homophones {
                let is_fuzzy = !homophones.fuzzy.is_empty();
                for (number, part) in parts_of(list) {
                    sounds.add(number, part, list.role, homophones);
                    fuzzy
                        .iter_mut()
                        .filter(|_| is_fuzzy)
                        .for_each(|fuzzy| fuzzy.add(number, part, list.role, homophones));
                }
            }
            if matching.english.is_any() {
                parts_of(list).for_each(|(number, part)| latin.add(number, part, matching.english));
            }
        }
        let merges = terms.iter().enumerate().filter_map(|(number, term)| {
            let fuzzy = term.matching.homophones.map(|homophones| homophones.fuzzy)?;
            (!fuzzy.is_empty()).then(|| (number, fuzzy.merged()))
        });
        let merged = merges.collect();
        let (sounds, fuzzy) = (sounds.finish(), fuzzy.map(sounds::SoundsBuilder::finish));
        Ok(Self { lists, spellings, sounds, fuzzy, merged, latin })
    }

    /// Every place of every phrase in `passage`, in order of term, role and place.
    pub(crate) fn hits(&self, terms: &[Term], passage: &Passage) -> Vec<Hit> {
        let mut found = Vec::new();
        self.spellings.scan(passage, |part, start| {
            let cells = self.part(terms, part);
            if stands_at(cells, passage, start) {
                found.push(PartHit { part, start, end: start + cells.len(), way: Way::Spelled });
            }
        });
        self.sounds.scan(passage, |part, start| {
            let cells = self.part(terms, part);
            let end = start + cells.len();
            if sounds::is_heard_at(cells, passage, start, sound_alike)
                && self.is_close(terms, part, passage, start, sound_alike_with_tones)
            {
                found.push(PartHit { part, start, end, way: Way::Sound });
            }
        });
        if let Some(fuzzy) = &self.fuzzy {
            fuzzy.scan(passage, |part, start| {
                let cells = self.part(terms, part);
                let merged = self.merged_by(self.list(part).term);
                let alike = |with_tones| move |a, b| sound_alike_merged(a, b, merged, with_tones);
                if sounds::is_heard_at(cells, passage, start, alike(false))
                    && !sounds::is_heard_at(cells, passage, start, sound_alike)
                    && self.is_close(terms, part, passage, start, alike(true))
                {
                    found.push(PartHit { part, start, end: start + cells.len(), way: Way::Fuzzy });
                }
            });
        }
        self.latin.scan(passage, |part, start, end, is_by_sound| {
            found.push(PartHit { part, start, end, way: if is_by_sound { Way::Alike } else { Way::Variant } });
        });
        if found.is_empty() {
            return Vec::new();
        }
        found.sort_unstable();
        found.dedup();
        let mut hits = self.whole_phrases(terms, passage, &found);
        hits.sort_unstable();
        hits
    }

    /// Phrases of one part as they are, the others where their parts follow one another. `found` is sorted.
    fn whole_phrases(&self, terms: &[Term], passage: &Passage, found: &[PartHit]) -> Vec<Hit> {
        let mut hits = Vec::with_capacity(found.len());
        // For each part found, where its phrase ends soonest if all that follows the part stands there, and in which
        // way that is found. Only made where a phrase has several parts.
        let mut ends: Vec<Option<(usize, Way)>> = Vec::new();
        // The parts of a phrase have neighbouring numbers, by which `found` is sorted: the last comes first.
        for (i, here) in found.iter().enumerate().rev() {
            let list = self.list(here.part);
            let phrases = list.phrases(terms);
            let number = wide(here.part - list.first_part);
            let (phrase, part, count) = phrases.phrase_of_part(number);
            let mut end = Some((here.end, here.way));
            if count > 1 {
                ends.resize(found.len(), None);
                if part + 1 < count {
                    end = phrases.gap_behind(number).end(passage, here.end).and_then(|last| {
                        let next = here.part + 1;
                        let from = i + found[i..].partition_point(|it| (it.part, it.start) < (next, here.end));
                        let near = found[from..].iter().take_while(|it| it.part == next && it.start <= last);
                        let behind = near.zip(&ends[from..]).filter_map(|(_, end)| *end);
                        behind.map(|(end, way)| (end, way.max(here.way))).min()
                    });
                }
                ends[i] = end;
            }
            if let Some((end, way)) = end.filter(|_| part == 0) {
                hits.push(Hit::new((list.term, list.role, phrase), here.start, end, way));
            }
        }
        hits
    }

    /// Whether what sounds like `part` at `start` sounds enough like it for its rule: with the same tones, as
    /// `is_alike` says of two characters, or in three characters that stand by themselves.
    fn is_close(
        &self,
        terms: &[Term],
        part: u32,
        passage: &Passage,
        start: usize,
        is_alike: impl Fn(char, char) -> bool,
    ) -> bool {
        let Some(homophones) = terms[self.list(part).term].matching.homophones else { return false };
        let cells = self.part(terms, part);
        let end = start + cells.len();
        let is_short = cells.len() < HOMOPHONE_MIN_CHARS;
        if !homophones.tones && !is_short {
            return true;
        }
        let heard = &passage.chars[start..end];
        let has_tones =
            heard.iter().zip(cells).all(|(&heard, cell)| heard == cell.char() || is_alike(heard, cell.char()));
        has_tones || !homophones.tones && stands_alone(passage, start, end)
    }

    /// What `term` hears each syllable as.
    fn merged_by(&self, term: usize) -> &[Syllable] {
        let at = self.merged.binary_search_by_key(&term, |(term, _)| *term);
        at.map_or(&[], |at| self.merged[at].1.as_slice())
    }

    fn list(&self, part: u32) -> &List {
        &self.lists[self.lists.partition_point(|list| list.first_part <= part) - 1]
    }

    fn part<'a>(&self, terms: &'a [Term], part: u32) -> &'a [Cell] {
        let list = self.list(part);
        list.phrases(terms).part(wide(part - list.first_part))
    }
}
