//! How conditions are written: a word, a list of words, or fields of which one names what is asked.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::Spanned;

use super::place::Texts;
use super::term::{EnglishText, HomophonesText, NormaliseText, TermText};
use super::within::WithinText;

/// A condition with its place.
pub type Child = Spanned<ConditionText>;
/// A list of conditions with the place of each.
pub type Children = Spanned<Vec<Child>>;

/// A condition in one of its three forms.
#[derive(Debug)]
pub enum ConditionText {
    /// `退款`: a word that is said.
    Word(String),
    /// `[退款, 退钱]`: one of these words is said.
    Words(Vec<Spanned<String>>),
    /// Fields, of which one names what is asked.
    Fields(Box<ConditionFields>),
}

with_words!(
    /// The fields of a condition: one that names what is asked, and what goes with it.
    ConditionFields {} {
        said: Texts,
        speaker: Spanned<String>,
        within: Spanned<WithinText>,
        all: Children,
        any: Children,
        none: Children,
        at_least: Spanned<AtLeastText>,
        near: Spanned<RowText>,
        before: Spanned<BesideText>,
        after: Spanned<BesideText>,
        between: Spanned<BetweenText>,
        sequence: Spanned<RowText>,
        count: Spanned<CountText>,
        repeated: Spanned<RepeatedText>,
        unanswered: Spanned<UnansweredText>,
        missing: Spanned<MissingText>,
        silence: Spanned<SilenceText>,
        talk_share: Spanned<TalkShareText>,
        overlap: Spanned<OverlapText>,
        interruption: Spanned<InterruptionText>,
        speech_rate: Spanned<SpeechRateText>,
        energy: Spanned<EnergyText>,
        duration: Spanned<DurationText>,
        abrupt_end: Spanned<AbruptEndText>,
        metadata: Spanned<BTreeMap<String, Spanned<Value>>>,
        tenant: Spanned<Value>,
        lane: Spanned<Value>,
        queue: Spanned<Value>,
        agent: Spanned<Value>,
        language: Spanned<Value>,
    }
);

/// `secs`, `words` or `turns`.
#[derive(Debug, Default)]
pub struct DistanceText {
    pub secs: Option<Spanned<f64>>,
    pub words: Option<Spanned<u32>>,
    pub turns: Option<Spanned<u32>>,
}

with_distance!(
    /// The fields of `near` and of `sequence`.
    RowText { of: Children } {}
);
with_distance!(
    /// The fields of `before` and of `after`.
    BesideText { find: Child, anchor: Child } {}
);
with_distance!(
    /// The fields of `between`.
    BetweenText { find: Child, from: Child, to: Child } {}
);
with_distance!(
    /// The fields of `count`.
    CountText { of: Child, at_least: Spanned<u32> } {}
);
with_distance!(
    /// The fields of `repeated`.
    RepeatedText { of: Child, times: Spanned<u32> } {}
);
with_distance!(
    /// The fields of `unanswered`.
    UnansweredText { question: Child } { answer: Child, by: Spanned<String> }
);
fields!(AtLeastText { n: Spanned<u32>, of: Children } {});
fields!(MissingText { of: Child } { within: Spanned<WithinText> });
fields!(SilenceText { longer_than_secs: Spanned<f64> } { after: Spanned<String> });
fields!(
    TalkShareText { speaker: Spanned<String> } { more_than_percent: Spanned<f64>, less_than_percent: Spanned<f64> }
);
fields!(OverlapText {} { longer_than_secs: Spanned<f64>, more_than_percent: Spanned<f64> });
fields!(InterruptionText { by: Spanned<String> } { at_least: Spanned<u32>, longer_than_secs: Spanned<f64> });
fields!(
    SpeechRateText {} {
        speaker: Spanned<String>,
        more_than_per_min: Spanned<f64>,
        less_than_per_min: Spanned<f64>,
    }
);
fields!(
    EnergyText {} {
        speaker: Spanned<String>,
        louder_than_dbfs: Spanned<f64>,
        quieter_than_dbfs: Spanned<f64>,
        rise_db: Spanned<f64>,
    }
);
fields!(DurationText {} { longer_than_secs: Spanned<f64>, shorter_than_secs: Spanned<f64> });
fields!(AbruptEndText {} { within_secs: Spanned<f64>, by: Spanned<String>, closing: Child });

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
