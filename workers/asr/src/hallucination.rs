//! What a recogniser says without having heard it, its hallucinations: loops, stock phrases on silence, its prompt read back.

use std::ops::Range;

use crate::scripts::is_ideograph;

/// Above this the model thinks that nobody speaks …
const NO_SPEECH_PROBABILITY: f32 = 0.6;
/// … and below this mean log-probability it does not know what it says. Both together were true of silence, noise,
/// DTMF and clips of 50 ms, and of no speech in the recordings measured.
const NO_SPEECH_LOG_PROBABILITY: f32 = -1.0;
/// For a text that is nothing but a stock phrase, either of these is enough.
const STOCK_NO_SPEECH_PROBABILITY: f32 = 0.4;
const STOCK_LOG_PROBABILITY: f32 = -0.7;
/// How often a unit of so many characters may follow itself: (longest unit, most repetitions). People do say
/// 对对对对 and "no, no, no, no"; digits of one kind come in rows.
const REPETITIONS: [(usize, usize); 4] = [(1, 7), (3, 5), (12, 3), (60, 2)];
/// Digits of an account number, which may all be the same.
const LONGEST_NUMBER: usize = 20;
/// A prompt read back has at least this many characters in a row of it.
const ECHO_CHARACTERS: usize = 9;
/// Nobody speaks faster than so long a syllable (the fastest Mandarin has some nine a second) or letter; a few letters
/// are always possible, for recognisers write out numbers and abbreviations. A digit is a syllable in Mandarin and one or
/// two in English; nobody says more than ten a second. The noughts behind a number may be one word ("million").
const FASTEST_IDEOGRAPH_MS: f32 = 80.0;
const FASTEST_DIGIT_MS: f32 = 100.0;
const FASTEST_LETTER_MS: f32 = 28.0;
const SPEECH_SLACK_MS: f32 = 200.0;

/// A text that was written twice took at least so much of its speech for an ideograph or a letter if it was said twice
/// (130 ms are seven and a half syllables a second, for one and a half seconds on end).
const HURRIED_IDEOGRAPH_MS: f32 = 130.0;
const HURRIED_LETTER_MS: f32 = 45.0;
/// What is shorter people do say twice, and fast: 对对, no no.
const DOUBLED_IDEOGRAPHS: usize = 2;
const DOUBLED_LETTERS: usize = 4;
/// So many characters in a row of an internal line are no chance, in the middle of a sentence; behind a pause two are none.
const LINE_CHARACTERS: usize = 4;

/// Texts that Whisper learned from subtitles and gives for silence.
const STOCK_PHRASES: [&str; 26] = [
    "you",
    "thank you",
    "thanks",
    "bye",
    "bye bye",
    "thank you for watching",
    "thanks for watching",
    "thank you very much",
    "thank you so much for watching",
    "please subscribe",
    "subtitles by the amara org community",
    "the end",
    "okay",
    "oh",
    "谢谢",
    "谢谢观看",
    "谢谢大家",
    "谢谢收看",
    "感谢观看",
    "感谢收看",
    "字幕",
    "请不吝点赞订阅转发打赏支持明镜与点点栏目",
    "订阅",
    "嗯",
    "啊",
    "未经作者授权禁止转载",
];
/// What a text that begins so is, however it goes on.
const STOCK_BEGINNINGS: [&str; 9] = [
    "字幕",
    "中文字幕",
    "subtitles by",
    "subtitled by",
    "transcription by",
    "amara org",
    "thanks for watching",
    "谢谢观看",
    "请不吝点赞",
];

/// Whether a text was said by nobody: `no_speech` is the model's probability of that, `log_probability` the mean
/// over the text's tokens.
pub fn is_invented(text: &str, no_speech: f32, log_probability: f32) -> bool {
    if no_speech > NO_SPEECH_PROBABILITY && log_probability < NO_SPEECH_LOG_PROBABILITY {
        return true;
    }
    let is_doubtful = no_speech > STOCK_NO_SPEECH_PROBABILITY || log_probability < STOCK_LOG_PROBABILITY;
    is_doubtful && is_stock(text)
}

/// Whether a text that was heard behind a prompt is to be held against what is heard without one. Behind a prompt
/// neither probability tells speech from noise: speech was measured at up to .90 and down to −1.2, white noise down
/// to .32 and up to −.4.
pub fn is_improbable(no_speech: f32, log_probability: f32) -> bool {
    no_speech > NO_SPEECH_PROBABILITY || log_probability < NO_SPEECH_LOG_PROBABILITY
}

/// Whether nobody speaks, as far as the model knows that was told nothing, where a text is in doubt already: it gave
/// recordings of speech at most .28, white noise of any loudness .69 and more.
pub fn is_silent(no_speech: f32) -> bool {
    no_speech > NO_SPEECH_PROBABILITY
}

/// Whether a mouth can say a text in `length_ms`.
pub fn is_speakable(text: &str, length_ms: u64) -> bool {
    needed_ms(text, FASTEST_IDEOGRAPH_MS, FASTEST_DIGIT_MS, FASTEST_LETTER_MS) <= in_ms(length_ms) + SPEECH_SLACK_MS
}

/// Whether people who speak fast need longer for a text than the `spoken_ms` that somebody spoke.
pub fn is_hurried(text: &str, spoken_ms: u64) -> bool {
    needed_ms(text, HURRIED_IDEOGRAPH_MS, HURRIED_IDEOGRAPH_MS, HURRIED_LETTER_MS) > in_ms(spoken_ms)
}

/// The time that a text takes at so much an ideograph, a digit, a letter.
fn needed_ms(text: &str, ideograph_ms: f32, digit_ms: f32, letter_ms: f32) -> f32 {
    let characters: Vec<char> = text.chars().collect();
    let is_digit = |character: &char| character.is_numeric();
    let of_number = |number: &[char]| {
        let end = number.iter().rposition(|digit| *digit != '0').map_or(0, |last| last + 1);
        let noughts = number.len() - end;
        // One nought is ten or twenty, a syllable of its own at least.
        let (spoken, written) = if noughts < 2 { (number.len(), 0) } else { (end, noughts) };
        count(spoken) * digit_ms + count(written) * letter_ms
    };
    characters
        .chunk_by(|a, b| is_digit(a) == is_digit(b))
        .map(|part| {
            if part.first().is_some_and(is_digit) {
                return of_number(part);
            }
            let letters = part.iter().filter(|character| character.is_alphanumeric());
            letters.map(|letter| if is_ideograph(*letter) { ideograph_ms } else { letter_ms }).sum()
        })
        .sum()
}

#[expect(clippy::as_conversions, reason = "exact below four hours, and no clip is as long")]
fn in_ms(length_ms: u64) -> f32 {
    length_ms as f32
}

#[expect(clippy::as_conversions, reason = "characters of one text")]
fn count(characters: usize) -> f32 {
    characters as f32
}

/// Whether a text is nothing but a stock phrase.
pub(crate) fn is_stock(text: &str) -> bool {
    let letters = normalised(text, true);
    STOCK_PHRASES.iter().any(|phrase| letters == *phrase)
        || STOCK_BEGINNINGS.iter().any(|beginning| letters.starts_with(beginning))
}

/// Whether a clip's whole text is a part of what the decoder was told beforehand.
pub fn is_echo(text: &str, told: &[String]) -> bool {
    told.iter().any(|told| is_read_back(text, told))
        || told.iter().any(|told| normalised(told, false) == normalised(text, false) && is_within(text, told))
}

/// Whether a text is a part of `told`, and so long that nobody says the same by chance.
pub(crate) fn is_read_back(text: &str, told: &str) -> bool {
    normalised(text, false).chars().count() >= ECHO_CHARACTERS && is_within(text, told)
}

/// Whether a text, if there is one, is a part of `told`; case, spaces and punctuation aside.
pub(crate) fn is_within(text: &str, told: &str) -> bool {
    let text = normalised(text, false);
    !text.is_empty() && normalised(told, false).contains(&text)
}

/// Lower case, letters and digits only; `spaced` keeps one space between words.
pub(crate) fn normalised(text: &str, spaced: bool) -> String {
    let mut normalised = String::new();
    for part in text.split(|character: char| !character.is_alphanumeric()).filter(|part| !part.is_empty()) {
        if spaced && !normalised.is_empty() {
            normalised.push(' ');
        }
        normalised.extend(part.chars().flat_map(char::to_lowercase));
    }
    normalised
}

/// The letters and digits of a text with their places.
fn spoken(text: &[char]) -> Vec<(usize, char)> {
    text.iter()
        .enumerate()
        .filter(|(_, character)| character.is_alphanumeric())
        .map(|(at, character)| (at, character.to_lowercase().next().unwrap_or(*character)))
        .collect()
}

/// The parts of a text (places among its characters) that only repeat what stands before them, more often than people
/// do: everything after the first occurrence. In order, apart.
pub fn loops(text: &[char]) -> Vec<Range<usize>> {
    // Punctuation and spaces come and go within a loop.
    let spoken = spoken(text);
    let mut loops = Vec::new();
    let mut at = 0;
    while at < spoken.len() {
        match repetition(&spoken[at..]) {
            Some((unit, times)) => {
                let first = at + unit;
                at += unit * times;
                // The text may have ended within the unit.
                let partial = spoken[at..].iter().zip(&spoken[at - unit..]).take_while(|(a, b)| a.1 == b.1).count();
                if at + partial == spoken.len() {
                    at = spoken.len();
                }
                let end = spoken.get(at).map_or(text.len(), |(place, _)| *place);
                loops.push(spoken[first].0..end);
            }
            None => at += 1,
        }
    }
    loops
}

/// The second half of a text that is one text written twice, long enough that people do not say it so by habit.
pub fn doubled(text: &[char]) -> Option<Range<usize>> {
    let spoken = spoken(text);
    let (first, second) = spoken.split_at(spoken.len() / 2);
    let least = if first.iter().any(|(_, c)| is_ideograph(*c)) { DOUBLED_IDEOGRAPHS } else { DOUBLED_LETTERS };
    let is_same = first.len() == second.len() && first.iter().zip(second).all(|(a, b)| a.1 == b.1);
    let is_number = first.iter().all(|(_, character)| character.is_numeric());
    (is_same && first.len() >= least && !is_number).then(|| second[0].0..text.len())
}

/// The parts at a text's beginning and end that are read from a `line` which nobody knows but the decoder: its beginning
/// at the text's end (the model goes on to read it until the clip is over), its end or all of it at the text's beginning.
pub fn echoes_at_ends(text: &[char], line: &str) -> Vec<Range<usize>> {
    let line: Vec<char> = normalised(line, false).chars().collect();
    let spoken = spoken(text);
    let values: Vec<char> = spoken.iter().map(|(_, value)| *value).collect();
    let most = line.len().min(values.len());
    let leading = (LINE_CHARACTERS..=most)
        .rev()
        .find(|&length| line.ends_with(&values[..length]) || line.starts_with(&values[..length]))
        .unwrap_or(0);
    let rest = &values[leading..];
    let is_behind_pause = |length: usize| {
        let first = spoken[values.len() - length].0;
        first.checked_sub(1).is_none_or(|before| !text[before].is_alphanumeric())
    };
    let trailing = (1..=line.len().min(rest.len()))
        .rev()
        .find(|&length| {
            let end = &rest[rest.len() - length..];
            // One character may be a word of its own, but not the whole of what was said.
            let is_enough = length >= LINE_CHARACTERS || (is_behind_pause(length) && length < values.len());
            (is_enough && line.starts_with(end)) || (length >= LINE_CHARACTERS && line.ends_with(end))
        })
        .unwrap_or(0);
    let mut echoes = Vec::new();
    if leading > 0 {
        echoes.push(0..spoken.get(leading).map_or(text.len(), |(place, _)| *place));
    }
    if trailing > 0 {
        echoes.push(spoken[values.len() - trailing].0..text.len());
    }
    echoes
}

/// The shortest unit that the text begins with and that follows itself too often: its length and how often it is
/// there in all.
fn repetition(spoken: &[(usize, char)]) -> Option<(usize, usize)> {
    let longest = REPETITIONS.iter().map(|(unit, _)| *unit).max().unwrap_or(0);
    (1..=longest.min(spoken.len() / 2)).find_map(|unit| {
        let same = spoken.iter().zip(&spoken[unit..]).take_while(|(a, b)| a.1 == b.1).count();
        let times = 1 + same / unit;
        let most = REPETITIONS.iter().find(|(longest, _)| unit <= *longest).map(|(_, most)| *most)?;
        let is_number = spoken[..unit].iter().all(|(_, character)| character.is_numeric());
        (times > most && !(is_number && unit * times <= LONGEST_NUMBER)).then_some((unit, times))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_loops(text: &str) -> String {
        let characters: Vec<char> = text.chars().collect();
        let loops = loops(&characters);
        characters
            .iter()
            .enumerate()
            .filter(|(at, _)| !loops.iter().any(|part| part.contains(at)))
            .map(|(_, character)| *character)
            .collect()
    }

    #[test]
    fn loops_are_cut_to_their_first_occurrence_and_what_people_repeat_stays() {
        let cases = [
            ("我要要要要要要要要要要要要", "我要"),
            ("好的，要要要要要要要要要，再见", "好的，要再见"),
            ("谢谢观看谢谢观看谢谢观看谢谢观看谢谢观看", "谢谢观看"),
            ("是的。是的。是的。是的。是的。是的。是的。", "是的。"),
            ("the plan the plan the plan the plan the plan the plan is new", "the plan is new"),
            (
                "I will call you back tomorrow. I will call you back tomorrow. I will call you back tomorrow.",
                "I will call you back tomorrow. ",
            ),
            ("对对对对对", "对对对对对"),
            ("No, no, no, no!", "No, no, no, no!"),
            ("好的好的好的", "好的好的好的"),
            ("哈哈哈哈哈哈", "哈哈哈哈哈哈"),
            ("卡号是 8888 8888 8888 8888", "卡号是 8888 8888 8888 8888"),
            ("10000000000", "10000000000"),
            ("Thank you. Thank you. Thank you.", "Thank you. Thank you. Thank you."),
            ("That's right. That's right. That's right. That's right. That's right. That", "That's right. "),
            ("是我。是我。是我。是我。是我。是我是我", "是我。"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(without_loops(text), expected, "{text}");
        }
    }

    #[test]
    fn text_that_nobody_said_is_told_by_the_models_own_doubt_and_by_stock_phrases() {
        let cases = [
            ("you", 0.85, -1.3, true),
            ("我们的产品很好", 0.7, -1.2, true),
            ("我们的产品很好", 0.7, -0.3, false),
            ("我们的产品很好", 0.1, -1.5, false),
            ("Thank you for watching!", 0.5, -0.4, true),
            ("Thank you.", 0.02, -0.2, false),
            ("谢谢观看", 0.1, -0.9, true),
            ("字幕由某某提供", 0.5, -0.5, true),
            ("谢谢您的来电", 0.5, -0.5, false),
            ("You are welcome.", 0.5, -0.9, false),
        ];
        for (text, no_speech, log_probability, expected) in cases {
            assert_eq!(is_invented(text, no_speech, log_probability), expected, "{text} {no_speech} {log_probability}");
        }
    }

    #[test]
    fn no_text_is_longer_than_its_clip_has_time_for() {
        let cases = [
            ("这一句话,这一句", 50, false),
            ("这一句话,这一句", 1000, true),
            ("Thank you for watching", 100, false),
            ("Thank you for watching", 1200, true),
            ("you", 50, true),
            ("", 0, true),
            ("34692", 1000, true),
            ("1380013800013800138000", 2500, true),
            ("2000000", 400, true),
            ("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20", 2500, false),
        ];
        for (text, length_ms, expected) in cases {
            assert_eq!(is_speakable(text, length_ms), expected, "{text} {length_ms}");
        }
    }

    #[test]
    fn digits_take_as_long_as_syllables() {
        let digits: String = (0..110_u32).map(|at| char::from_digit(1 + at * 7 % 9, 10).unwrap()).collect();
        assert!(!is_speakable(&digits, 8000));
        assert!(is_speakable(&digits, 30_000));
    }

    fn without(text: &str, parts: &[Range<usize>]) -> String {
        let kept = text.chars().enumerate().filter(|(at, _)| !parts.iter().any(|part| part.contains(at)));
        kept.map(|(_, character)| character).collect()
    }

    #[test]
    fn the_second_half_of_a_text_written_twice_is_found_and_what_people_say_twice_is_none() {
        let cases = [
            ("可以免费办理。可以免费办理。", "可以免费办理。"),
            ("没有了，没有了", "没有了，"),
            ("That's right. That's right", "That's right. "),
            ("对对", "对对"),
            ("No, no.", "No, no."),
            ("6868", "6868"),
            ("可以免费办理。", "可以免费办理。"),
            ("", ""),
        ];
        for (text, expected) in cases {
            let characters: Vec<char> = text.chars().collect();
            let part: Vec<_> = doubled(&characters).into_iter().collect();
            assert_eq!(without(text, &part), expected, "{text}");
        }
    }

    #[test]
    fn a_text_is_hurried_where_fast_speakers_need_longer() {
        let cases = [
            ("可以免费办理。可以免费办理。", 1150, true),
            ("可以免费办理。", 1150, false),
            ("好的好的", 600, false),
            ("That's right. That's right.", 760, true),
            ("That's right.", 760, false),
        ];
        for (text, spoken_ms, expected) in cases {
            assert_eq!(is_hurried(text, spoken_ms), expected, "{text} {spoken_ms}");
        }
    }

    #[test]
    fn the_decoders_own_line_is_cut_from_the_ends_of_a_text_and_what_was_said_stays() {
        let cases = [
            ("你好 以", "你好 "),
            ("喂，以下", "喂，"),
            ("您好以下是普通话", "您好"),
            ("您好。以下是普通话的句子。", "您好。"),
            ("以下是普通话的句子，您好", "您好"),
            ("普通话的句子。您好", "您好"),
            ("以下是普通话的句子。", ""),
            ("以下是普通话", ""),
            ("可以", "可以"),
            ("以", "以"),
            ("我会说普通话", "我会说普通话"),
            ("以下是三个问题", "以下是三个问题"),
            ("That is right", "That is right"),
            ("", ""),
        ];
        for (text, expected) in cases {
            let characters: Vec<char> = text.chars().collect();
            assert_eq!(without(text, &echoes_at_ends(&characters, "以下是普通话的句子。")), expected, "{text}");
        }
    }

    #[test]
    fn a_clip_that_says_only_what_the_decoder_was_told_is_an_echo() {
        let told = ["以下是普通话的句子。", "ComfyUI, Northwind Wealth, Laura Harris.", "好的，请问您贵姓？"]
            .map(str::to_owned);
        let cases = [
            ("以下是普通话的句子", true),
            ("Northwind Wealth, Laura", true),
            ("好的请问您贵姓", true),
            ("Laura", false),
            ("好的", false),
            ("Thank you for calling Northwind Wealth.", false),
            ("以下是普通话的句子，您好", false),
            ("", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_echo(text, &told), expected, "{text}");
        }
    }
}
