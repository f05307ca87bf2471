//! A report as text for people: transcript, subtitles.

mod cues;

use std::fmt::Write as _;
use std::str::FromStr;

use earmark_core::{Report, Utterance};

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
            Self::Txt => txt(report),
        }
    }
}

fn txt(report: &Report) -> String {
    let mut text = String::new();
    for utterance in &report.utterances {
        let _ = writeln!(text, "[{}] {}: {}", clock(utterance.start_ms, '.'), utterance.speaker.0, utterance.text);
    }
    text
}

/// `utterances` as SubRip subtitles.
pub fn srt(utterances: &[Utterance], names_speakers: bool) -> String {
    let mut text = String::new();
    for (number, cue) in (1..).zip(cues::cues(utterances)) {
        let _ = writeln!(text, "{number}\n{} --> {}", clock(cue.start_ms, ','), clock(cue.end_ms, ','));
        for (i, line) in cue.lines.iter().enumerate() {
            let dash = if i == 0 && cue.opens_turn && names_speakers {
                format!("[{}] ", cue.speaker.0)
            } else {
                String::new()
            };
            let _ = writeln!(text, "{dash}{line}");
        }
        text.push('\n');
    }
    text
}

/// `utterances` as WebVTT subtitles, speakers as voices where they are to be named.
pub fn vtt(utterances: &[Utterance], names_speakers: bool) -> String {
    let mut text = String::from("WEBVTT\n\n");
    for cue in cues::cues(utterances) {
        let _ = writeln!(text, "{} --> {}", clock(cue.start_ms, '.'), clock(cue.end_ms, '.'));
        let lines: Vec<String> = cue.lines.iter().map(|line| escaped(line)).collect();
        let voice = if names_speakers { format!("<v {}>", escaped(&cue.speaker.0)) } else { String::new() };
        let _ = writeln!(text, "{voice}{}\n", lines.join("\n"));
    }
    text
}

/// WebVTT gives these a meaning; `-->` inside a cue would end it.
fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `hh:mm:ss` with milliseconds behind `mark`.
fn clock(ms: u64, mark: char) -> String {
    format!("{:02}:{:02}:{:02}{mark}{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}
