//! Utterances as subtitle cues: short enough to read, in step with the words.
//!
//! Whatever is said, and in whatever script: no line has more than 42 columns and no cue more than two lines; no cue stays
//! longer than 7 s; from an utterance's start to its end there is a cue at every moment; and all of its text is shown,
//! once. Where a text goes on for longer than 7 s before its next word is said (a word drawn out, few words laid over a
//! long stretch), its cue gives way to cues of [`GOES_ON`]: viewers see that the speaker has not ended, and nobody
//! reads the words as said twice.
//!
//! Utterances at the same time have cues at the same time, each with its own times: players show them above each other.

use earmark_core::{Speaker, Utterance};

use super::line_breaks::{LineBreaks, columns, ends_in_pause, has_wide_script, is_lone_character};

/// Columns in a line; a Chinese character takes two. (Netflix: 42 Latin, 16 to 18 Chinese; BBC: 37.)
const LINE_COLUMNS: usize = 42;
/// Lines in a cue.
const LINES: usize = 2;
/// Longest time a cue stays.
const CUE_MS: u64 = 7000;
/// Shortest time a cue stays, if the next utterance leaves room: nobody reads faster.
const SHORTEST_MS: u64 = 800;
/// What a cue says while the words of the one before it last.
const GOES_ON: &str = "…";

/// A cue.
#[derive(Debug, PartialEq, Eq)]
pub struct Cue {
    /// From the recording's start.
    pub start_ms: u64,
    /// From the recording's start; after `start_ms`.
    pub end_ms: u64,
    /// Who speaks.
    pub speaker: Speaker,
    /// Whether an utterance begins here, or the cue before is another speaker's.
    pub opens_turn: bool,
    /// One or two lines. The first is empty where the speaker's name takes it whole.
    pub lines: Vec<String>,
}

/// A part of the text that stays together, with the spaces behind it, and when it is said.
struct Token {
    text: String,
    columns: usize,
    start_ms: u64,
    end_ms: u64,
}

/// The cues of `utterances`, in order of time. `name_columns`: what the first line leaves free for the speaker's name.
pub fn cues(utterances: &[Utterance], name_columns: impl Fn(&Speaker) -> usize) -> Vec<Cue> {
    let breaks = LineBreaks::new();
    let mut spoken: Vec<&Utterance> = utterances.iter().filter(|utterance| !utterance.text.trim().is_empty()).collect();
    spoken.sort_by_key(|utterance| utterance.start_ms);
    let mut cues = Vec::new();
    let mut said_until_ms = 0;
    for (i, utterance) in spoken.iter().enumerate() {
        let next_ms = spoken.get(i + 1).map_or(u64::MAX, |next| next.start_ms);
        let layout = Layout {
            utterance,
            until_ms: shown_until(utterance, next_ms),
            name_columns: name_columns(&utterance.speaker),
            is_alone: said_until_ms <= utterance.start_ms && utterance.end_ms <= next_ms,
        };
        said_until_ms = said_until_ms.max(layout.until_ms);
        cues.extend(layout.cues(&breaks));
    }
    cues.sort_by_key(|cue| cue.start_ms);
    let mut speaker = None;
    for cue in &mut cues {
        cue.opens_turn |= speaker.replace(cue.speaker.clone()).is_some_and(|before| before != cue.speaker);
        if !cue.opens_turn {
            cue.lines.retain(|line| !line.is_empty());
        }
    }
    cues
}

/// `text` without line breaks and other controls, character by character: a space stands for each.
pub fn single_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

/// When the last cue of `utterance` goes: at its end, or when it can have been read and nothing else begins before.
fn shown_until(utterance: &Utterance, next_ms: u64) -> u64 {
    let start_ms = utterance.start_ms;
    let width = columns(&utterance.text, has_wide_script(&utterance.text));
    let cues = u64::try_from(width / (LINES * LINE_COLUMNS)).unwrap_or(u64::MAX).saturating_add(1);
    let readable_ms = start_ms.saturating_add(SHORTEST_MS.saturating_mul(cues));
    utterance.end_ms.max(readable_ms.min(next_ms)).max(start_ms.saturating_add(1))
}

/// An utterance on its way to cues.
struct Layout<'a> {
    utterance: &'a Utterance,
    /// When its last cue ends.
    until_ms: u64,
    name_columns: usize,
    /// Whether nobody else speaks meanwhile.
    is_alone: bool,
}

impl Layout<'_> {
    fn cues(&self, breaks: &LineBreaks) -> Vec<Cue> {
        let pages = self.pages(self.tokens(breaks));
        // None begins where the next utterance may: the order of what was said is that of the cues.
        let starts: Vec<u64> = pages.iter().map(|page| page.start_ms.min(self.until_ms - 1)).collect();
        let ends = starts.iter().skip(1).copied().chain([self.until_ms]);
        let mut cues = Vec::new();
        for ((lines, start_ms), end_ms) in pages.into_iter().map(|page| page.lines).zip(&starts).zip(ends) {
            // Never empty, even where there are more cues than milliseconds.
            let lasts_ms = end_ms.saturating_sub(*start_ms).max(1);
            let pieces = lasts_ms.div_ceil(CUE_MS);
            let at = |piece: u64| start_ms + piece * (lasts_ms / pieces) + piece.min(lasts_ms % pieces);
            let mut lines = Some(lines);
            for piece in 0..pieces {
                cues.push(Cue {
                    start_ms: at(piece),
                    end_ms: at(piece + 1),
                    speaker: self.utterance.speaker.clone(),
                    opens_turn: cues.is_empty(),
                    lines: lines.take().unwrap_or_else(|| vec![GOES_ON.to_owned()]),
                });
            }
        }
        cues
    }

    /// `tokens` in as many as a cue has room and time for.
    fn pages(&self, tokens: Vec<Token>) -> Vec<Page> {
        let mut pages: Vec<Page> = Vec::new();
        let mut open: Vec<Token> = Vec::new();
        for token in tokens {
            open.push(token);
            while open.len() > 1 && self.is_too_long(&open, pages.is_empty()) {
                let rest = open.split_off(best_break(&open));
                self.close(&open, &mut pages);
                open = rest;
            }
        }
        self.close(&open, &mut pages);
        pages
    }

    fn is_too_long(&self, open: &[Token], is_first: bool) -> bool {
        let lasts_ms = match (open.first(), open.last()) {
            (Some(first), Some(last)) => last.end_ms.saturating_sub(first.start_ms),
            _ => 0,
        };
        // Half a Chinese word is worse than a whole one that is followed by `GOES_ON`.
        let is_one_word = open.len() == 2 && is_lone_character(&open[0].text);
        lasts_ms > CUE_MS && !is_one_word || wrap(open, self.first_line_columns(is_first)).len() > LINES
    }

    fn close(&self, open: &[Token], pages: &mut Vec<Page>) {
        if let Some(first) = open.first() {
            let lines = wrap(open, self.first_line_columns(pages.is_empty()));
            pages.push(Page { start_ms: first.start_ms, lines });
        }
    }

    /// The name is shown where an utterance begins, and wherever somebody else's cue may stand before.
    fn first_line_columns(&self, is_first: bool) -> usize {
        let is_named = is_first || !self.is_alone;
        if is_named { LINE_COLUMNS.saturating_sub(self.name_columns) } else { LINE_COLUMNS }
    }

    /// The text's parts and when they are said: one after the other, from the utterance's start to its end.
    fn tokens(&self, breaks: &LineBreaks) -> Vec<Token> {
        let text = single_line(&self.utterance.text);
        let characters = text.chars().count();
        let is_wide = has_wide_script(&text);
        let is_korean = self.utterance.language.as_deref() == Some("ko");
        let mut tokens: Vec<Token> = Vec::new();
        let mut offset = 0;
        let mut end_ms = self.utterance.start_ms;
        for part in breaks.parts(&text, is_korean, LINE_COLUMNS) {
            offset += part.chars().count();
            let start_ms = end_ms;
            end_ms = self.time_at(offset, characters).clamp(start_ms, self.until_ms);
            if part.trim().is_empty() {
                match tokens.last_mut() {
                    Some(before) => before.end_ms = end_ms,
                    None => end_ms = start_ms,
                }
                continue;
            }
            tokens.push(Token { text: part.to_owned(), columns: columns(part, is_wide), start_ms, end_ms });
        }
        tokens
    }

    /// When the character at `offset` is said: by its word where word times are known, by proportion elsewhere.
    #[expect(clippy::as_conversions, reason = "a place in a text has at most 64 bits")]
    fn time_at(&self, offset: usize, characters: usize) -> u64 {
        let utterance = self.utterance;
        if offset >= characters {
            return self.until_ms;
        }
        let share = |from_ms: u64, to_ms: u64, part: usize, whole: usize| {
            let (part, whole) = (part.min(whole) as u64, whole.max(1) as u64);
            from_ms.saturating_add(to_ms.saturating_sub(from_ms).saturating_mul(part) / whole)
        };
        match utterance.words.iter().rfind(|word| word.offset <= offset) {
            Some(word) => share(word.start_ms, word.end_ms, offset - word.offset, word.text.chars().count()),
            None => share(utterance.start_ms, self.until_ms, offset, characters),
        }
    }
}

/// The lines of a cue, and when its first word is said.
struct Page {
    start_ms: u64,
    lines: Vec<String>,
}

/// How many of `tokens` stay together when the last one does not fit: up to the last pause in their second half,
/// otherwise all but that one. At least one.
fn best_break(tokens: &[Token]) -> usize {
    let fitting = tokens.len() - 1;
    let pause = (fitting.div_ceil(2)..=fitting).rev().find(|end| *end > 0 && ends_in_pause(&tokens[end - 1].text));
    pause.unwrap_or(fitting).max(1)
}

/// Lines of at most [`LINE_COLUMNS`], the first of at most `first_columns`, broken at pauses where there are some. The
/// first is empty where nothing fits into it.
fn wrap(tokens: &[Token], first_columns: usize) -> Vec<String> {
    let (mut lines, mut from) = (Vec::new(), 0);
    while from < tokens.len() {
        let most_columns = if lines.is_empty() { first_columns } else { LINE_COLUMNS };
        let mut columns = 0;
        let mut to = from;
        while to < tokens.len() {
            columns += tokens[to].columns;
            let text = &tokens[to].text;
            let trailing_space = text.len() - text.trim_end_matches(' ').len();
            if columns - trailing_space.min(columns) > most_columns {
                break;
            }
            to += 1;
        }
        let end = match to - from {
            _ if to == tokens.len() => to,
            0 if most_columns < LINE_COLUMNS => from,
            0 => from + 1,
            _ => from + best_break(&tokens[from..=to]),
        };
        lines.push(line(&tokens[from..end]));
        from = end;
    }
    lines
}

/// `tokens` side by side, with single spaces.
fn line(tokens: &[Token]) -> String {
    let text: String = tokens.iter().map(|token| token.text.as_str()).collect();
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use earmark_core::{TimePrecision, Word};

    fn utterance(text: &str, start_ms: u64, end_ms: u64) -> Utterance {
        Utterance {
            id: 0,
            channel: 0,
            speaker: Speaker("agent".into()),
            start_ms,
            end_ms,
            time_precision: TimePrecision::Segment,
            language: None,
            text: text.into(),
            words: Vec::new(),
        }
    }

    #[test]
    fn a_cue_begins_with_its_word() {
        let mut long = utterance(
            "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen",
            0,
            18_000,
        );
        let mut offset = 0;
        for (i, word) in (0_u64..).zip(long.text.clone().split(' ')) {
            long.words.push(Word { start_ms: i * 1000, end_ms: i * 1000 + 900, offset, text: word.into() });
            offset += word.len() + 1;
        }
        let cues = cues(&[long], |_| 0);
        assert!(cues.len() > 1);
        for cue in &cues {
            assert_eq!(cue.start_ms % 1000, 0, "{cue:?}");
        }
    }

    #[test]
    fn a_short_word_stays_long_enough_to_be_read() {
        let cues = cues(&[utterance("嗯", 1000, 1100), utterance("好", 5000, 5100)], |_| 0);
        assert_eq!((cues[0].end_ms, cues[1].end_ms), (1800, 5800));
    }

    #[test]
    fn what_lasts_is_carried_on_and_not_said_again() {
        for (text, end_ms, expected) in [
            ("Nooo", 20_000, &[("Nooo", 6667), ("…", 6667), ("…", 6666)][..]),
            ("Hold on", 14_000, &[("Hold", 5000), ("…", 5000), ("on", 4000)]),
            ("您好再见", 20_000, &[("您好", 5000), ("…", 5000), ("再见", 5000), ("…", 5000)]),
            ("您好，再见", 20_000, &[("您好，", 6000), ("…", 6000), ("再见", 4000), ("…", 4000)]),
            ("one two three", 11_000, &[("one two", 6769), ("three", 4231)]),
            ("", 20_000, &[]),
            (" \r\n", 20_000, &[]),
            ("\0", 20_000, &[]),
            ("?!", 2000, &[("?!", 2000)]),
        ] {
            let cues = cues(&[utterance(text, 0, end_ms)], |_| 0);
            let shown: Vec<(String, u64)> =
                cues.iter().map(|cue| (cue.lines.join("|"), cue.end_ms - cue.start_ms)).collect();
            let shown: Vec<(&str, u64)> = shown.iter().map(|(text, ms)| (text.as_str(), *ms)).collect();
            assert_eq!(shown, expected, "{text:?}");
        }
    }
}
