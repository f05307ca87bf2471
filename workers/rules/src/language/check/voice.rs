//! From conditions on voices, as they are written, to those that can be evaluated.

use earmark_rule_files::error::RuleProblem;
use earmark_rule_files::format::{AbruptEndText, ConditionFields, EnergyText};
use serde_saphyr::{Location, Spanned};

use crate::language::check::checker::Check;
use crate::language::check::scope::Scope;
use crate::language::condition::Condition;
use crate::language::voice::{Bound, Level, Voice};

/// Half a second of two voices at once is more than the overlap of a lively talk.
const INTERRUPTION_MS: u64 = 500;
/// The recording is cut off when it ends so soon after a word.
const ABRUPT_MS: u64 = 2_000;
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
}

fn voice(name: &'static str, at: Location, voice: Voice) -> (&'static str, Location, Condition) {
    (name, at, Condition::Voice(voice))
}
