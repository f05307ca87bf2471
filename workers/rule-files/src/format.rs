//! The YAML of a rule file, as it is written; `docs/rules.schema.json` says the same to editors.
#![allow(missing_docs, reason = "the names are those of the file; docs/rules.md and the schema say what they mean")]

#[macro_use]
mod fields;
mod brackets;
mod condition;
mod example;
mod limits;
mod mistake;
mod term;

use std::collections::BTreeMap;
use std::fmt;

use earmark_core::{Action, Lane, Severity};
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::{Budget, Location, Spanned};

use crate::SourceFile;
use crate::error::RuleError;

pub use condition::{
    AbruptEndText, BesideText, Child, Children, ConditionFields, ConditionText, DistanceText, EnergyText, Texts,
};
pub use example::{ExampleText, Turn};
pub use limits::Limits;
pub use term::{EnglishText, FuzzyText, HomophonesText, NormaliseText, TermText};

/// A rule file of this size is a mistake; word lists of a million entries are below it.
const MAX_SCALAR_BYTES: usize = 256 << 20;
const MAX_NODES: usize = 8_000_000;
/// Conditions nest to eight levels, each of them two or three of YAML.
const MAX_DEPTH: usize = 64;
/// Of the thread that reads a file. 64 levels overflowed a thread's usual 2 MB.
const STACK_BYTES: usize = 32 << 20;

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
fields!(
    WithinText {} {
        first_secs: Spanned<u32>,
        last_secs: Spanned<u32>,
        first_turns: Spanned<u32>,
        last_turns: Spanned<u32>,
        first_percent: Spanned<u32>,
        last_percent: Spanned<u32>,
        from_secs: Spanned<u32>,
        to_secs: Spanned<u32>,
    }
);
fields!(ExamplesText {} { hit: Vec<Spanned<ExampleText>>, miss: Vec<Spanned<ExampleText>> });

/// One text, or one in each language.
#[derive(Debug)]
pub enum MessageText {
    One(String),
    Languages(BTreeMap<String, String>),
}

/// Reads one rule file.
///
/// # Errors
/// What serde found first, with its place.
pub fn parse(file: &SourceFile) -> Result<FileText, RuleError> {
    let read = || {
        let mut budget = Budget::default();
        budget.max_events = MAX_NODES * 2;
        budget.max_nodes = MAX_NODES;
        budget.max_depth = MAX_DEPTH;
        budget.max_total_scalar_bytes = MAX_SCALAR_BYTES;
        let options = serde_saphyr::options! { budget: Some(budget), with_snippet: false };
        serde_saphyr::from_str_with_options(&file.text, options).map_err(|error| mistake::explain(file, &error))
    };
    // Levels take stack, more or less of it as the compiler optimises: whoever reads rules on a thread with a small one must
    // not end with a file that is nested deeply by mistake.
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().name("rule-file".into()).stack_size(STACK_BYTES);
        match reader.spawn_scoped(scope, read) {
            Ok(reading) => reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => read(),
        }
    })
}

/// Line and column of `location`, from 1.
pub fn place(location: Location) -> (u64, u64) {
    (location.line().max(1), location.column().max(1))
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
