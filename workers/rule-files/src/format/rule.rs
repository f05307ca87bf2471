//! How a rule is written, and the file of rules around it.

use std::collections::BTreeMap;
use std::fmt;

use earmark_core::{Action, Lane, Severity};
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::Spanned;

use super::condition::Child;
use super::example::ExampleText;
use super::place::Texts;
use super::term::{EnglishText, HomophonesText, NormaliseText, TermText};
use super::within::WithinText;

fields!(
    /// All of a file.
    FileText { rules: Vec<Spanned<RuleText>> } {}
);
with_words!(
    RuleText { id: Spanned<String>, category: Spanned<String>, severity: Severity } {
        version: u32,
        title: String,
        owner: String,
        score: Spanned<f64>,
        actions: Vec<Action>,
        valid: Spanned<ValidText>,
        shadow: bool,
        speaker: Spanned<String>,
        applies_to: AppliesToText,
        within: Spanned<WithinText>,
        must_say: Texts,
        when: Child,
        message: MessageText,
        examples: ExamplesText,
    }
);
fields!(
    /// Dates in UTC, both of them included.
    ValidText {} { from: Spanned<String>, until: Spanned<String> }
);
fields!(
    AppliesToText {} {
        languages: Vec<String>,
        lanes: Vec<Lane>,
        min_duration_secs: u32,
        tenants: Vec<String>,
        queues: Vec<String>,
        agents: Vec<String>,
        metadata: Spanned<BTreeMap<String, Spanned<Value>>>,
    }
);
fields!(ExamplesText {} { hit: Vec<Spanned<ExampleText>>, miss: Vec<Spanned<ExampleText>> });

/// One text, or one in each language.
#[derive(Debug)]
pub enum MessageText {
    One(String),
    Languages(BTreeMap<String, String>),
}

impl<'de> Deserialize<'de> for MessageText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = MessageText;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a text, or a text for each language (`zh: …`)")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(MessageText::One(text.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(MessageText::Languages)
            }
        }
        deserializer.deserialize_any(Texts)
    }
}
