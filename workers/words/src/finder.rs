//! Everything that counts as a term's words: the index over a passage as it is written, over what it reads as when
//! reduced, and patterns.

#[cfg(test)]
mod everywhere;
mod neighbours;
mod pattern_set;
mod reduced_phrases;
mod rereading;

use crate::folding::differences::Differences;
use crate::folding::passage::Passage;
use crate::index::Index;
use crate::reduction::originals::{Originals, Texts};
use crate::reduction::spelling;
use crate::terms::hit::{Hit, Role, Way};
use crate::terms::term::Term;

use pattern_set::PatternSet;
use rereading::{Rereader, Rereading};

/// Finds the words of all terms.
pub struct Finder {
    index: Index,
    patterns: PatternSet,
    rereader: Rereader,
    /// Some term does not look past all that is folded.
    is_strict: bool,
}

impl Finder {
    /// Compiles the words of `terms`.
    ///
    /// # Errors
    /// In words, when there are more than can be numbered.
    pub fn new(terms: &[Term]) -> Result<Self, String> {
        let index = Index::new(terms)?;
        let rereader = Rereader::new(terms)?;
        let is_strict = terms.iter().any(|term| !term.matching.normalise.contains(Differences::OF_CHARACTERS));
        Ok(Self { index, patterns: PatternSet::new(terms), rereader, is_strict })
    }

    /// Every place of every phrase and pattern in `passage`, whose texts `texts` gives by their numbers, in order
    /// of term, role and place.
    pub fn hits(&self, terms: &[Term], passage: &Passage, texts: Texts) -> Vec<Hit> {
        let mut hits = self.index.hits(terms, passage);
        let originals = Originals::new(texts);
        if self.is_strict {
            hits.retain(|hit| {
                let term = &terms[hit.term];
                let kinds = term.matching.normalise;
                let heard = || spelling::as_written(passage, &originals, (hit.start, hit.end));
                kinds.contains(Differences::OF_CHARACTERS)
                    || spelling::differs_only_by(term.phrase_text(hit), &heard(), kinds)
            });
        }
        let written = hits.len();
        if let Some(rereading) = Rereading::new(&self.rereader, passage) {
            rereading.hits(&self.rereader, &self.index, terms, &originals, &mut hits);
        }
        if !self.patterns.is_empty() {
            self.of_patterns(terms, passage, texts, &mut hits);
        }
        if hits.len() > written {
            hits.sort_unstable();
            hits.dedup();
        }
        hits
    }

    fn of_patterns(&self, terms: &[Term], passage: &Passage, texts: Texts, hits: &mut Vec<Hit>) {
        let mut begin = 0;
        while begin < passage.len() {
            let text = texts(passage.place(begin).text);
            let end = passage.end_of_text(begin);
            for found in self.patterns.matches(terms, text) {
                let place = |at: usize| begin + passage.count_before(begin..end, at);
                let (start, behind) = (place(found.start), place(found.end));
                // Signs alone have no place among the characters of a passage.
                if start < behind {
                    let phrase = terms[found.term].phrases.len() + found.pattern;
                    let hit = Hit::new((found.term, Role::Find, phrase), start, behind, Way::Pattern);
                    hits.push(Hit { cut: Some((found.start, found.end)), ..hit });
                }
            }
            begin = end;
        }
    }
}
