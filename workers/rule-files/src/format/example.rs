//! How examples are written: one utterance, the turns of a dialogue, or a dialogue and what is known of the recording.

use std::collections::BTreeMap;
use std::fmt;

use earmark_core::Lane;
use serde::de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::limits::Limits;
use crate::error::{RuleProblem, shown};

/// An example of what a rule finds, or must not find.
#[derive(Debug, Clone, PartialEq)]
pub struct ExampleText {
    /// What is said, in order.
    pub turns: Vec<Turn>,
    pub recording: RecordingText,
    /// What is wrong with it; then the rest says nothing.
    pub mistake: Option<RuleProblem>,
}

/// What is known of the recording of an example.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordingText {
    pub metadata: Option<Map<String, Value>>,
    pub lane: Option<Lane>,
    pub tenant: Option<String>,
    pub language: Option<String>,
    pub duration_ms: Option<u64>,
}

/// Who said what in an example.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// None: the rule's speaker.
    pub speaker: Option<String>,
    pub text: String,
    /// When it begins, in milliseconds from the recording's start; none: behind the turn before.
    pub at_ms: Option<u64>,
    /// How long nobody speaks before it, in milliseconds; none: as long as no sentence goes on over.
    pub pause_ms: Option<u64>,
    /// How long it takes, in milliseconds; none: as long as its text takes to say.
    pub lasts_ms: Option<u64>,
    /// How loud it is; none: not known.
    pub dbfs: Option<f32>,
}

impl Turn {
    fn of(text: &str) -> Self {
        Self { speaker: None, text: text.into(), at_ms: None, pause_ms: None, lasts_ms: None, dbfs: None }
    }

    /// The turn that the fields of a map give, or what is wrong with them.
    fn read(fields: BTreeMap<String, String>) -> Result<Self, RuleProblem> {
        let mut turn = Self::of("");
        for (field, value) in fields {
            let no_time = |value: String| RuleProblem::BadTime { field: field.clone(), value };
            match field.as_str() {
                "at" => turn.at_ms = Some(clock_ms(&value).ok_or_else(|| no_time(shown(&value)))?),
                "pause_secs" => turn.pause_ms = Some(secs_ms(&value).ok_or_else(|| no_time(shown(&value)))?),
                "lasts_secs" => turn.lasts_ms = Some(secs_ms(&value).ok_or_else(|| no_time(shown(&value)))?),
                "dbfs" => {
                    let limits = Limits::of("dbfs");
                    let level = value.parse().ok().filter(|level: &f32| limits.contain(f64::from(*level)));
                    let wrong = || RuleProblem::OutOfRange { field, value: shown(&value), limits: limits.to_string() };
                    turn.dbfs = Some(level.ok_or_else(wrong)?);
                }
                _ if turn.speaker.is_some() => return Err(RuleProblem::BadTurn),
                _ => (turn.speaker, turn.text) = (Some(field), value),
            }
        }
        if turn.speaker.is_none() { Err(RuleProblem::BadTurn) } else { Ok(turn) }
    }
}

impl ExampleText {
    /// Of these turns, or of what is wrong with them.
    fn of(turns: Result<Vec<Turn>, RuleProblem>, recording: RecordingText) -> Self {
        match turns {
            Ok(turns) => Self { turns, recording, mistake: None },
            Err(mistake) => Self { turns: Vec::new(), recording, mistake: Some(mistake) },
        }
    }

    /// Whether nothing is said in it.
    pub fn is_empty(&self) -> bool {
        self.turns.iter().all(|turn| turn.text.trim().is_empty())
    }
}

/// `1:05`, `0:01:05` or `65.5` in milliseconds.
fn clock_ms(text: &str) -> Option<u64> {
    let mut parts: Vec<&str> = text.trim().split(':').collect();
    let secs = secs_ms(parts.pop()?)?;
    let mut minutes: u64 = 0;
    for part in parts {
        minutes = minutes.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    minutes.checked_mul(60_000)?.checked_add(secs)
}

/// Seconds up to a year, in milliseconds.
fn secs_ms(text: &str) -> Option<u64> {
    let secs: f64 = text.trim().parse().ok()?;
    #[expect(clippy::as_conversions, reason = "0 to a year in milliseconds, rounded")]
    (0.0..=31_536_000.0).contains(&secs).then(|| (secs * 1000.0).round() as u64)
}

fn turns(written: Vec<BTreeMap<String, String>>) -> Result<Vec<Turn>, RuleProblem> {
    written.into_iter().map(Turn::read).collect()
}

fields!(
    /// The long form: a text or a dialogue, and what is known of the recording.
    Long {} {
        text: String,
        dialogue: Vec<BTreeMap<String, String>>,
        metadata: Map<String, Value>,
        lane: Lane,
        tenant: String,
        language: String,
        duration_secs: f64,
    }
);

impl Long {
    fn read(self) -> ExampleText {
        let mut turns = match (self.text, self.dialogue) {
            (Some(text), None) => Ok(vec![Turn::of(&text)]),
            (None, Some(dialogue)) => turns(dialogue),
            _ => Err(RuleProblem::BadExample),
        };
        let duration = self.duration_secs.map(|secs| secs.to_string());
        let duration_ms = duration.as_deref().and_then(secs_ms);
        if let (Some(value), None) = (duration, duration_ms) {
            turns = Err(RuleProblem::BadTime { field: "duration_secs".into(), value: shown(&value) });
        }
        let Self { metadata, lane, tenant, language, .. } = self;
        ExampleText::of(turns, RecordingText { metadata, lane, tenant, language, duration_ms })
    }
}

impl<'de> Deserialize<'de> for ExampleText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = ExampleText;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a text (in quotes if it is a number), or a list of turns (`- agent: …`)")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(ExampleText::of(Ok(vec![Turn::of(text)]), RecordingText::default()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut written = Vec::new();
                while let Some(turn) = list.next_element()? {
                    written.push(turn);
                }
                Ok(ExampleText::of(turns(written), RecordingText::default()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Ok(Long::deserialize(MapAccessDeserializer::new(map))?.read())
            }
        }
        deserializer.deserialize_any(Forms)
    }
}

impl fmt::Display for ExampleText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.turns.iter().map(|turn| match &turn.speaker {
            None => turn.text.clone(),
            Some(speaker) => format!("{speaker}: {}", turn.text),
        });
        f.write_str(&shown.collect::<Vec<_>>().join(" / "))
    }
}
