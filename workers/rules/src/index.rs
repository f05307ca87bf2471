//! Where the words of all terms stand in a text: likely places are looked up in one pass, then looked at.

#[cfg(test)]
mod naive;
mod sounds;
mod spellings;
mod table;

use crate::fold::Passage;
use crate::phrase::{is_small_gap, stands_at};
use crate::phrases::Phrases;
use crate::term::Term;

use sounds::Sounds;
use spellings::Spellings;

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

/// A part found. `part` is its number among the parts of all lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PartHit {
    part: u32,
    start: usize,
    end: usize,
    is_by_sound: bool,
}

/// The words of all terms, compiled.
pub(crate) struct Index {
    lists: Vec<List>,
    spellings: Spellings,
    sounds: Sounds,
}

/// The phrases of one term and role. Parts are numbered through all lists.
struct List {
    first_part: u32,
    term: u32,
    role: Role,
}

impl List {
    fn phrases<'a>(&self, terms: &'a [Term]) -> &'a Phrases {
        let term = &terms[self.term as usize];
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
                    lists.push(List { first_part: small(parts), term: small(number), role });
                    parts += phrases.part_count();
                }
                if phrases.cells().len() >= u32::MAX as usize {
                    return Err(format!("{} characters in one list", phrases.cells().len()));
                }
            }
        }
        if parts >= u32::MAX as usize {
            return Err(format!("{parts} words and phrases"));
        }
        let all = || {
            lists.iter().flat_map(|list| {
                let phrases = list.phrases(terms);
                (0..phrases.part_count()).map(move |part| (list.first_part + small(part), phrases.part(part)))
            })
        };
        let spellings = Spellings::new(all);
        let mut sounds = sounds::Filling::default();
        for list in &lists {
            let Some(homophones) = terms[list.term as usize].matching.homophones else { continue };
            let phrases = list.phrases(terms);
            for part in 0..phrases.part_count() {
                sounds.add(list.first_part + small(part), phrases.part(part), list.role, homophones);
            }
        }
        let sounds = sounds.finish();
        Ok(Self { lists, spellings, sounds })
    }

    /// Every place of every phrase in `passage`, in order of term, role and place.
    pub(crate) fn hits(&self, terms: &[Term], passage: &Passage) -> Vec<Hit> {
        let mut found = Vec::new();
        self.spellings.scan(passage, |part, start| {
            let cells = self.part(terms, part);
            if stands_at(cells, passage, start) {
                found.push(PartHit { part, start, end: start + cells.len(), is_by_sound: false });
            }
        });
        self.sounds.scan(passage, |part, start| {
            let cells = self.part(terms, part);
            if sounds::is_heard_at(cells, passage, start) {
                found.push(PartHit { part, start, end: start + cells.len(), is_by_sound: true });
            }
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
        for (i, first) in found.iter().enumerate() {
            let list = self.list(first.part);
            let (phrase, part, count) = list.phrases(terms).phrase_of_part((first.part - list.first_part) as usize);
            if part != 0 {
                continue;
            }
            let mut last = *first;
            let mut is_by_sound = first.is_by_sound;
            // The parts of a phrase have neighbouring numbers, by which `found` is sorted.
            let mut rest = &found[i + 1..];
            let mut is_whole = true;
            for following in 1..count {
                let wanted = first.part + following;
                let begin = rest.partition_point(|part| (part.part, part.start) < (wanted, last.end));
                rest = &rest[begin..];
                match rest.first() {
                    Some(next) if next.part == wanted && is_small_gap(passage, last.end, next.start) => {
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
                let &List { term, role, .. } = list;
                hits.push(Hit { term, role, start: first.start, end: last.end, is_by_sound, phrase });
            }
        }
        hits
    }

    fn list(&self, part: u32) -> &List {
        &self.lists[self.lists.partition_point(|list| list.first_part <= part) - 1]
    }

    fn part<'a>(&self, terms: &'a [Term], part: u32) -> &'a [crate::phrase::Cell] {
        let list = self.list(part);
        list.phrases(terms).part((part - list.first_part) as usize)
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
