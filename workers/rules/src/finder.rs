//! Everything that counts as a term's words: the index over a passage as it is written, over what it reads as when
//! reduced, and patterns.

mod again;
#[cfg(test)]
mod everywhere;
mod neighbours;
mod reduced;

use crate::index::{Hit, Index, Role, Way};
use crate::normalise::Kinds;
use crate::passage::Passage;
use crate::pattern::Patterns;
use crate::term::Term;
use crate::texts::{Originals, Texts};
use crate::verify;

use again::Again;
use neighbours::Neighbours;
use reduced::Reduced;

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
        let originals = Originals::new(texts);
        if self.is_strict {
            hits.retain(|hit| {
                let term = &terms[hit.term as usize];
                let kinds = term.matching.normalise;
                let heard = || verify::heard(passage, &originals, (hit.start, hit.end));
                kinds.contains(Kinds::OF_CHARACTERS) || verify::is_same(term.phrase_text(hit), &heard(), kinds)
            });
        }
        let written = hits.len();
        if let Some(again) = Again::new(self, passage) {
            again.hits(self, terms, &originals, &mut hits);
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

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
