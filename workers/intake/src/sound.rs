//! How headerless sound is written down, as a producer says it.

use earmark_core::{RawSound, SoundError};
use serde::Deserialize;

/// Headerless sound: a text, or its parts by name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "sound is {\"encoding\": …, \"rate_hz\": …, \"channels\": …}, or a text such as \"pcm_s16le:8000:2\""
)]
pub enum OfferedSound {
    /// `"pcm_s16le:8000:2"`.
    Text(String),
    /// `{"encoding": "pcm_s16le", "rate_hz": 8000, "channels": 2}`.
    Parts(SoundParts),
}

/// Headerless sound, part by part.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoundParts {
    encoding: String,
    rate_hz: Option<u64>,
    channels: Option<u64>,
}

impl OfferedSound {
    /// What is meant.
    ///
    /// # Errors
    /// [`SoundError`], every variant.
    pub(crate) fn checked(self) -> Result<RawSound, SoundError> {
        match self {
            Self::Text(text) => text.parse(),
            Self::Parts(parts) => RawSound::new(&parts.encoding, parts.rate_hz, parts.channels),
        }
    }
}

/// A text that is an object in JSON has its parts: fields of a stream have no other form for them.
impl From<&str> for OfferedSound {
    fn from(text: &str) -> Self {
        let parts = text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten();
        parts.map_or_else(|| Self::Text(text.into()), Self::Parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_and_its_parts_mean_the_same_sound() {
        let json = |text: &str| serde_json::from_str::<OfferedSound>(text).expect(text);
        for (offered, expected) in [
            (OfferedSound::from("pcm_s16le:8000:2"), Ok("pcm_s16le:8000:2")),
            (json(r#""pcm_s16le:8000:2""#), Ok("pcm_s16le:8000:2")),
            (json(r#"{"encoding": "pcm_s16le", "rate_hz": 8000, "channels": 2}"#), Ok("pcm_s16le:8000:2")),
            (
                OfferedSound::from(r#"{"encoding": "pcm_s16le", "rate_hz": 8000, "channels": 2}"#),
                Ok("pcm_s16le:8000:2"),
            ),
            (json(r#"{"encoding": "pcm_alaw"}"#), Ok("pcm_alaw")),
            (json(r#"{"encoding": "pcm_alaw", "rate_hz": null}"#), Ok("pcm_alaw")),
            (json(r#"{"encoding": "wav"}"#), Err("use one of pcm_s16le, pcm_s16be")),
            (json(r#"{"encoding": "pcm_alaw", "rate_hz": 0}"#), Err("4000 to 384000 Hz")),
            (json(r#"{"encoding": "pcm_alaw", "channels": 17}"#), Err("1 to 16")),
            (OfferedSound::from("pcm_alaw:8000:2:1"), Err("does not say how")),
            (OfferedSound::from("{\"encoding\": 7}"), Err("does not say how")),
        ] {
            match (offered.clone().checked(), expected) {
                (Ok(sound), Ok(text)) => assert_eq!(sound.to_string(), text, "{offered:?}"),
                (Err(error), Err(reason)) => assert!(error.to_string().contains(reason), "{offered:?}: {error}"),
                (other, _) => panic!("{offered:?}: {other:?}"),
            }
        }
        for text in [
            "7",
            "[]",
            "{}",
            r#"{"encoding": "pcm_alaw", "rate": 8000}"#,
            r#"{"encoding": "pcm_alaw", "rate_hz": "8000"}"#,
        ] {
            let error = serde_json::from_str::<OfferedSound>(text).expect_err(text).to_string();
            assert!(error.contains("pcm_s16le:8000:2"), "{text}: {error}");
        }
    }
}
