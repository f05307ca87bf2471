//! Instants as people and programs write them: the same texts at every door.

use std::borrow::Cow;

use earmark_core::{Clock, SystemClock};
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, UtcOffset};

/// What to write instead of what cannot be read.
pub const HINT: &str = "use RFC 3339, e.g. 2026-01-31T08:00:00Z or 2026-01-31T16:00:00+08:00, a day in UTC such as 2026-01-31, or a span before now: 30m, 2h, 7d";

/// A day as it is written.
const DAY: &[BorrowedFormatItem<'_>] = time::macros::format_description!("[year]-[month]-[day]");
/// The units of a span, and seconds in each.
const UNITS: [(char, i64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 7 * 86_400)];

/// Milliseconds since the epoch of `text`: RFC 3339, a day in UTC for its beginning, or a span (`2h`, `7d`) before now.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse(text: &str) -> Result<i64, String> {
    at(text, SystemClock.now_ms(), -1)
}

/// The same of a time to come: a span is from now on.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_later(text: &str) -> Result<i64, String> {
    at(text, SystemClock.now_ms(), 1)
}

fn at(text: &str, now_ms: i64, direction: i64) -> Result<i64, String> {
    let text = text.trim();
    if let Some(span_ms) = span_ms(text) {
        return now_ms.checked_add(direction * span_ms).ok_or_else(|| "the span is too long".into());
    }
    let instant = match Date::parse(text, DAY) {
        Ok(day) => day.midnight().assume_utc(),
        Err(_) => OffsetDateTime::parse(&with_plus(text), &Rfc3339).map_err(|error| error.to_string())?,
    };
    i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).map_err(|error| error.to_string())
}

/// The day, `YYYY-MM-DD`, that `text` names or, as RFC 3339 or a span before now, falls on where days begin with `offset`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn day(text: &str, offset: UtcOffset) -> Result<String, String> {
    let day = match Date::parse(text.trim(), DAY) {
        Ok(day) => day,
        Err(_) => {
            let instant = OffsetDateTime::from_unix_timestamp(parse(text)?.div_euclid(1000))
                .map_err(|error| error.to_string())?;
            instant.checked_to_offset(offset).ok_or("the year is out of bounds")?.date()
        }
    };
    day.format(DAY).map_err(|error| error.to_string())
}

/// Milliseconds of `2h`, `7d`; at most about a hundred years.
fn span_ms(text: &str) -> Option<i64> {
    let (_, secs) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
    let number = &text[..text.len() - 1];
    let is_number = (1..=9).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let ms = number.parse::<i64>().ok().filter(|_| is_number)?.checked_mul(secs * 1000)?;
    (ms <= 36_500 * 86_400_000).then_some(ms)
}

/// `…T10:00:00 08:00` is `…T10:00:00+08:00`: in a query that nobody escaped a plus stands for a space.
fn with_plus(text: &str) -> Cow<'_, str> {
    match text.rsplit_once(' ') {
        Some((time, offset)) if time.contains(['T', 't']) && offset.len() == 5 => {
            Cow::Owned(format!("{time}+{offset}"))
        }
        Some(_) | None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_read_and_other_texts_are_not() {
        assert_eq!(parse("2026-01-31"), Ok(1_769_817_600_000));
        assert_eq!(parse("2026-01-31T08:00:00.5+08:00"), Ok(1_769_817_600_500));
        assert_eq!(parse("2026-01-31T08:00:00.5 08:00"), Ok(1_769_817_600_500), "a plus that nobody escaped");
        for text in ["", "yesterday", "2026-02-30", "2026-01-31 08:00", "h", "-2h", "1.5h", "2 h", "7", "999999999w"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_span_is_before_now_and_for_what_is_to_come_behind_it() {
        for (text, secs) in [("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604_800), ("1w", 604_800), ("0s", 0)] {
            assert_eq!(at(text, 1_000_000_000, -1), Ok(1_000_000_000 - secs * 1000), "{text}");
            assert_eq!(at(text, 1_000_000_000, 1), Ok(1_000_000_000 + secs * 1000), "{text}");
        }
        assert!(day("7d", UtcOffset::UTC).is_ok());
    }

    #[test]
    fn an_instant_falls_on_the_day_of_its_place() {
        let east = UtcOffset::from_hms(8, 0, 0).unwrap();
        for (text, expected) in [
            ("2026-01-31", "2026-01-31"),
            ("2026-01-31T15:59:59Z", "2026-01-31"),
            ("2026-01-31T16:00:00Z", "2026-02-01"),
            ("2026-02-01T00:00:00+08:00", "2026-02-01"),
        ] {
            assert_eq!(day(text, east).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "yesterday", "2026-02-30", "2026-01-31 08:00"] {
            assert!(day(text, east).is_err(), "{text}");
        }
    }
}
