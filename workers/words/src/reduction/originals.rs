//! What stands in the texts of a passage, character by character, for whoever must see it as it was written.

use std::cell::RefCell;
use std::collections::HashMap;

/// Texts by their numbers.
pub type Texts<'a> = &'a dyn Fn(usize) -> &'a str;

/// The characters of texts, taken apart where somebody asks: a hit in a long text must not read it all again.
pub(crate) struct Originals<'a> {
    texts: Texts<'a>,
    chars: RefCell<HashMap<usize, Vec<char>>>,
}

impl<'a> Originals<'a> {
    pub(crate) fn new(texts: Texts<'a>) -> Self {
        Self { texts, chars: RefCell::new(HashMap::new()) }
    }

    /// Calls `look` with the characters of text number `number`.
    pub(crate) fn with<T>(&self, number: usize, look: impl FnOnce(&[char]) -> T) -> T {
        let mut chars = self.chars.borrow_mut();
        look(chars.entry(number).or_insert_with(|| (self.texts)(number).chars().collect()))
    }
}
