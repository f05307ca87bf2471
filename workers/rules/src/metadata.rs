//! Conditions on the recording itself: tenant, lane, language, and what the producer gave along.

use serde_json::{Map, Value};

use crate::rule::primary_language;
use crate::search::Context;

/// One thing asked of a recording.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldTest {
    pub(crate) field: Field,
    pub(crate) test: Test,
}

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    Tenant,
    Lane,
    Language,
    /// As written; points lead inside (`customer.tier`).
    Metadata(String),
}

/// What it must be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    OneOf(Vec<Value>),
    NoneOf(Vec<Value>),
    MoreThan(f64),
    LessThan(f64),
}

impl FieldTest {
    /// Whether it holds of the recording; none where the recording does not say.
    pub(crate) fn holds(&self, context: &Context) -> Option<bool> {
        match &self.field {
            Field::Tenant => context.tenant.as_ref().map(|tenant| self.test.accepts(&text(tenant.as_str()))),
            Field::Lane => {
                let lane = serde_json::to_value(context.lane?).ok()?;
                Some(self.test.accepts(&lane))
            }
            Field::Language => {
                let language = context.language.as_deref().filter(|tag| *tag != "und")?;
                Some(self.test.accepts(&text(&primary_language(language))))
            }
            Field::Metadata(path) => value_at(&context.metadata, path).map(|value| self.test.accepts(value)),
        }
    }

    /// In words: `queue is vip`.
    pub(crate) fn describe(&self, language: &str) -> String {
        let field = match &self.field {
            Field::Tenant => "tenant",
            Field::Lane => "lane",
            Field::Language => "language",
            Field::Metadata(path) => path,
        };
        let list = |values: &[Value]| values.iter().map(plain).collect::<Vec<_>>().join(", ");
        match (&self.test, language) {
            (Test::OneOf(values), "zh") => format!("{field}为{}", list(values)),
            (Test::NoneOf(values), "zh") => format!("{field}不是{}", list(values)),
            (Test::MoreThan(than), "zh") => format!("{field}大于{than}"),
            (Test::LessThan(than), "zh") => format!("{field}小于{than}"),
            (Test::OneOf(values), _) => format!("{field} is {}", list(values)),
            (Test::NoneOf(values), _) => format!("{field} is not {}", list(values)),
            (Test::MoreThan(than), _) => format!("{field} is more than {than}"),
            (Test::LessThan(than), _) => format!("{field} is less than {than}"),
        }
    }
}

impl Test {
    /// Of a list in the metadata, one entry is enough.
    fn accepts(&self, value: &Value) -> bool {
        let is_any = |holds: &dyn Fn(&Value) -> bool| match value {
            Value::Array(values) => values.iter().any(holds),
            one => holds(one),
        };
        match self {
            Self::OneOf(expected) => is_any(&|value| expected.iter().any(|expected| is_same(expected, value))),
            Self::NoneOf(expected) => !is_any(&|value| expected.iter().any(|expected| is_same(expected, value))),
            Self::MoreThan(than) => is_any(&|value| number(value).is_some_and(|number| number > *than)),
            Self::LessThan(than) => is_any(&|value| number(value).is_some_and(|number| number < *than)),
        }
    }
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

/// `"7"` and `7` are the same: producers quote numbers as they please.
fn is_same(a: &Value, b: &Value) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => plain(a) == plain(b),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Without the quotes of JSON.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The entry `path`, else what its points lead to.
fn value_at<'a>(metadata: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = metadata.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    value_at(metadata.get(first)?.as_object()?, rest)
}
