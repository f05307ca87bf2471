//! The YAML of a rule file, as it is written; `docs/rules.schema.json` says the same to editors.

mod term;

use std::collections::BTreeMap;
use std::fmt;

use earmark_core::{Lane, Severity};
use serde::de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Budget, Error, Location, Spanned};

use crate::SourceFile;
use crate::error::{RuleError, RuleProblem};

pub(crate) use term::{HomophonesText, TermText};

/// A rule file of this size is a mistake; word lists of a million entries are below it.
const MAX_SCALAR_BYTES: usize = 256 << 20;
const MAX_NODES: usize = 8_000_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileText {
    pub(crate) rules: Vec<Spanned<RuleText>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleText {
    pub(crate) id: Spanned<String>,
    pub(crate) version: Option<u32>,
    pub(crate) category: Spanned<String>,
    pub(crate) severity: Severity,
    pub(crate) speaker: Option<Spanned<String>>,
    pub(crate) applies_to: Option<AppliesToText>,
    pub(crate) within: Option<Spanned<WithinText>>,
    pub(crate) words: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) must_say: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) except: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) homophones: Option<HomophonesText>,
    pub(crate) message: Option<MessageText>,
    pub(crate) examples: Option<ExamplesText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppliesToText {
    #[serde(default)]
    pub(crate) languages: Vec<String>,
    #[serde(default)]
    pub(crate) lanes: Vec<Lane>,
    pub(crate) min_duration_secs: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WithinText {
    pub(crate) first_secs: u32,
}

/// One text, or one in each language.
#[derive(Debug)]
pub(crate) enum MessageText {
    One(String),
    Languages(BTreeMap<String, String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExamplesText {
    #[serde(default)]
    pub(crate) hit: Vec<Spanned<ExampleText>>,
    #[serde(default)]
    pub(crate) miss: Vec<Spanned<ExampleText>>,
}

/// One utterance, or the turns of a dialogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExampleText {
    One(String),
    Dialogue(Vec<(String, String)>),
}

/// Reads one rule file.
///
/// # Errors
/// What serde found first, with its place.
pub(crate) fn parse(file: &SourceFile) -> Result<FileText, RuleError> {
    let mut budget = Budget::default();
    budget.max_events = MAX_NODES * 2;
    budget.max_nodes = MAX_NODES;
    budget.max_total_scalar_bytes = MAX_SCALAR_BYTES;
    let options = serde_saphyr::options! { budget: Some(budget), with_snippet: false };
    serde_saphyr::from_str_with_options(&file.text, options).map_err(|error| explain(file, &error))
}

fn explain(file: &SourceFile, error: &Error) -> RuleError {
    let error = error.without_snippet();
    let problem = match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            RuleProblem::UnknownField { field: field.clone(), known: expected.clone() }
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            RuleProblem::UnknownChoice { value: variant.clone(), known: expected.clone() }
        }
        Error::SerdeMissingField { field: "rules", .. } | Error::Eof { .. } => RuleProblem::NoRules,
        Error::SerdeMissingField { field, .. } => RuleProblem::MissingField(field),
        other => RuleProblem::Yaml(first_line(&other.to_string())),
    };
    let (line, column) = error.location().map_or((1, 1), place);
    RuleError { path: file.path.clone(), line, column, problem }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// Line and column of `location`, from 1.
pub(crate) fn place(location: Location) -> (u64, u64) {
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

impl<'de> Deserialize<'de> for ExampleText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Turns;
        impl<'de> Visitor<'de> for Turns {
            type Value = ExampleText;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a text (in quotes if it is a number), or a list of turns (`- agent: …`)")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(ExampleText::One(text.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut turns: A) -> Result<Self::Value, A::Error> {
                let mut dialogue = Vec::new();
                while let Some(turn) = turns.next_element::<BTreeMap<String, String>>()? {
                    if turn.len() != 1 {
                        return Err(de::Error::custom("a turn is one speaker and what was said: `- agent: …`"));
                    }
                    dialogue.extend(turn);
                }
                Ok(ExampleText::Dialogue(dialogue))
            }
        }
        deserializer.deserialize_any(Turns)
    }
}

impl fmt::Display for ExampleText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(text) => f.write_str(text),
            Self::Dialogue(turns) => {
                let turns: Vec<_> = turns.iter().map(|(speaker, text)| format!("{speaker}: {text}")).collect();
                f.write_str(&turns.join(" / "))
            }
        }
    }
}
