//! Conditions on the recording itself: tenant, lane, language, and what the producer gave along.

use serde_json::Value;

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

/// Without the quotes of JSON.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
