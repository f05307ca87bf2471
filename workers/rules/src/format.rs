//! The YAML of a rule file, as it is written; `docs/rules.schema.json` says the same to editors.

mod condition;
mod example;
mod term;

use std::collections::BTreeMap;
use std::fmt;

use earmark_core::{Action, Lane, Severity};
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::{Budget, Error, Location, Spanned};

use crate::SourceFile;
use crate::error::{RuleError, RuleProblem};

pub(crate) use condition::{
    AbruptEndText, BesideText, Child, Children, ConditionFields, ConditionText, DistanceText, EnergyText, Texts,
};
pub(crate) use example::{ExampleText, Turn};
pub(crate) use term::{EnglishText, FuzzyText, HomophonesText, NormaliseText, TermText};

/// A rule file of this size is a mistake; word lists of a million entries are below it.
const MAX_SCALAR_BYTES: usize = 256 << 20;
const MAX_NODES: usize = 8_000_000;
/// Conditions nest to eight levels, each of them two or three of YAML.
const MAX_DEPTH: usize = 64;

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
    pub(crate) title: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) category: Spanned<String>,
    pub(crate) severity: Severity,
    pub(crate) score: Option<Spanned<f64>>,
    #[serde(default)]
    pub(crate) actions: Vec<Action>,
    pub(crate) valid: Option<Spanned<ValidText>>,
    #[serde(default)]
    pub(crate) shadow: bool,
    pub(crate) speaker: Option<Spanned<String>>,
    pub(crate) applies_to: Option<AppliesToText>,
    pub(crate) within: Option<Spanned<WithinText>>,
    pub(crate) words: Option<Texts>,
    pub(crate) words_from: Option<Texts>,
    pub(crate) must_say: Option<Texts>,
    pub(crate) except: Option<Texts>,
    pub(crate) except_from: Option<Texts>,
    pub(crate) patterns: Option<Texts>,
    pub(crate) homophones: Option<HomophonesText>,
    pub(crate) normalise: Option<NormaliseText>,
    pub(crate) english: Option<EnglishText>,
    pub(crate) when: Option<Child>,
    pub(crate) message: Option<MessageText>,
    pub(crate) examples: Option<ExamplesText>,
}

/// Dates in UTC, both of them included.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValidText {
    pub(crate) from: Option<Spanned<String>>,
    pub(crate) until: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppliesToText {
    #[serde(default)]
    pub(crate) languages: Vec<String>,
    #[serde(default)]
    pub(crate) lanes: Vec<Lane>,
    pub(crate) min_duration_secs: Option<u32>,
    #[serde(default)]
    pub(crate) tenants: Vec<String>,
    #[serde(default)]
    pub(crate) queues: Vec<String>,
    #[serde(default)]
    pub(crate) agents: Vec<String>,
    pub(crate) metadata: Option<Spanned<BTreeMap<String, Spanned<Value>>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WithinText {
    pub(crate) first_secs: Option<Spanned<u32>>,
    pub(crate) last_secs: Option<Spanned<u32>>,
    pub(crate) first_turns: Option<Spanned<u32>>,
    pub(crate) last_turns: Option<Spanned<u32>>,
    pub(crate) first_percent: Option<Spanned<u32>>,
    pub(crate) last_percent: Option<Spanned<u32>>,
    pub(crate) from_secs: Option<Spanned<u32>>,
    pub(crate) to_secs: Option<Spanned<u32>>,
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

/// Reads one rule file.
///
/// # Errors
/// What serde found first, with its place.
pub(crate) fn parse(file: &SourceFile) -> Result<FileText, RuleError> {
    let mut budget = Budget::default();
    budget.max_events = MAX_NODES * 2;
    budget.max_nodes = MAX_NODES;
    budget.max_depth = MAX_DEPTH;
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
