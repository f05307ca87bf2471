//! Instants as people and programs write them: the same texts at every door.

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, UtcOffset};

/// What to write instead of what cannot be read.
pub const HINT: &str = "use RFC 3339, e.g. 2026-01-31T08:00:00Z, or a day in UTC such as 2026-01-31";

/// A day as it is written.
const DAY: &[BorrowedFormatItem<'_>] = time::macros::format_description!("[year]-[month]-[day]");

/// Milliseconds since the epoch of `text`: RFC 3339, or a day in UTC for its beginning.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse(text: &str) -> Result<i64, String> {
    let instant = match Date::parse(text, DAY) {
        Ok(day) => day.midnight().assume_utc(),
        Err(_) => OffsetDateTime::parse(text, &Rfc3339).map_err(|error| error.to_string())?,
    };
    i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).map_err(|error| error.to_string())
}

/// The day, `YYYY-MM-DD`, that `text` names or, as RFC 3339, falls on where days begin with `offset`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn day(text: &str, offset: UtcOffset) -> Result<String, String> {
    let day = match Date::parse(text, DAY) {
        Ok(day) => day,
        Err(_) => {
            let instant = OffsetDateTime::parse(text, &Rfc3339).map_err(|error| error.to_string())?;
            instant.checked_to_offset(offset).ok_or("the year is out of bounds")?.date()
        }
    };
    day.format(DAY).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_read_and_other_texts_are_not() {
        assert_eq!(parse("2026-01-31"), Ok(1_769_817_600_000));
        assert_eq!(parse("2026-01-31T08:00:00.5+08:00"), Ok(1_769_817_600_500));
        for text in ["", "yesterday", "2026-02-30", "2026-01-31 08:00"] {
            assert!(parse(text).is_err(), "{text}");
        }
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
