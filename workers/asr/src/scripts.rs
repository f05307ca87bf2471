//! Which script a character belongs to, as far as recognisers' texts need to be told apart.

/// Chinese characters and kana: what is written without spaces between words.
pub fn is_ideograph(value: char) -> bool {
    matches!(u32::from(value), 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// Hiragana and katakana, which only Japanese has.
pub(crate) fn is_kana(value: char) -> bool {
    matches!(u32::from(value), 0x3040..=0x30FF | 0x31F0..=0x31FF | 0xFF66..=0xFF9F)
}

/// Hangul, which only Korean has.
pub(crate) fn is_hangul(value: char) -> bool {
    matches!(u32::from(value), 0x1100..=0x11FF | 0x3130..=0x318F | 0xAC00..=0xD7AF)
}

/// Latin letters with and without accents.
pub(crate) fn is_latin(value: char) -> bool {
    value.is_alphabetic() && matches!(u32::from(value), 0x41..=0x24F | 0x1E00..=0x1EFF | 0xFF21..=0xFF5A)
}
