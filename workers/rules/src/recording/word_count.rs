//! How many words a text has.

use earmark_words::{Class, fold};

/// Chinese characters and words of letters in `text`; after each character `each` hears how many there are so far.
pub(super) fn count(text: &str, mut each: impl FnMut(u32)) -> (u32, u32) {
    let (mut characters, mut words) = (0, 0);
    let mut is_inside = false;
    for c in text.chars() {
        match fold(c).0 {
            Class::Ideograph => {
                characters += 1;
                is_inside = false;
            }
            Class::Letter => {
                words += u32::from(!is_inside);
                is_inside = true;
            }
            Class::Apostrophe | Class::Nothing => {}
            Class::Pause | Class::Gap => is_inside = false,
        }
        each(characters + words);
    }
    (characters, words)
}
