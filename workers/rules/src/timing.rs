//! When a stretch of an utterance's text was said.

use earmark_core::{Utterance, Word};

use crate::fold::{Class, fold};

/// A Chinese character takes about as long to say as three letters.
const WEIGHT_OF_IDEOGRAPH: u64 = 3;
const WEIGHT_OF_LETTER: u64 = 1;

/// Where the characters of one utterance stand and when they were said: made in one pass over the text, so that each
/// of many hits in it costs no further pass.
pub(crate) struct Timeline<'a> {
    utterance: &'a Utterance,
    /// Byte offset of each character and of the text's end.
    bytes: Vec<usize>,
    /// What is spoken before each character and in all of the text, in weights.
    spoken: Vec<u64>,
    words: Vec<WordTime>,
}

/// A word of the engine. In order of `offset`.
struct WordTime {
    /// In characters.
    offset: usize,
    /// Where the furthest reaching of the words up to here ends, in characters.
    reach: usize,
    start_ms: u64,
    end_ms: u64,
}

impl<'a> Timeline<'a> {
    pub(crate) fn new(utterance: &'a Utterance) -> Self {
        let mut spoken = vec![0];
        let mut all = 0;
        for c in utterance.text.chars() {
            all += match fold(c).0 {
                Class::Ideograph => WEIGHT_OF_IDEOGRAPH,
                Class::Letter => WEIGHT_OF_LETTER,
                Class::Nothing | Class::Apostrophe | Class::Pause | Class::Gap => 0,
            };
            spoken.push(all);
        }
        let bytes = utterance.text.char_indices().map(|(byte, _)| byte).chain([utterance.text.len()]).collect();
        let time = |word: &Word| WordTime {
            offset: word.offset,
            reach: word.offset + word.text.chars().count(),
            start_ms: word.start_ms,
            end_ms: word.end_ms,
        };
        let mut words: Vec<WordTime> = utterance.words.iter().map(time).collect();
        words.sort_by_key(|word| word.offset);
        let mut furthest = 0;
        for word in &mut words {
            furthest = word.reach.max(furthest);
            word.reach = furthest;
        }
        Self { utterance, bytes, spoken, words }
    }

    /// The text of characters `span`, which lie inside the utterance.
    pub(crate) fn text(&self, span: (usize, usize)) -> &'a str {
        &self.utterance.text[self.bytes[span.0]..self.bytes[span.1]]
    }

    /// Begin and end (ms from the recording's start) of characters `span`, `span.0 < span.1`: from the words' times
    /// where there are any, else in proportion to what is spoken.
    pub(crate) fn times(&self, span: (usize, usize)) -> (u64, u64) {
        let Utterance { start_ms, end_ms, .. } = *self.utterance;
        let first = self.words.partition_point(|word| word.reach <= span.0);
        let behind = self.words.partition_point(|word| word.offset < span.1);
        if let Some([first, ..]) = self.words.get(first..behind) {
            let inside = |at: u64| at.clamp(start_ms, end_ms.max(start_ms));
            let start = inside(first.start_ms);
            return (start, inside(self.words[behind - 1].end_ms).max(start));
        }
        let all = self.spoken.last().copied().unwrap_or(0);
        let length = end_ms.saturating_sub(start_ms);
        let at = |weight: u64| start_ms + length.saturating_mul(weight) / all.max(1);
        (at(self.spoken[span.0]), at(self.spoken[span.1]))
    }
}

#[cfg(test)]
mod tests {
    use earmark_core::{Speaker, TimePrecision};

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
        assert_eq!(Timeline::new(&utterance("您好，保证")).times((3, 5)), (2000, 3000));
        assert_eq!(Timeline::new(&utterance("abcdef 保证")).times((7, 9)), (2000, 3000));
        let mut timed = utterance("no risk here");
        for (offset, text, start_ms) in [(0, "no", 1100), (3, "risk", 1500), (8, "here", 2500)] {
            timed.words.push(Word { start_ms, end_ms: start_ms + 300, offset, text: text.into() });
        }
        assert_eq!(Timeline::new(&timed).times((0, 7)), (1100, 1800));
        assert_eq!(Timeline::new(&timed).times((5, 6)), (1500, 1800));
    }
}
