//! The files of a recording that is offered as a list of them.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use earmark_core::{Part, RecordingUri, Speaker};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::OfferError;
use crate::limits::{MAX_OFFSET_MS, MAX_PARTS};
use crate::look::Look;
use crate::place::location;

/// A file of a recording, as a producer offers it. Read from JSON: its URI, or an object with `uri`, and if wanted
/// `offset_ms` and `speaker`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OfferedPart {
    /// Where it lies, as the `uri` of a recording that is one file.
    pub uri: RecordingUri,
    /// How much later than the recording it begins.
    pub offset_ms: u64,
    /// Who speaks on its channels.
    pub speaker: Option<String>,
    /// The absolute path that `uri` means, where its door has looked at this machine's disk: only the shell does.
    pub path: Option<PathBuf>,
    /// What the store calls its bytes, where its door knows that from a listing.
    pub version: Option<String>,
}

impl<'de> Deserialize<'de> for OfferedPart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// An object's fields.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            uri: RecordingUri,
            #[serde(default)]
            offset_ms: u64,
            speaker: Option<String>,
        }

        struct TextOrObject;

        impl<'de> Visitor<'de> for TextOrObject {
            type Value = OfferedPart;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a part: its URI, or an object with uri, and if wanted offset_ms and speaker")
            }

            fn visit_str<E>(self, uri: &str) -> Result<OfferedPart, E> {
                Ok(OfferedPart { uri: uri.into(), ..OfferedPart::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OfferedPart, A::Error> {
                let Fields { uri, offset_ms, speaker } = Fields::deserialize(MapAccessDeserializer::new(map))?;
                Ok(OfferedPart { uri, offset_ms, speaker, ..OfferedPart::default() })
            }
        }

        deserializer.deserialize_any(TextOrObject)
    }
}

/// The parts that `offered` are, in order; `look` is asked for the version of each one's bytes unless that is known.
///
/// # Errors
/// [`OfferError::Parts`], [`OfferError::Offset`], [`OfferError::Speakers`], [`OfferError::OutOfReach`], and what is wrong with an address.
pub(crate) fn parts(offered: Vec<OfferedPart>, look: &Look) -> Result<Vec<Part>, OfferError> {
    if offered.len() > MAX_PARTS {
        return Err(OfferError::Parts(format!("has {} files, the limit is {MAX_PARTS}", offered.len())));
    }
    let parts: Vec<Part> = offered.into_iter().map(|part| one(part, look)).collect::<Result<_, _>>()?;
    let mut seen = HashSet::new();
    if let Some(twice) = parts.iter().find(|part| !seen.insert(part.location.recording())) {
        return Err(OfferError::Parts(format!("names {} twice", twice.uri)));
    }
    Ok(parts)
}

fn one(part: OfferedPart, look: &Look) -> Result<Part, OfferError> {
    let location = location(&part.uri, part.path.as_deref())?;
    if part.offset_ms > MAX_OFFSET_MS {
        return Err(OfferError::Offset { uri: part.uri, offset_ms: part.offset_ms });
    }
    let speaker = part.speaker.as_deref().map(Speaker::parse).transpose()?;
    let version = look.version(&part.uri, &location, part.version)?;
    Ok(Part { uri: part.uri, location, version, offset_ms: part.offset_ms, speaker })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_its_uri_or_an_object_and_what_is_neither_says_what_is_wrong() {
        let read = |text: &str| serde_json::from_str::<OfferedPart>(text).map_err(|error| error.to_string());
        assert_eq!(read("\"/a.wav\""), Ok(OfferedPart { uri: "/a.wav".into(), ..OfferedPart::default() }));
        let whole = OfferedPart {
            uri: "/a.wav".into(),
            offset_ms: 120,
            speaker: Some("agent".into()),
            ..OfferedPart::default()
        };
        assert_eq!(read(r#"{"uri": "/a.wav", "offset_ms": 120, "speaker": "agent"}"#), Ok(whole));
        for (text, part) in [
            ("7", "a part: its URI, or an object"),
            (r#"{"offset_ms": 7}"#, "missing field `uri`"),
            (r#"{"uri": "/a.wav", "ofset_ms": 7}"#, "unknown field `ofset_ms`"),
            (r#"{"uri": "/a.wav", "offset_ms": -1}"#, "-1"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
