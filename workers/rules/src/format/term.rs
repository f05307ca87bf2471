//! How words and what counts as the same are written.

use std::fmt;

use earmark_core::Severity;
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::condition::Texts;

/// The words of a rule, or of one of its conditions.
#[derive(Debug, Default)]
pub(crate) struct TermText {
    pub(crate) words: Option<Texts>,
    /// Paths of list files.
    pub(crate) words_from: Option<Texts>,
    pub(crate) except: Option<Texts>,
    pub(crate) except_from: Option<Texts>,
    pub(crate) homophones: Option<HomophonesText>,
}

/// `true`, `false`, or the settings.
#[derive(Debug)]
pub(crate) enum HomophonesText {
    Switch(bool),
    Settings(HomophoneSettings),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HomophoneSettings {
    pub(crate) min_chars: Option<Spanned<u32>>,
    pub(crate) max_severity: Option<Severity>,
}

impl<'de> Deserialize<'de> for HomophonesText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Switch;
        impl<'de> Visitor<'de> for Switch {
            type Value = HomophonesText;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("`true`, `false`, or `min_chars` and `max_severity`")
            }
            fn visit_bool<E: de::Error>(self, is_on: bool) -> Result<Self::Value, E> {
                Ok(HomophonesText::Switch(is_on))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                HomophoneSettings::deserialize(MapAccessDeserializer::new(map)).map(HomophonesText::Settings)
            }
        }
        deserializer.deserialize_any(Switch)
    }
}
