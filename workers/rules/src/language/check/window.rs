//! From windows and dates as they are written to those that can be compared.

use serde_saphyr::Spanned;
use time::{Date, macros::format_description};

use earmark_rule_files::error::RuleProblem;
use earmark_rule_files::format::{ValidText, WithinText};

use crate::language::check::checker::Check;
use crate::language::rule::Valid;
use crate::recording::within::Within;

const MS_PER_DAY: i64 = 86_400_000;

impl Check<'_> {
    /// The part of a recording that `written` names.
    pub(super) fn within(&mut self, written: Spanned<WithinText>) -> Option<Within> {
        let at = written.referenced;
        let WithinText {
            first_secs,
            last_secs,
            first_turns,
            last_turns,
            first_percent,
            last_percent,
            from_secs,
            to_secs,
        } = written.value;
        let millis = |secs: u32| u64::from(secs) * 1000;
        let mut found = Vec::new();
        let mut number = |field: &'static str, written: Option<Spanned<u32>>| {
            let written = written?;
            self.number(field, &written);
            Some(written.value)
        };
        let first = |secs| Within::Time { from_ms: 0, to_ms: Some(millis(secs)) };
        found.extend(number("first_secs", first_secs).map(first));
        found.extend(number("last_secs", last_secs).map(|secs| Within::LastMs(millis(secs))));
        found.extend(number("first_turns", first_turns).map(Within::FirstTurns));
        found.extend(number("last_turns", last_turns).map(Within::LastTurns));
        found.extend(number("first_percent", first_percent).map(Within::FirstPercent));
        found.extend(number("last_percent", last_percent).map(Within::LastPercent));
        if from_secs.is_some() || to_secs.is_some() {
            let from_ms = from_secs.as_ref().map_or(0, |secs| millis(secs.value));
            let to_ms = to_secs.as_ref().map(|secs| millis(secs.value));
            if to_ms.is_some_and(|to_ms| to_ms <= from_ms) {
                self.wrong(at, RuleProblem::EmptyWindow);
            }
            found.push(Within::Time { from_ms, to_ms });
        }
        if found.len() != 1 {
            self.wrong(at, RuleProblem::NotOneWindow(found.len()));
        }
        found.into_iter().next()
    }

    /// Dates as milliseconds; the last day is part of it.
    pub(super) fn valid(&mut self, written: ValidText) -> Valid {
        let mut day_ms = |written: Option<Spanned<String>>| {
            let written = written?;
            let format = format_description!("[year]-[month]-[day]");
            match Date::parse(written.value.trim(), &format) {
                Ok(date) => Some(date.midnight().assume_utc().unix_timestamp() * 1000),
                Err(_) => {
                    self.wrong(written.referenced, RuleProblem::BadDate(written.value));
                    None
                }
            }
        };
        let (from_ms, until_ms) = (day_ms(written.from), day_ms(written.until));
        Valid { from_ms, until_ms: until_ms.map(|ms| ms + MS_PER_DAY) }
    }
}
