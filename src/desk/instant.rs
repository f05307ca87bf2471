//! Instants as people and programs write them.

use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime};

/// What to write instead of what cannot be read.
pub const HINT: &str = "use RFC 3339, e.g. 2026-01-31T08:00:00Z, or a day in UTC such as 2026-01-31";

/// Milliseconds since the epoch of `text`: RFC 3339, or a day in UTC for its beginning.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse(text: &str) -> Result<i64, String> {
    let day = time::macros::format_description!("[year]-[month]-[day]");
    let instant = match Date::parse(text, day) {
        Ok(day) => day.midnight().assume_utc(),
        Err(_) => OffsetDateTime::parse(text, &Rfc3339).map_err(|error| error.to_string())?,
    };
    i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).map_err(|error| error.to_string())
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
}
