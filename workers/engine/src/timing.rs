//! Tokens to segments and words with times.

use earmark_core::{TimedText, Word};

use crate::vocabulary::{Character, Vocabulary};
use earmark_asr::scripts::is_ideograph;

/// One frame of the encoder's output.
const FRAME_MS: u64 = 20;

/// A stretch of text between two timestamps, before its characters are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
    /// First of its tokens, in the list that the model gave.
    pub(crate) first_token: usize,
    /// One past the last.
    pub(crate) end_token: usize,
}

/// The spans that the timestamps among `tokens` divide the text into. A stretch without an end ends with the clip,
/// and nothing lies past `clip_ms`.
pub(crate) fn spans(vocabulary: &Vocabulary, tokens: &[usize], clip_ms: u64) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut start_ms = 0;
    let mut first_token = None;
    for (at, &id) in tokens.iter().enumerate() {
        if vocabulary.is_text(id) {
            first_token.get_or_insert(at);
        } else if let Some(ms) = vocabulary.timestamp_ms(id) {
            let ms = ms.min(clip_ms);
            if let Some(first_token) = first_token.take() {
                spans.push(Span { start_ms, end_ms: ms.max(start_ms), first_token, end_token: at });
            }
            start_ms = ms;
        }
    }
    if let Some(first_token) = first_token {
        spans.push(Span { start_ms, end_ms: clip_ms.max(start_ms), first_token, end_token: tokens.len() });
    }
    spans
}

/// The text of one span out of the characters that were believed, `None` when nothing is left of it. With `times`,
/// one for each of the characters, it has words.
pub(crate) fn segment(
    span: &Span,
    characters: &[Character],
    times: Option<&[Stretch]>,
    confidence: f32,
) -> Option<TimedText> {
    let from = characters.partition_point(|character| character.token < span.first_token);
    let to = characters.partition_point(|character| character.token < span.end_token);
    let is_space = |at: &usize| characters[*at].value.is_whitespace();
    let first = (from..to).find(|at| !is_space(at))?;
    let last = (first..to).rfind(|at| !is_space(at))?;
    let characters = &characters[first..=last];
    Some(TimedText {
        start_ms: span.start_ms,
        end_ms: span.end_ms,
        text: characters.iter().map(|character| character.value).collect(),
        confidence: Some(confidence),
        words: times.map(|times| words(span, characters, &times[first..=last])).unwrap_or_default(),
    })
}

/// From when to when, in ms from the clip's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
}

/// The places, in the model's token list, of the text tokens that `characters` are made of: what is to be aligned.
pub(crate) fn tokens_of(
    vocabulary: &Vocabulary,
    tokens: &[usize],
    all: &[Character],
    kept: &[Character],
) -> Vec<usize> {
    let is_kept = |at: &usize| {
        // A token in which no character begins continues the one before it.
        let owner = all.partition_point(|character| character.token <= *at).checked_sub(1).map(|i| all[i].token);
        owner.is_some_and(|owner| kept.binary_search_by_key(&owner, |character| character.token).is_ok())
    };
    (0..tokens.len()).filter(|at| vocabulary.is_text(tokens[*at])).filter(is_kept).collect()
}

/// When each character was spoken. `aligned` are the places of the aligned tokens ([`tokens_of`]), `path` the pairs
/// of token and frame that the model went through. Characters of one token share its time evenly; spaces take none.
pub(crate) fn character_times(
    characters: &[Character],
    aligned: &[usize],
    path: impl Iterator<Item = (i64, i64)>,
    clip_ms: u64,
) -> Vec<Stretch> {
    let starts_ms = token_starts(path, aligned.len(), clip_ms);
    let start_of = |token: usize| aligned.binary_search(&token).map_or(clip_ms, |at| starts_ms[at]);
    let mut times = Vec::with_capacity(characters.len());
    for together in characters.chunk_by(|a, b| a.token == b.token) {
        let start_ms = start_of(together[0].token);
        let end_ms = characters.get(times.len() + together.len()).map_or(clip_ms, |next| start_of(next.token));
        let spoken = together.iter().filter(|character| !character.value.is_whitespace()).count().max(1);
        let spoken = u64::try_from(spoken).unwrap_or(u64::MAX);
        let part = |n: u64| start_ms + end_ms.saturating_sub(start_ms) * n / spoken;
        let mut before = 0;
        for character in together {
            let length = u64::from(!character.value.is_whitespace());
            times.push(Stretch { start_ms: part(before), end_ms: part(before + length) });
            before = (before + length).min(spoken);
        }
    }
    times
}

/// How many of the characters are left when those at the end that took no time are taken away: two words or more without
/// any, for the last word of speech is now and then given none. What follows such words at the end, one more at most, goes
/// with them.
pub(crate) fn tail_without_time(characters: &[Character], times: &[Stretch]) -> usize {
    let mut starts = Vec::new();
    let mut is_open = false;
    for (at, character) in characters.iter().enumerate() {
        let is_spoken = character.value.is_alphanumeric();
        if is_spoken && (!is_open || is_ideograph(character.value)) {
            starts.push(at);
        }
        is_open = is_spoken && !is_ideograph(character.value);
    }
    let took_time = |word: usize| {
        let end = starts.get(word + 1).copied().unwrap_or(characters.len());
        let start = starts[word];
        (start..end).any(|at| characters[at].value.is_alphanumeric() && times[at].end_ms > times[at].start_ms)
    };
    let without = |until: usize| (0..until).rev().take_while(|word| !took_time(*word)).count();
    let words = starts.len();
    let (at_end, before_last) = (without(words), without(words.saturating_sub(1)));
    let kept = match (at_end, before_last) {
        (2.., _) => words - at_end,
        (0, 3..) => words - 1 - before_last,
        _ => words,
    };
    // All of it without time says something of the alignment, not of the text.
    if kept == 0 { characters.len() } else { starts.get(kept).copied().unwrap_or(characters.len()) }
}

/// The start of each token; one that the path does not visit begins with the one after it.
fn token_starts(path: impl Iterator<Item = (i64, i64)>, tokens: usize, clip_ms: u64) -> Vec<u64> {
    let mut starts_ms = vec![None; tokens];
    for (token, frame) in path {
        let visited = usize::try_from(token).ok().and_then(|token| starts_ms.get_mut(token));
        if let Some(start @ None) = visited {
            *start = u64::try_from(frame).ok().map(|frame| frame * FRAME_MS);
        }
    }
    let mut next_ms = clip_ms;
    for start in starts_ms.iter_mut().rev() {
        next_ms = start.unwrap_or(next_ms).min(next_ms);
        *start = Some(next_ms);
    }
    starts_ms.into_iter().map(|start| start.unwrap_or(clip_ms)).collect()
}

/// The words of a segment: Chinese and Japanese by character, the rest by spaces; punctuation belongs to the word
/// before it but does not lengthen it.
fn words(span: &Span, characters: &[Character], times: &[Stretch]) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut is_open = false;
    for (offset, (character, time)) in characters.iter().zip(times).enumerate() {
        let value = character.value;
        let (start_ms, end_ms) =
            (time.start_ms.clamp(span.start_ms, span.end_ms), time.end_ms.clamp(span.start_ms, span.end_ms));
        if value.is_whitespace() {
            is_open = false;
            continue;
        }
        let stands_alone = is_ideograph(value);
        let joins = !value.is_alphanumeric() || (is_open && !stands_alone);
        match words.last_mut() {
            Some(word) if joins => {
                word.text.push(value);
                if value.is_alphanumeric() {
                    word.end_ms = end_ms.max(word.end_ms);
                }
            }
            _ => words.push(Word { start_ms, end_ms, offset, text: value.into() }),
        }
        is_open = !stands_alone && (is_open || value.is_alphanumeric());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn characters(pieces: &[&str]) -> Vec<Character> {
        let of = |(token, piece): (usize, &&str)| {
            piece.chars().map(move |value| Character { value, token }).collect::<Vec<_>>()
        };
        pieces.iter().enumerate().flat_map(of).collect()
    }

    fn span(start_ms: u64, end_ms: u64, tokens: usize) -> Span {
        Span { start_ms, end_ms, first_token: 0, end_token: tokens }
    }

    /// Word text, start, end, offset of one segment.
    fn words_of(pieces: &[&str], path: &[(i64, i64)], clip_ms: u64) -> Vec<(String, u64, u64, usize)> {
        let characters = characters(pieces);
        let aligned: Vec<usize> = (0..pieces.len()).collect();
        let times = character_times(&characters, &aligned, path.iter().copied(), clip_ms);
        let segment = segment(&span(0, clip_ms, pieces.len()), &characters, Some(&times), 0.5).unwrap();
        segment.words.into_iter().map(|word| (word.text, word.start_ms, word.end_ms, word.offset)).collect()
    }

    fn word(text: &str, start_ms: u64, end_ms: u64, offset: usize) -> (String, u64, u64, usize) {
        (text.to_owned(), start_ms, end_ms, offset)
    }

    #[test]
    fn english_words_go_by_spaces_and_their_punctuation_takes_no_time() {
        let words =
            words_of(&[" Hel", "lo", ",", " you", "."], &[(0, 5), (1, 10), (2, 20), (3, 50), (4, 60), (4, 70)], 2000);
        assert_eq!(words, [word("Hello,", 100, 400, 0), word("you.", 1000, 1200, 7)]);
    }

    #[test]
    fn chinese_words_are_characters_and_share_their_tokens_time() {
        let words = words_of(&["您好", "，", "GLM", "很好"], &[(0, 0), (1, 20), (2, 30), (3, 40)], 1000);
        assert_eq!(
            words,
            [
                word("您", 0, 200, 0),
                word("好，", 200, 400, 1),
                word("GLM", 600, 800, 3),
                word("很", 800, 900, 6),
                word("好", 900, 1000, 7)
            ]
        );
    }

    #[test]
    fn a_token_the_path_leaves_out_begins_with_the_next() {
        assert_eq!(token_starts([(0, 1), (2, 4)].into_iter(), 3, 500), [20, 80, 80]);
        assert_eq!(token_starts([].into_iter(), 2, 500), [500, 500]);
    }

    #[test]
    fn words_at_the_end_that_took_no_time_are_told_from_a_last_word_without_any() {
        let cases: [(&str, &[u64], usize); 6] = [
            ("好的", &[100, 100], 2),
            ("好的吗", &[100, 100, 0], 3),
            ("没有了没有了", &[100, 100, 100, 0, 0, 0], 3),
            ("转过来转过来了", &[100, 100, 100, 0, 0, 0, 40], 3),
            ("没有", &[0, 0], 2),
            ("", &[], 0),
        ];
        for (text, lengths, expected) in cases {
            let characters: Vec<Character> =
                text.chars().enumerate().map(|(token, value)| Character { value, token }).collect();
            let mut at = 0;
            let times: Vec<Stretch> = lengths
                .iter()
                .map(|length| {
                    at += length;
                    Stretch { start_ms: at - length, end_ms: at }
                })
                .collect();
            assert_eq!(tail_without_time(&characters, &times), expected, "{text}");
        }
    }

    #[test]
    fn words_stay_within_their_segment() {
        let characters = characters(&["好", "的"]);
        let times = character_times(&characters, &[0, 1], [(0, 0), (1, 90)].into_iter(), 2000);
        let segment = segment(&span(500, 1500, 2), &characters, Some(&times), 0.5).unwrap();
        assert!(segment.words.iter().all(|word| word.start_ms >= 500 && word.end_ms <= 1500), "{:?}", segment.words);
    }

    #[test]
    fn a_segment_without_text_is_none() {
        assert_eq!(segment(&span(0, 100, 1), &characters(&[" "]), None, 0.5), None);
    }
}
