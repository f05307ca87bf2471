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
/// are always possible, for recognisers write out numbers and abbreviations.
const FASTEST_IDEOGRAPH_MS: f32 = 80.0;
const FASTEST_LETTER_MS: f32 = 28.0;
const SPEECH_SLACK_MS: f32 = 200.0;

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
    let needed_ms: f32 = text
        .chars()
        .filter(|character| character.is_alphanumeric())
        .map(|character| if is_ideograph(character) { FASTEST_IDEOGRAPH_MS } else { FASTEST_LETTER_MS })
        .sum();
    #[expect(clippy::as_conversions, reason = "exact below four hours, and no clip is as long")]
    let length_ms = length_ms as f32;
    needed_ms <= length_ms + SPEECH_SLACK_MS
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

/// The parts of a text (places among its characters) that only repeat what stands before them, more often than people
/// do: everything after the first occurrence. In order, apart.
pub fn loops(text: &[char]) -> Vec<Range<usize>> {
    // Punctuation and spaces come and go within a loop.
    let spoken: Vec<(usize, char)> = text
        .iter()
        .enumerate()
        .filter(|(_, character)| character.is_alphanumeric())
        .map(|(at, character)| (at, character.to_lowercase().next().unwrap_or(*character)))
        .collect();
    let mut loops = Vec::new();
    let mut at = 0;
    while at < spoken.len() {
        match repetition(&spoken[at..]) {
            Some((unit, times)) => {
                let first = at + unit;
                at += unit * times;
                let end = spoken.get(at).map_or(text.len(), |(place, _)| *place);
                loops.push(spoken[first].0..end);
            }
            None => at += 1,
        }
    }
    loops
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
        ];
        for (text, length_ms, expected) in cases {
            assert_eq!(is_speakable(text, length_ms), expected, "{text} {length_ms}");
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
