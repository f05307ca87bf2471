//! When a stretch of an utterance's text was said.

use earmark_core::Utterance;

use crate::fold::{Class, fold};

/// A Chinese character takes about as long to say as three letters.
const WEIGHT_OF_IDEOGRAPH: u64 = 3;
const WEIGHT_OF_LETTER: u64 = 1;

/// Begin and end (ms from the recording's start) of characters `span` of `utterance`'s text, `span.0 < span.1`: from
/// the words' times where there are any, else in proportion to what is spoken.
pub(crate) fn times(utterance: &Utterance, span: (usize, usize)) -> (u64, u64) {
    let inside = |at: u64| at.clamp(utterance.start_ms, utterance.end_ms.max(utterance.start_ms));
    let mut words = utterance.words.iter().filter(|word| {
        let end = word.offset + word.text.chars().count();
        word.offset < span.1 && span.0 < end
    });
    if let Some(first) = words.next() {
        let last = words.next_back().unwrap_or(first);
        let start = inside(first.start_ms);
        return (start, inside(last.end_ms).max(start));
    }
    let mut weights = (0, 0, 0);
    for (at, c) in utterance.text.chars().enumerate() {
        let weight = match fold(c).0 {
            Class::Ideograph => WEIGHT_OF_IDEOGRAPH,
            Class::Letter => WEIGHT_OF_LETTER,
            Class::Nothing | Class::Apostrophe | Class::Pause | Class::Gap => 0,
        };
        weights.0 += if at < span.0 { weight } else { 0 };
        weights.1 += if at < span.1 { weight } else { 0 };
        weights.2 += weight;
    }
    let (before, through, all) = weights;
    let length = utterance.end_ms.saturating_sub(utterance.start_ms);
    let at = |weight: u64| utterance.start_ms + length.saturating_mul(weight) / all.max(1);
    (at(before), at(through))
}

#[cfg(test)]
mod tests {
    use earmark_core::{Speaker, TimePrecision, Word};

    use super::*;

    fn utterance(text: &str) -> Utterance {
        Utterance {
            id: 0,
            channel: 0,
            speaker: Speaker::unknown(),
            start_ms: 1000,
            end_ms: 3000,
            time_precision: TimePrecision::Estimated,
            language: None,
            text: text.into(),
            words: Vec::new(),
        }
    }

    #[test]
    fn times_are_in_proportion_to_what_is_spoken_or_those_of_the_words() {
        assert_eq!(times(&utterance("您好，保证"), (3, 5)), (2000, 3000));
        assert_eq!(times(&utterance("abcdef 保证"), (7, 9)), (2000, 3000));
        let mut timed = utterance("no risk here");
        for (offset, text, start_ms) in [(0, "no", 1100), (3, "risk", 1500), (8, "here", 2500)] {
            timed.words.push(Word { start_ms, end_ms: start_ms + 300, offset, text: text.into() });
        }
        assert_eq!(times(&timed, (0, 7)), (1100, 1800));
        assert_eq!(times(&timed, (5, 6)), (1500, 1800));
    }
}
