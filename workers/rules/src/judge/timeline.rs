//! When a stretch of an utterance's text was said.

use std::ops::Range;

use earmark_core::{Utterance, Word};
use earmark_words::Passage;

/// A Chinese character takes about as long to say as three letters.
const WEIGHT_OF_IDEOGRAPH: u64 = 3;
const WEIGHT_OF_LETTER: u64 = 1;

/// Every so many characters is known where they stand and what was spoken before them.
const BLOCK: usize = 256;

/// Where the characters of one utterance stand and when they were said: noted here and there in one pass, so that each
/// of many hits in it costs no further pass.
pub(crate) struct Timeline<'a> {
    utterance: &'a Utterance,
    /// Byte offsets of the first character of each block; empty: every character is one byte.
    bytes: Vec<usize>,
    /// The utterance's characters in its passage.
    folded: Range<usize>,
    /// What is spoken before each block of them, in weights.
    spoken: Vec<u64>,
    /// What is spoken in all.
    all: u64,
    words: Vec<WordTime>,
}

/// A word of the engine. In order of `offset`.
struct WordTime {
    /// Where it begins in the text, in characters.
    offset: usize,
    /// Where the furthest reaching of the words up to here ends, in characters.
    reach: usize,
    start_ms: u64,
    end_ms: u64,
}

impl<'a> Timeline<'a> {
    /// Of the utterance whose characters are `folded` in `passage`.
    pub(crate) fn new(utterance: &'a Utterance, passage: &Passage, folded: Range<usize>) -> Self {
        let mut bytes = Vec::new();
        if !utterance.text.is_ascii() {
            let mut rest = utterance.text.chars();
            loop {
                bytes.push(utterance.text.len() - rest.as_str().len());
                if rest.nth(BLOCK - 1).is_none() {
                    break;
                }
            }
        }
        let mut all = 0;
        let mut spoken = Vec::with_capacity(folded.len() / BLOCK + 1);
        for begin in folded.clone().step_by(BLOCK) {
            spoken.push(all);
            all += weight(passage, begin..(begin + BLOCK).min(folded.end));
        }
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
        Self { utterance, bytes, folded, spoken, all, words }
    }

    /// The text of characters `span`, which lie inside the utterance.
    pub(crate) fn text(&self, span: (usize, usize)) -> &'a str {
        let rest = &self.utterance.text[self.byte(span.0)..];
        let end = rest.char_indices().nth(span.1 - span.0);
        &rest[..end.map_or(rest.len(), |(byte, _)| byte)]
    }

    fn byte(&self, at: usize) -> usize {
        let text = &self.utterance.text;
        if self.bytes.is_empty() {
            return at;
        }
        let block = self.bytes.get(at / BLOCK).copied().unwrap_or(text.len());
        text[block..].char_indices().nth(at % BLOCK).map_or(text.len(), |(byte, _)| block + byte)
    }

    /// What is spoken before character `at` of the passage.
    fn spoken(&self, passage: &Passage, at: usize) -> u64 {
        let here = at - self.folded.start;
        let Some(before) = self.spoken.get(here / BLOCK) else { return self.all };
        before + weight(passage, at - here % BLOCK..at)
    }

    /// Begin and end (ms from the recording's start) of characters `span`, `span.0 < span.1`, of the utterance, which are
    /// `folded` in `passage`: from the words' times where there are any, else in proportion to what is spoken.
    pub(crate) fn times(&self, passage: &Passage, span: (usize, usize), folded: Range<usize>) -> (u64, u64) {
        let Utterance { start_ms, end_ms, .. } = *self.utterance;
        let first = self.words.partition_point(|word| word.reach <= span.0);
        let behind = self.words.partition_point(|word| word.offset < span.1);
        if let Some([first, ..]) = self.words.get(first..behind) {
            let inside = |at: u64| at.clamp(start_ms, end_ms.max(start_ms));
            let start = inside(first.start_ms);
            return (start, inside(self.words[behind - 1].end_ms).max(start));
        }
        let length = end_ms.saturating_sub(start_ms);
        let at = |weight: u64| start_ms + length.saturating_mul(weight) / self.all.max(1);
        (at(self.spoken(passage, folded.start)), at(self.spoken(passage, folded.end)))
    }
}

/// What characters `range` of `passage` weigh.
#[expect(clippy::as_conversions, reason = "counts of at most 64 bits in 64")]
fn weight(passage: &Passage, range: Range<usize>) -> u64 {
    let characters = range.len();
    let letters = passage.letters(range);
    (characters - letters) as u64 * WEIGHT_OF_IDEOGRAPH + letters as u64 * WEIGHT_OF_LETTER
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

    fn times(utterance: &Utterance, span: (usize, usize)) -> (u64, u64) {
        let passage = Passage::of(&utterance.text);
        let folded = [span.0, span.1].map(|at| passage.count_before(passage.range_of(0), at));
        Timeline::new(utterance, &passage, passage.range_of(0)).times(&passage, span, folded[0]..folded[1])
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

    #[test]
    fn many_characters_are_as_exact_as_few() {
        let long = utterance(&"保证，ab ".repeat(200));
        let passage = Passage::of(&long.text);
        let timeline = Timeline::new(&long, &passage, passage.range_of(0));
        let bytes: Vec<usize> = long.text.char_indices().map(|(byte, _)| byte).chain([long.text.len()]).collect();
        for at in 0..bytes.len() - 1 {
            assert_eq!(timeline.text((at, at + 1)), &long.text[bytes[at]..bytes[at + 1]], "{at}");
            let weight = |c| [('保', 3), ('证', 3), ('a', 1), ('b', 1)].into_iter().find(|(known, _)| *known == c);
            let spoken: u64 = long.text.chars().take(at).filter_map(weight).map(|(_, weight)| weight).sum();
            assert_eq!(timeline.spoken(&passage, passage.count_before(passage.range_of(0), at)), spoken, "{at}");
        }
    }
}
