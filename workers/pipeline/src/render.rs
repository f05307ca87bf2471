//! A report as text for people: transcript, subtitles.

mod cues;
mod line_breaks;

use std::fmt::Write as _;
use std::str::FromStr;

use earmark_core::{Report, Speaker, Utterance};

/// What a report can be exported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The report itself.
    Json,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles, speakers as voices.
    Vtt,
    /// Turns with time and speaker, a line each.
    Txt,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "srt" => Ok(Self::Srt),
            "vtt" => Ok(Self::Vtt),
            "txt" => Ok(Self::Txt),
            other => Err(format!("`{other}` is not a format; use one of json, srt, vtt, txt")),
        }
    }
}

impl Format {
    /// Every format.
    pub(crate) const ALL: [Self; 4] = [Self::Json, Self::Srt, Self::Vtt, Self::Txt];

    /// Name of the artifact.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Json => "report.json",
            Self::Srt => "transcript.srt",
            Self::Vtt => "transcript.vtt",
            Self::Txt => "transcript.txt",
        }
    }

    /// For HTTP.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Srt => "application/x-subrip; charset=utf-8",
            Self::Vtt => "text/vtt; charset=utf-8",
            Self::Txt => "text/plain; charset=utf-8",
        }
    }

    /// `report` in this format; ends with a line break unless it is empty.
    pub fn render(self, report: &Report) -> String {
        match self {
            Self::Json => {
                let mut text = serde_json::to_string_pretty(report).expect("a report has text keys and finite numbers");
                text.push('\n');
                text
            }
            Self::Srt => srt(&report.utterances, report.recording.channels > 1),
            Self::Vtt => vtt(&report.utterances, true),
            Self::Txt => txt(&report.utterances),
        }
    }
}

/// Columns that a speaker's name takes in a line of subtitles, at most: the text needs the rest.
const NAME_COLUMNS: usize = 18;

/// A line for each utterance that has words, with the speaker's name; the hours go beyond 99.
fn txt(utterances: &[Utterance]) -> String {
    let mut text = String::new();
    for utterance in utterances {
        let said = cues::single_line(&utterance.text);
        if !said.trim().is_empty() {
            let _ = writeln!(text, "[{}] {}: {}", clock(utterance.start_ms, '.'), utterance.speaker.0, said.trim());
        }
    }
    text
}

/// `utterances` as SubRip subtitles. With `names_speakers` the speaker is named where an utterance begins and wherever the
/// cue before is another speaker's.
pub fn srt(utterances: &[Utterance], names_speakers: bool) -> String {
    let mut text = String::new();
    let name_columns = |speaker: &Speaker| if names_speakers { line_breaks::columns(&label(speaker), true) } else { 0 };
    for (number, cue) in (1..).zip(cues::cues(utterances, name_columns)) {
        let _ = writeln!(text, "{number}\n{} --> {}", clock(cue.start_ms, ','), clock(cue.end_ms, ','));
        let mut lines = cue.lines;
        if cue.opens_turn
            && names_speakers
            && let Some(first) = lines.first_mut()
        {
            // The name must not turn the line's direction, which players take from its first letter.
            let direction = if line_breaks::is_right_to_left(first) { "\u{200f}" } else { "" };
            *first = format!("{direction}{}{first}", label(&cue.speaker)).trim_end().to_owned();
        }
        let _ = writeln!(text, "{}\n", lines.join("\n"));
    }
    text
}

/// `utterances` as WebVTT subtitles, speakers as voices where they are to be named: in every cue.
pub fn vtt(utterances: &[Utterance], names_speakers: bool) -> String {
    let mut text = String::from("WEBVTT\n\n");
    for cue in cues::cues(utterances, |_| 0) {
        let _ = writeln!(text, "{} --> {}", clock(cue.start_ms, '.'), clock(cue.end_ms, '.'));
        let lines: Vec<String> = cue.lines.iter().map(|line| escaped(line)).collect();
        let name = cues::single_line(&cue.speaker.0);
        let voice = if names_speakers { format!("<v {}>", escaped(&name)) } else { String::new() };
        let _ = writeln!(text, "{voice}{}\n", lines.join("\n"));
    }
    text
}

/// The speaker's name before a line, with the space behind it.
fn label(speaker: &Speaker) -> String {
    let name = cues::single_line(&speaker.0);
    let short = line_breaks::beginning(name.trim(), NAME_COLUMNS);
    let rest = if short.len() < name.trim().len() { "…" } else { "" };
    format!("[{short}{rest}] ")
}

/// WebVTT gives these a meaning; `-->` inside a cue would end it.
fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `hh:mm:ss` with milliseconds behind `mark`.
fn clock(ms: u64, mark: char) -> String {
    format!("{:02}:{:02}:{:02}{mark}{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use earmark_core::TimePrecision;

    fn utterance(speaker: &str, start_ms: u64, text: &str) -> Utterance {
        Utterance {
            id: 0,
            channel: 0,
            speaker: Speaker(speaker.into()),
            start_ms,
            end_ms: start_ms + 1000,
            time_precision: TimePrecision::Segment,
            language: None,
            text: text.into(),
            words: Vec::new(),
        }
    }

    #[test]
    fn every_utterance_with_words_has_one_line_of_its_own_in_the_text() {
        let utterances = [
            utterance("agent", 0, "one\r\ntwo\u{2028}three\n"),
            utterance("agent", 1000, " \r\n"),
            utterance("customer", 2000, "?!"),
            utterance("agent", 360_000_000, "שלום"),
        ];
        assert_eq!(
            txt(&utterances),
            "[00:00:00.000] agent: one  two three\n[00:00:02.000] customer: ?!\n[100:00:00.000] agent: שלום\n"
        );
    }

    #[test]
    fn a_name_leaves_room_for_the_text() {
        for (name, label_before) in [
            ("agent", "[agent] "),
            ("line\nbreak", "[line break] "),
            ("the longest name that anybody has", "[the longest name t…] "),
            ("一二三四五六七八九十一", "[一二三四五六七八九…] "),
        ] {
            assert_eq!(label(&Speaker(name.into())), label_before);
        }
    }

    #[test]
    fn a_name_does_not_turn_the_direction_of_what_is_written_from_right_to_left() {
        for (text, line) in [("שלום.", "\u{200f}[agent] שלום."), ("salam.", "[agent] salam."), ("...", "[agent] ...")]
        {
            assert_eq!(srt(&[utterance("agent", 0, text)], true).lines().nth(2), Some(line));
        }
    }
}
