//! From conditions on voices and on the recording, as they are written, to those that can be evaluated.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::Check;
use super::condition::Scope;
use crate::condition::Condition;
use crate::error::{RuleProblem, nearest, shown};
use crate::format::{AbruptEndText, ConditionFields, EnergyText, Limits};
use crate::metadata::{Field, FieldTest, Test};
use crate::voice::{Bound, Level, Voice};

/// Half a second of two voices at once is more than the overlap of a lively talk.
const INTERRUPTION_MS: u64 = 500;
/// The recording is cut off when it ends so soon after a word.
const ABRUPT_MS: u64 = 2_000;
const LANES: [&str; 3] = ["webhook", "call", "archive"];
const TESTS: [&str; 3] = ["not", "more_than", "less_than"];

type Number = Option<Spanned<f64>>;

impl Check<'_> {
    pub(super) fn voices(
        &mut self,
        fields: &mut ConditionFields,
        scope: &Scope,
        found: &mut Vec<(&'static str, Location, Condition)>,
    ) {
        if let Some(Spanned { value, referenced, .. }) = fields.silence.take() {
            let longer_ms = self.millis("longer_than_secs", &value.longer_than_secs);
            let after = value.after.and_then(|after| self.speaker(after));
            found.push(voice("silence", referenced, Voice::Silence { longer_ms, after, within: scope.within }));
        }
        if let Some(Spanned { value, referenced, .. }) = fields.talk_share.take() {
            let speaker = self.speaker(value.speaker);
            let bounds = ("more_than_percent", value.more_than_percent, "less_than_percent", value.less_than_percent);
            if let Some(bound) = self.bound(referenced, "talk_share", bounds) {
                found.push(voice("talk_share", referenced, Voice::TalkShare { speaker, bound }));
            }
        }
        if let Some(Spanned { value, referenced, .. }) = fields.overlap.take() {
            let choices = "`longer_than_secs` or `more_than_percent`";
            match (value.longer_than_secs, value.more_than_percent) {
                (Some(secs), None) => {
                    let longer_ms = self.millis("longer_than_secs", &secs);
                    found.push(voice("overlap", referenced, Voice::Overlap { longer_ms, within: scope.within }));
                }
                (None, Some(percent)) => {
                    let percent = self.figure("more_than_percent", &percent);
                    found.push(voice("overlap", referenced, Voice::OverlapShare(percent)));
                }
                _ => self.wrong(referenced, RuleProblem::NotOneLimit { operator: "overlap", choices }),
            }
        }
        if let Some(Spanned { value, referenced, .. }) = fields.interruption.take() {
            let by = self.speaker(value.by);
            let least = value.at_least.map_or(1, |least| self.number("at_least", &least));
            let longer = value.longer_than_secs;
            let longer_ms = longer.map_or(INTERRUPTION_MS, |secs| self.millis("longer_than_secs", &secs));
            let asked = Voice::Interruption { by, least, longer_ms, within: scope.within };
            found.push(voice("interruption", referenced, asked));
        }
        if let Some(Spanned { value, referenced, .. }) = fields.speech_rate.take() {
            let speaker = value.speaker.and_then(|speaker| self.speaker(speaker)).or(scope.speaker.clone());
            let bounds = ("more_than_per_min", value.more_than_per_min, "less_than_per_min", value.less_than_per_min);
            if let Some(bound) = self.bound(referenced, "speech_rate", bounds) {
                found.push(voice("speech_rate", referenced, Voice::SpeechRate { speaker, bound }));
            }
        }
        if let Some(Spanned { value, referenced, .. }) = fields.energy.take()
            && let Some(energy) = self.energy(value, referenced, scope)
        {
            found.push(voice("energy", referenced, energy));
        }
        if let Some(Spanned { value, referenced, .. }) = fields.duration.take() {
            let bounds = ("longer_than_secs", value.longer_than_secs, "shorter_than_secs", value.shorter_than_secs);
            if let Some(bound) = self.bound(referenced, "duration", bounds) {
                found.push(voice("duration", referenced, Voice::Duration(bound)));
            }
        }
    }

    fn energy(&mut self, value: EnergyText, at: Location, scope: &Scope) -> Option<Voice> {
        let EnergyText { speaker, louder_than_dbfs, quieter_than_dbfs, rise_db } = value;
        let speaker = speaker.and_then(|speaker| self.speaker(speaker)).or(scope.speaker.clone());
        let level = match (louder_than_dbfs, quieter_than_dbfs, rise_db) {
            (Some(louder), None, None) => Level::LouderThan(self.figure("louder_than_dbfs", &louder)),
            (None, Some(quieter), None) => Level::QuieterThan(self.figure("quieter_than_dbfs", &quieter)),
            (None, None, Some(rise)) => Level::Rise(self.figure("rise_db", &rise)),
            _ => {
                let choices = "`louder_than_dbfs`, `quieter_than_dbfs` or `rise_db`";
                self.wrong(at, RuleProblem::NotOneLimit { operator: "energy", choices });
                return None;
            }
        };
        Some(Voice::Energy { speaker, level, within: scope.within })
    }

    pub(super) fn abrupt_end(&mut self, value: AbruptEndText) -> (Condition, u64) {
        let within_ms = value.within_secs.map_or(ABRUPT_MS, |secs| self.millis("within_secs", &secs));
        let by = value.by.and_then(|by| self.speaker(by));
        (Condition::Voice(Voice::AbruptEnd { within_ms, by }), within_ms)
    }

    fn bound(
        &mut self,
        at: Location,
        operator: &'static str,
        (more, more_than, less, less_than): (&'static str, Number, &'static str, Number),
    ) -> Option<Bound> {
        match (more_than, less_than) {
            (Some(than), None) => Some(Bound::MoreThan(self.figure(more, &than))),
            (None, Some(than)) => Some(Bound::LessThan(self.figure(less, &than))),
            _ => {
                let choices = match operator {
                    "talk_share" => "`more_than_percent` or `less_than_percent`",
                    "speech_rate" => "`more_than_per_min` or `less_than_per_min`",
                    _ => "`longer_than_secs` or `shorter_than_secs`",
                };
                self.wrong(at, RuleProblem::NotOneLimit { operator, choices });
                None
            }
        }
    }

    /// A number of `field`, which must keep to its limits.
    pub(super) fn figure(&mut self, field: &'static str, written: &Spanned<f64>) -> f64 {
        let limits = Limits::of(field);
        if !limits.contain(written.value) {
            self.out_of_range(field, plain(written.value), written.referenced);
        }
        written.value.clamp(limits.least, limits.most)
    }

    pub(super) fn out_of_range(&mut self, field: &str, value: String, at: Location) {
        let limits = Limits::of(field).to_string();
        self.wrong(at, RuleProblem::OutOfRange { field: field.into(), value, limits });
    }

    /// Seconds as milliseconds.
    pub(super) fn millis(&mut self, field: &'static str, written: &Spanned<f64>) -> u64 {
        let secs = self.figure(field, written);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to a year")]
        let millis = (secs * 1000.0).round() as u64;
        millis
    }

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
                            self.out_of_range(name, shown(&crate::metadata::plain(value)), written.referenced);
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
                let value = crate::metadata::plain(lane);
                let known = nearest(&value, &LANES).map_or(LANES.to_vec(), |meant| vec![meant]);
                self.wrong(written.referenced, RuleProblem::UnknownChoice { value, known });
            }
        }
        tests.into_iter().map(|test| FieldTest { field: field.clone(), test }).collect()
    }
}

/// A number as people write it, very large ones with an exponent.
pub(super) fn plain(number: f64) -> String {
    if number.abs() < 1e15 { number.to_string() } else { format!("{number:?}") }
}

fn voice(name: &'static str, at: Location, voice: Voice) -> (&'static str, Location, Condition) {
    (name, at, Condition::Voice(voice))
}
