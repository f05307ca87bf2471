//! Utterances as subtitle cues: short enough to read, in step with the words.

use earmark_core::{Speaker, Utterance};

/// Columns in a line; a Chinese character takes two. (Netflix: 42 Latin, 16 to 18 Chinese; BBC: 37.)
const LINE_COLUMNS: usize = 42;
/// Lines in a cue.
const LINES: usize = 2;
/// Longest time a cue stays.
const CUE_MS: u64 = 7000;
/// Shortest time a cue stays, if the next one leaves room: nobody reads faster.
const SHORTEST_MS: u64 = 800;

/// A cue.
#[derive(Debug, PartialEq, Eq)]
pub struct Cue {
    /// From the recording's start.
    pub start_ms: u64,
    /// From the recording's start; after `start_ms`.
    pub end_ms: u64,
    /// Who speaks.
    pub speaker: Speaker,
    /// Whether an utterance begins here.
    pub opens_turn: bool,
    /// One or two lines.
    pub lines: Vec<String>,
}

/// A word or a Chinese character with what follows it up to the next one, and when it is said.
struct Token {
    text: String,
    columns: usize,
    start_ms: u64,
    end_ms: u64,
}

/// The cues of `utterances`, in order of time.
pub fn cues(utterances: &[Utterance]) -> Vec<Cue> {
    let mut cues: Vec<Cue> = utterances.iter().flat_map(utterance_cues).collect();
    cues.sort_by_key(|cue| (cue.start_ms, cue.end_ms));
    for i in 0..cues.len() {
        let next = cues.get(i + 1).map_or(u64::MAX, |next| next.start_ms);
        let cue = &mut cues[i];
        let wanted = cue.start_ms + SHORTEST_MS;
        cue.end_ms = cue.end_ms.max(wanted.min(next)).max(cue.start_ms + 1);
    }
    cues
}

fn utterance_cues(utterance: &Utterance) -> Vec<Cue> {
    let mut cues: Vec<Cue> = Vec::new();
    let mut open: Vec<Token> = Vec::new();
    for token in tokens(utterance) {
        open.push(token);
        while open.len() > 1 && is_too_long(&open) {
            let rest = open.split_off(best_break(&open));
            close(&open, utterance, &mut cues);
            open = rest;
        }
    }
    close(&open, utterance, &mut cues);
    cues
}

fn is_too_long(open: &[Token]) -> bool {
    let lasts_ms = match (open.first(), open.last()) {
        (Some(first), Some(last)) => last.end_ms.saturating_sub(first.start_ms),
        _ => 0,
    };
    wrap(open).len() > LINES || lasts_ms > CUE_MS
}

/// How many of `tokens` stay together when the last one does not fit: up to the last punctuation in their second half,
/// otherwise all but that one. At least one.
fn best_break(tokens: &[Token]) -> usize {
    let fitting = tokens.len() - 1;
    let pause = (fitting.div_ceil(2)..=fitting)
        .rev()
        .find(|end| *end > 0 && tokens[end - 1].text.trim_end().ends_with(is_closing));
    pause.unwrap_or(fitting).max(1)
}

fn close(open: &[Token], utterance: &Utterance, cues: &mut Vec<Cue>) {
    if let (Some(first), Some(last)) = (open.first(), open.last()) {
        // A word drawn out for longer stays no longer than a cue may.
        let (start_ms, end_ms) = (first.start_ms, last.end_ms.min(first.start_ms + CUE_MS));
        cues.push(Cue {
            start_ms,
            end_ms,
            speaker: utterance.speaker.clone(),
            opens_turn: cues.is_empty(),
            lines: wrap(open),
        });
    }
}

/// Lines of at most [`LINE_COLUMNS`], broken at punctuation where there is some; a single longer word stands alone.
fn wrap(tokens: &[Token]) -> Vec<String> {
    let (mut lines, mut from) = (Vec::new(), 0);
    while from < tokens.len() {
        let mut columns = 0;
        let mut to = from;
        while to < tokens.len() {
            columns += tokens[to].columns;
            let trailing_space = tokens[to].text.len() - tokens[to].text.trim_end().len();
            if to > from && columns - trailing_space > LINE_COLUMNS {
                break;
            }
            to += 1;
        }
        let end = if to < tokens.len() { from + best_break(&tokens[from..=to]) } else { to };
        let line: String = tokens[from..end].iter().map(|token| token.text.as_str()).collect();
        lines.push(line.trim().to_owned());
        from = end;
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// Cuts the text before every Chinese character and every word; punctuation stays with what it follows.
fn tokens(utterance: &Utterance) -> Vec<Token> {
    let characters: Vec<char> = utterance.text.chars().collect();
    let mut starts = Vec::new();
    for (i, c) in characters.iter().enumerate() {
        let follows_space = i > 0 && characters[i - 1].is_whitespace();
        let follows_wide = i > 0 && is_wide(characters[i - 1]);
        let is_start =
            i == 0 || !is_closing(*c) && !c.is_whitespace() && (is_wide(*c) || follows_space || follows_wide);
        if is_start {
            starts.push(i);
        }
    }
    let ends = starts.iter().skip(1).copied().chain([characters.len()]);
    let bounds: Vec<(usize, usize)> = starts.iter().copied().zip(ends).collect();
    bounds
        .into_iter()
        .map(|(from, to)| Token {
            text: characters[from..to].iter().collect(),
            columns: characters[from..to]
                .iter()
                .map(|c| if is_wide(*c) || is_closing(*c) && !c.is_ascii() { 2 } else { 1 })
                .sum(),
            start_ms: time_at(utterance, from, characters.len()),
            end_ms: time_at(utterance, to, characters.len()).max(time_at(utterance, from, characters.len())),
        })
        .collect()
}

/// When the character at `offset` is said: by its word where word times are known, by proportion elsewhere.
#[expect(clippy::as_conversions, reason = "a place in a text has at most 64 bits")]
fn time_at(utterance: &Utterance, offset: usize, characters: usize) -> u64 {
    if offset >= characters {
        return utterance.end_ms;
    }
    match utterance.words.iter().rfind(|word| word.offset <= offset) {
        Some(word) => {
            let into = (offset - word.offset) as u64;
            let length = word.text.chars().count().max(1) as u64;
            word.start_ms + (word.end_ms - word.start_ms) * into.min(length) / length
        }
        None => utterance.start_ms + (utterance.end_ms - utterance.start_ms) * offset as u64 / characters.max(1) as u64,
    }
}

fn is_wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{2fff}' | '\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Must not begin a line.
fn is_closing(c: char) -> bool {
    matches!(
        c,
        '，' | '。'
            | '！'
            | '？'
            | '、'
            | '；'
            | '：'
            | '”'
            | '’'
            | '）'
            | '》'
            | '」'
            | '…'
            | '%'
            | ','
            | '.'
            | '!'
            | '?'
            | ';'
            | ':'
            | ')'
    )
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

    fn columns(line: &str) -> usize {
        line.chars().map(|c| if is_wide(c) || is_closing(c) && !c.is_ascii() { 2 } else { 1 }).sum()
    }

    #[test]
    fn cues_are_readable_and_lose_nothing() {
        for text in [
            "您好，这里是恒信理财客服中心，本次通话将被录音，请问是张先生吗？开始之前，先跟您核对一下资料，请问您的手机尾号是多少？",
            "I can promise you guaranteed returns of eight percent, and there is absolutely no risk. You simply cannot lose money, but the offer ends today.",
            "您加 WhatsApp，我 send you the 资料。",
            "supercalifragilisticexpialidociouslyverylongword indeed",
        ] {
            let cues = cues(&[utterance(text, 1000, 13_000)]);
            let joined: String = cues
                .iter()
                .flat_map(|cue| cue.lines.join(" ").chars().collect::<Vec<_>>())
                .filter(|c| !c.is_whitespace())
                .collect();
            assert_eq!(joined, text.chars().filter(|c| !c.is_whitespace()).collect::<String>());
            for (cue, next) in cues.iter().zip(cues.iter().skip(1)) {
                assert!(cue.end_ms <= next.start_ms, "{cue:?} {next:?}");
            }
            for line in cues.iter().flat_map(|cue| &cue.lines) {
                assert!(columns(line) <= LINE_COLUMNS + 2 || !line.contains(' '), "{line}");
                assert!(!line.starts_with(is_closing), "{line}");
            }
            assert!(cues.iter().all(|cue| cue.lines.len() <= LINES
                && cue.end_ms > cue.start_ms
                && cue.end_ms - cue.start_ms <= CUE_MS + 1));
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
        let cues = cues(&[long]);
        assert!(cues.len() > 1);
        for cue in &cues {
            assert_eq!(cue.start_ms % 1000, 0, "{cue:?}");
        }
    }

    #[test]
    fn a_short_word_stays_long_enough_to_be_read() {
        let cues = cues(&[utterance("嗯", 1000, 1100), utterance("好", 5000, 5100)]);
        assert_eq!((cues[0].end_ms, cues[1].end_ms), (1800, 5800));
    }
}
