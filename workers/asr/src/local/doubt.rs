//! What a recogniser says without having heard it: loops, stock phrases on silence, its prompt read back.

use std::ops::Range;

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
/// A prompt read back has at least this many characters in a row of it.
const ECHO_CHARACTERS: usize = 9;

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
pub(super) fn is_invented(text: &str, no_speech: f32, log_probability: f32) -> bool {
    if no_speech > NO_SPEECH_PROBABILITY && log_probability < NO_SPEECH_LOG_PROBABILITY {
        return true;
    }
    let is_doubtful = no_speech > STOCK_NO_SPEECH_PROBABILITY || log_probability < STOCK_LOG_PROBABILITY;
    is_doubtful && is_stock(text)
}

fn is_stock(text: &str) -> bool {
    let letters = plain(text, true);
    STOCK_PHRASES.iter().any(|phrase| letters == *phrase)
        || STOCK_BEGINNINGS.iter().any(|beginning| letters.starts_with(beginning))
}

/// Whether a clip's whole text is a part of what the decoder was told beforehand.
pub(super) fn is_echo(text: &str, told: &[String]) -> bool {
    let text = plain(text, false);
    text.chars().count() >= ECHO_CHARACTERS && told.iter().any(|told| plain(told, false).contains(&text))
        || told.iter().any(|told| plain(told, false) == text && !text.is_empty())
}

/// Lower case, letters and digits only; `spaced` keeps one space between words.
fn plain(text: &str, spaced: bool) -> String {
    let mut plain = String::new();
    for part in text.split(|character: char| !character.is_alphanumeric()).filter(|part| !part.is_empty()) {
        if spaced && !plain.is_empty() {
            plain.push(' ');
        }
        plain.extend(part.chars().flat_map(char::to_lowercase));
    }
    plain
}

/// The parts of a text (places among its characters) that only repeat what stands before them, more often than people
/// do: everything after the first occurrence. In order, apart.
pub(super) fn loops(text: &[char]) -> Vec<Range<usize>> {
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

/// Digits of an account number, which may all be the same.
const LONGEST_NUMBER: usize = 20;
