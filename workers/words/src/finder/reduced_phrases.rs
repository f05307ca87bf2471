//! Phrases as they read when reduced, and what is found where something in a text is reduced.

use crate::folding::differences::Differences;
use crate::folding::passage::Passage;
use crate::index::Index;
use crate::phrase::builder::PhrasesBuilder;
use crate::phrase::phrases::Phrases;
use crate::reduction::changes::is_reducible;
use crate::reduction::reading::reduced;
use crate::terms::hit::{Hit, Role};
use crate::terms::term::Term;

/// Phrases as they read when reduced.
pub(super) struct ReducedPhrases {
    pub(super) terms: Vec<Term>,
    index: Index,
    /// For each of `terms` and both roles, the phrases' numbers in the original term, and by what they were reduced.
    originals: Vec<[Vec<(usize, Differences)>; 2]>,
}

impl ReducedPhrases {
    pub(super) fn new(terms: &[Term]) -> Result<Option<Self>, String> {
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

    fn list(phrases: &Phrases, kinds: Differences, may_be_open: bool) -> (Phrases, Vec<(usize, Differences)>) {
        let mut filling = PhrasesBuilder::new(may_be_open);
        let mut originals = Vec::new();
        let reducible = (0..phrases.part_count()).filter(|&part| is_reducible(phrases.part(part)));
        let mut numbers: Vec<usize> = reducible.map(|part| phrases.phrase_of_part(part).0).collect();
        numbers.dedup();
        for number in numbers {
            let Some((text, by)) = reduced(phrases.get(number).text(), kinds) else { continue };
            if filling.add_inline(text.trim(), 1).is_ok() {
                originals.push((number, by));
            }
        }
        (filling.finish(), originals)
    }

    /// Calls `found` with every hit of a reduced phrase in `passage`, as one of the phrase that it was, and with what
    /// it was reduced by.
    pub(super) fn hits(&self, passage: &Passage, found: &mut dyn FnMut(Hit, Differences)) {
        for hit in self.index.hits(&self.terms, passage) {
            let originals = &self.originals[hit.term][usize::from(hit.role == Role::Except)];
            let (phrase, kinds) = originals[hit.phrase];
            found(Hit { phrase, ..hit }, kinds);
        }
    }
}
