//! How conditions are written: a word, a list of words, or fields of which one names what is asked.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::Spanned;

use super::WithinText;
use super::term::{EnglishText, HomophonesText, NormaliseText};

/// A list of texts with the place of each.
pub(crate) type Texts = Spanned<Vec<Spanned<String>>>;
/// A condition with its place.
pub(crate) type Child = Spanned<ConditionText>;
/// A list of conditions with the place of each.
pub(crate) type Children = Spanned<Vec<Child>>;

/// A condition.
#[derive(Debug)]
pub(crate) enum ConditionText {
    /// `退款`: a word that is said.
    Word(String),
    /// `[退款, 退钱]`: one of these words is said.
    Words(Vec<Spanned<String>>),
    /// Everything else.
    Fields(Box<ConditionFields>),
}

/// The fields of a condition: one that names what is asked, and what goes with it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConditionFields {
    pub(crate) words: Option<Texts>,
    pub(crate) words_from: Option<Texts>,
    pub(crate) said: Option<Texts>,
    pub(crate) except: Option<Texts>,
    pub(crate) except_from: Option<Texts>,
    pub(crate) patterns: Option<Texts>,
    pub(crate) homophones: Option<HomophonesText>,
    pub(crate) normalise: Option<NormaliseText>,
    pub(crate) english: Option<EnglishText>,
    pub(crate) speaker: Option<Spanned<String>>,
    pub(crate) within: Option<Spanned<WithinText>>,
    pub(crate) all: Option<Children>,
    pub(crate) any: Option<Children>,
    pub(crate) none: Option<Children>,
    pub(crate) at_least: Option<Spanned<AtLeastText>>,
    pub(crate) near: Option<Spanned<RowText>>,
    pub(crate) before: Option<Spanned<BesideText>>,
    pub(crate) after: Option<Spanned<BesideText>>,
    pub(crate) between: Option<Spanned<BetweenText>>,
    pub(crate) sequence: Option<Spanned<RowText>>,
    pub(crate) count: Option<Spanned<CountText>>,
    pub(crate) repeated: Option<Spanned<RepeatedText>>,
    pub(crate) unanswered: Option<Spanned<UnansweredText>>,
    pub(crate) missing: Option<Spanned<MissingText>>,
    pub(crate) silence: Option<Spanned<SilenceText>>,
    pub(crate) talk_share: Option<Spanned<TalkShareText>>,
    pub(crate) overlap: Option<Spanned<OverlapText>>,
    pub(crate) interruption: Option<Spanned<InterruptionText>>,
    pub(crate) speech_rate: Option<Spanned<SpeechRateText>>,
    pub(crate) energy: Option<Spanned<EnergyText>>,
    pub(crate) duration: Option<Spanned<DurationText>>,
    pub(crate) abrupt_end: Option<Spanned<AbruptEndText>>,
    pub(crate) metadata: Option<Spanned<BTreeMap<String, Spanned<Value>>>>,
    pub(crate) tenant: Option<Spanned<Value>>,
    pub(crate) lane: Option<Spanned<Value>>,
    pub(crate) queue: Option<Spanned<Value>>,
    pub(crate) agent: Option<Spanned<Value>>,
    pub(crate) language: Option<Spanned<Value>>,
}

/// `secs`, `words` or `turns`.
#[derive(Debug, Default)]
pub(crate) struct DistanceText {
    pub(crate) secs: Option<Spanned<f64>>,
    pub(crate) words: Option<Spanned<u32>>,
    pub(crate) turns: Option<Spanned<u32>>,
}

/// A struct of an operator with the three ways to write a distance beside its own fields.
macro_rules! with_distance {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $(pub(crate) $field: $kind,)*
            secs: Option<Spanned<f64>>,
            words: Option<Spanned<u32>>,
            turns: Option<Spanned<u32>>,
        }

        impl $name {
            /// Takes what is written of a distance.
            pub(crate) fn distance(&mut self) -> DistanceText {
                DistanceText { secs: self.secs.take(), words: self.words.take(), turns: self.turns.take() }
            }
        }
    };
}

with_distance!(
    /// Of `near` and `sequence`.
    RowText { of: Children }
);
with_distance!(
    /// Of `before` and `after`.
    BesideText { find: Child, anchor: Child }
);
with_distance!(
    /// Of `between`.
    BetweenText { find: Child, from: Child, to: Child }
);
with_distance!(
    /// Of `count`.
    CountText { of: Child, at_least: Spanned<u32> }
);
with_distance!(
    /// Of `repeated`.
    RepeatedText { of: Child, times: Spanned<u32> }
);
with_distance!(
    /// Of `unanswered`.
    UnansweredText { question: Child, answer: Option<Child>, by: Option<Spanned<String>> }
);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AtLeastText {
    pub(crate) n: Spanned<u32>,
    pub(crate) of: Children,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MissingText {
    pub(crate) of: Child,
    pub(crate) within: Option<Spanned<WithinText>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SilenceText {
    pub(crate) longer_than_secs: Spanned<f64>,
    pub(crate) after: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TalkShareText {
    pub(crate) speaker: Spanned<String>,
    pub(crate) more_than_percent: Option<Spanned<f64>>,
    pub(crate) less_than_percent: Option<Spanned<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OverlapText {
    pub(crate) longer_than_secs: Option<Spanned<f64>>,
    pub(crate) more_than_percent: Option<Spanned<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InterruptionText {
    pub(crate) by: Spanned<String>,
    pub(crate) at_least: Option<Spanned<u32>>,
    pub(crate) longer_than_secs: Option<Spanned<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpeechRateText {
    pub(crate) speaker: Option<Spanned<String>>,
    pub(crate) more_than_per_min: Option<Spanned<f64>>,
    pub(crate) less_than_per_min: Option<Spanned<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnergyText {
    pub(crate) speaker: Option<Spanned<String>>,
    pub(crate) louder_than_dbfs: Option<Spanned<f64>>,
    pub(crate) quieter_than_dbfs: Option<Spanned<f64>>,
    pub(crate) rise_db: Option<Spanned<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DurationText {
    pub(crate) longer_than_secs: Option<Spanned<f64>>,
    pub(crate) shorter_than_secs: Option<Spanned<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AbruptEndText {
    pub(crate) within_secs: Option<Spanned<f64>>,
    pub(crate) by: Option<Spanned<String>>,
    pub(crate) closing: Option<Child>,
}

impl<'de> Deserialize<'de> for ConditionText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = ConditionText;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a word (in quotes if it is a number), a list of words, or a condition (`all: …`)")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(ConditionText::Word(text.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = list.next_element::<Spanned<String>>()? {
                    words.push(word);
                }
                Ok(ConditionText::Words(words))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                ConditionFields::deserialize(MapAccessDeserializer::new(map))
                    .map(|fields| ConditionText::Fields(fields.into()))
            }
        }
        deserializer.deserialize_any(Forms)
    }
}
