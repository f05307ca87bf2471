//! From conditions on the recording itself, as they are written, to those that can be evaluated.

use std::collections::BTreeMap;

use earmark_rule_files::error::{RuleProblem, nearest, shown};
use earmark_rule_files::format::ConditionFields;
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use crate::language::check::checker::Check;
use crate::language::condition::Condition;
use crate::language::field_test::{Field, FieldTest, Test, plain};

const LANES: [&str; 3] = ["webhook", "call", "archive"];
const TESTS: [&str; 3] = ["not", "more_than", "less_than"];

impl Check<'_> {
    pub(super) fn recordings(
        &mut self,
        fields: &mut ConditionFields,
        found: &mut Vec<(&'static str, Location, Condition)>,
    ) {
        let metadata = |name: &str| Field::Metadata(name.into());
        let named = [
            ("tenant", fields.tenant.take(), Field::Tenant),
            ("lane", fields.lane.take(), Field::Lane),
            ("queue", fields.queue.take(), metadata("queue")),
            ("agent", fields.agent.take(), metadata("agent")),
            ("language", fields.language.take(), Field::Language),
        ];
        for (name, value, field) in named {
            let Some(value) = value else { continue };
            let at = value.referenced;
            let tests: Vec<Condition> = self.tests(&field, &value).into_iter().map(Condition::Recording).collect();
            found.push((name, at, Condition::All(tests)));
        }
        if let Some(metadata) = fields.metadata.take() {
            let at = metadata.referenced;
            let tests = self.metadata(metadata);
            found.push(("metadata", at, Condition::All(tests.into_iter().map(Condition::Recording).collect())));
        }
    }

    /// What is asked of what the producer gave along: all of it.
    pub(super) fn metadata(&mut self, written: Spanned<BTreeMap<String, Spanned<Value>>>) -> Vec<FieldTest> {
        if written.value.is_empty() {
            self.wrong(written.referenced, RuleProblem::EmptyList("metadata".into()));
        }
        let fields = written.value.into_iter();
        fields.flat_map(|(path, value)| self.tests(&Field::Metadata(path), &value)).collect()
    }

    fn tests(&mut self, field: &Field, written: &Spanned<Value>) -> Vec<FieldTest> {
        let list = |value: &Value| match value {
            Value::Array(values) => values.clone(),
            one => vec![one.clone()],
        };
        let mut tests = Vec::new();
        let name = match field {
            Field::Metadata(name) => name,
            Field::Tenant => "tenant",
            Field::Lane => "lane",
            Field::Language => "language",
        };
        match &written.value {
            Value::Null => self.wrong(written.referenced, RuleProblem::Nothing(name.into())),
            Value::Array(values) if values.is_empty() => {
                self.wrong(written.referenced, RuleProblem::EmptyList(name.to_owned()));
            }
            Value::Object(asked) if asked.is_empty() => {
                self.wrong(written.referenced, RuleProblem::Nothing(name.into()));
            }
            Value::Object(asked) => {
                for (name, value) in asked {
                    match (name.as_str(), value.as_f64()) {
                        ("not", _) => tests.push(Test::NoneOf(list(value))),
                        ("more_than", Some(than)) => tests.push(Test::MoreThan(than)),
                        ("less_than", Some(than)) => tests.push(Test::LessThan(than)),
                        ("more_than" | "less_than", None) => {
                            self.out_of_range(name, shown(&plain(value)), written.referenced);
                        }
                        _ => {
                            let known = TESTS.to_vec();
                            self.wrong(written.referenced, RuleProblem::UnknownField { field: name.clone(), known });
                        }
                    }
                }
            }
            value => tests.push(Test::OneOf(list(value))),
        }
        if let (Field::Lane, Some(Test::OneOf(lanes) | Test::NoneOf(lanes))) = (field, tests.first()) {
            let unknown = lanes.iter().find(|lane| lane.as_str().is_none_or(|lane| !LANES.contains(&lane)));
            if let Some(lane) = unknown {
                let value = plain(lane);
                let known = nearest(&value, &LANES).map_or(LANES.to_vec(), |meant| vec![meant]);
                self.wrong(written.referenced, RuleProblem::UnknownChoice { value, known });
            }
        }
        tests.into_iter().map(|test| FieldTest { field: field.clone(), test }).collect()
    }
}
