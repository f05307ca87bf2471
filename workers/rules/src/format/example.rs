//! How examples are written: one utterance, the turns of a dialogue, or a dialogue and what is known of the recording.

use std::collections::BTreeMap;
use std::fmt;

use earmark_core::Lane;
use serde::de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// An example.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExampleText {
    /// In order.
    pub(crate) turns: Vec<Turn>,
    pub(crate) recording: RecordingText,
}

/// What is known of the recording of an example.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RecordingText {
    pub(crate) metadata: Option<Map<String, Value>>,
    pub(crate) lane: Option<Lane>,
    pub(crate) tenant: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) duration_ms: Option<u64>,
}

/// Who said what in an example.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Turn {
    /// None: the rule's speaker.
    pub(crate) speaker: Option<String>,
    pub(crate) text: String,
    /// When it begins.
    pub(crate) at_ms: Option<u64>,
    /// How long nobody speaks before it.
    pub(crate) pause_ms: Option<u64>,
    /// How long it takes.
    pub(crate) lasts_ms: Option<u64>,
    /// How loud it is.
    pub(crate) dbfs: Option<f32>,
}

const TURN: &str = "a turn is one speaker and what was said: `- agent: …`, and if need be `at`, `pause_secs`, \
                    `lasts_secs` or `dbfs`";

impl Turn {
    fn of(text: &str) -> Self {
        Self { speaker: None, text: text.into(), at_ms: None, pause_ms: None, lasts_ms: None, dbfs: None }
    }

    /// The turn that the fields of a map give, or what is wrong with them.
    fn read(fields: BTreeMap<String, String>) -> Result<Self, String> {
        let mut turn = Self::of("");
        let wrong = |field: &str, value: &str| format!("`{field}: {value}` is no time; write `0:05`, or seconds");
        for (field, value) in fields {
            match field.as_str() {
                "at" => turn.at_ms = Some(clock_ms(&value).ok_or_else(|| wrong("at", &value))?),
                "pause_secs" => turn.pause_ms = Some(secs_ms(&value).ok_or_else(|| wrong("pause_secs", &value))?),
                "lasts_secs" => turn.lasts_ms = Some(secs_ms(&value).ok_or_else(|| wrong("lasts_secs", &value))?),
                "dbfs" => turn.dbfs = Some(value.parse().map_err(|_| wrong("dbfs", &value))?),
                _ if turn.speaker.is_some() => return Err(TURN.into()),
                _ => (turn.speaker, turn.text) = (Some(field), value),
            }
        }
        if turn.speaker.is_none() { Err(TURN.into()) } else { Ok(turn) }
    }
}

impl ExampleText {
    /// Whether nothing is said in it.
    pub(crate) fn is_empty(&self) -> bool {
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
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range by the line before")]
    (0.0..=31_536_000.0).contains(&secs).then(|| (secs * 1000.0).round() as u64)
}

fn turns<E: de::Error>(written: Vec<BTreeMap<String, String>>) -> Result<Vec<Turn>, E> {
    written.into_iter().map(|fields| Turn::read(fields).map_err(E::custom)).collect()
}

/// The long form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Long {
    text: Option<String>,
    dialogue: Option<Vec<BTreeMap<String, String>>>,
    metadata: Option<Map<String, Value>>,
    lane: Option<Lane>,
    tenant: Option<String>,
    language: Option<String>,
    duration_secs: Option<f64>,
}

impl Long {
    fn read<E: de::Error>(self) -> Result<ExampleText, E> {
        let turns = match (self.text, self.dialogue) {
            (Some(text), None) => vec![Turn::of(&text)],
            (None, Some(dialogue)) => turns(dialogue)?,
            _ => return Err(E::custom("an example has either `text` or `dialogue`")),
        };
        let duration_ms = self.duration_secs.and_then(|secs| secs_ms(&secs.to_string()));
        let Self { metadata, lane, tenant, language, .. } = self;
        Ok(ExampleText { turns, recording: RecordingText { metadata, lane, tenant, language, duration_ms } })
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
                Ok(ExampleText { turns: vec![Turn::of(text)], recording: RecordingText::default() })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut written = Vec::new();
                while let Some(turn) = list.next_element()? {
                    written.push(turn);
                }
                Ok(ExampleText { turns: turns(written)?, recording: RecordingText::default() })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Long::deserialize(MapAccessDeserializer::new(map))?.read()
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
