//! What stands in the utterances, character by character, for whoever must see it as it was written.

use std::cell::RefCell;
use std::collections::HashMap;

use earmark_core::Utterance;

/// Texts by the number of their utterance.
#[derive(Clone, Copy)]
pub(crate) enum Texts<'a> {
    /// One text, of utterance 0.
    One(&'a str),
    /// The utterances of a search.
    Utterances(&'a [Utterance]),
}

impl<'a> Texts<'a> {
    /// The text of utterance number `utterance`.
    pub(crate) fn of(self, utterance: u32) -> &'a str {
        match self {
            Self::One(text) => text,
            Self::Utterances(utterances) => &utterances[utterance as usize].text,
        }
    }
}

/// The characters of texts, taken apart where somebody asks: a hit in a long text must not read it all again.
pub(crate) struct Originals<'a> {
    texts: Texts<'a>,
    chars: RefCell<HashMap<u32, Vec<char>>>,
}

impl<'a> Originals<'a> {
    pub(crate) fn new(texts: Texts<'a>) -> Self {
        Self { texts, chars: RefCell::new(HashMap::new()) }
    }

    /// Calls `look` with the characters of utterance number `utterance`.
    pub(crate) fn with<T>(&self, utterance: u32, look: impl FnOnce(&[char]) -> T) -> T {
        let mut chars = self.chars.borrow_mut();
        look(chars.entry(utterance).or_insert_with(|| self.texts.of(utterance).chars().collect()))
    }
}
