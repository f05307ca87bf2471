//! Whether what a rule asks of the recording itself holds.

use serde_json::{Map, Value};

use crate::language::field_test::{Field, FieldTest, Test, plain};
use crate::recording::context::Context;
use crate::recording::language_tag::primary_language;

/// Whether what is `asked` holds of a recording of which `context` is known; none where the recording does not say.
pub(super) fn holds(asked: &FieldTest, context: &Context) -> Option<bool> {
    match &asked.field {
        Field::Tenant => context.tenant.as_ref().map(|tenant| accepts(&asked.test, &text(tenant.as_str()))),
        Field::Lane => {
            let lane = serde_json::to_value(context.lane?).ok()?;
            Some(accepts(&asked.test, &lane))
        }
        Field::Language => {
            let language = context.language.as_deref().filter(|tag| *tag != "und")?;
            Some(accepts(&asked.test, &text(&primary_language(language))))
        }
        Field::Metadata(path) => value_at(&context.metadata, path).map(|value| accepts(&asked.test, value)),
    }
}

/// Of a list in the metadata, one entry is enough.
fn accepts(test: &Test, value: &Value) -> bool {
    let is_any = |holds: &dyn Fn(&Value) -> bool| match value {
        Value::Array(values) => values.iter().any(holds),
        one => holds(one),
    };
    match test {
        Test::OneOf(expected) => is_any(&|value| expected.iter().any(|expected| is_same(expected, value))),
        Test::NoneOf(expected) => !is_any(&|value| expected.iter().any(|expected| is_same(expected, value))),
        Test::MoreThan(than) => is_any(&|value| number(value).is_some_and(|number| number > *than)),
        Test::LessThan(than) => is_any(&|value| number(value).is_some_and(|number| number < *than)),
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

/// The entry `path`, else what its points lead to.
fn value_at<'a>(metadata: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = metadata.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    value_at(metadata.get(first)?.as_object()?, rest)
}
