//! Spans of time as people write them.

use std::time::Duration;

/// The shortest and the longest span, in seconds: a second, thirty days.
const LIMITS: std::ops::RangeInclusive<u64> = 1..=30 * 86_400;

/// Why a text is no span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// It cannot be read.
    #[error("`{0}` is not a span of time; give seconds, or a whole number with s, m or h: 90, 90s, 5m, 2h")]
    Unreadable(String),
    /// It is too short or too long.
    #[error("{text} is {secs} s, {least} s to {most} s are allowed", least = LIMITS.start(), most = LIMITS.end())]
    OutOfBounds {
        /// As it was given.
        text: String,
        /// The span it names, in seconds.
        secs: u64,
    },
}

/// The span that `text` names: whole seconds, or with a unit `90s`, `5m`, `2h`.
///
/// # Errors
/// [`SpanError`].
pub fn parse(text: &str) -> Result<Duration, SpanError> {
    let (number, unit_secs) = match text.as_bytes().last() {
        Some(b's') => (&text[..text.len() - 1], 1),
        Some(b'm') => (&text[..text.len() - 1], 60),
        Some(b'h') => (&text[..text.len() - 1], 3600),
        _ => (text, 1),
    };
    // `parse` alone would let a sign through.
    let number = Some(number).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.and_then(|number| number.parse::<u64>().ok());
    let secs = number.ok_or_else(|| SpanError::Unreadable(text.into()))?.saturating_mul(unit_secs);
    if LIMITS.contains(&secs) {
        Ok(Duration::from_secs(secs))
    } else {
        Err(SpanError::OutOfBounds { text: text.into(), secs })
    }
}

/// A span in its two largest units.
pub fn shown(span: Duration) -> String {
    let secs = span.as_secs();
    match secs {
        0..60 => format!("{secs} s"),
        60..3600 => format!("{} min {} s", secs / 60, secs % 60),
        3600..86_400 => format!("{} h {} min", secs / 3600, secs % 3600 / 60),
        _ => format!("{} d {} h", secs / 86_400, secs % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_seconds_or_a_number_with_its_unit_and_within_its_limits() {
        for (text, secs) in [("1", 1), ("90", 90), ("90s", 90), ("5m", 300), ("2h", 7200), ("720h", 2_592_000)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(secs)), "{text}");
        }
        for text in ["", "s", "soon", "1.5h", "-1", "+1", "1 m", "1d", "１", "99999999999999999999"] {
            assert_eq!(parse(text), Err(SpanError::Unreadable(text.into())));
        }
        let error = parse("721h").expect_err("too long").to_string();
        assert_eq!(error, "721h is 2595600 s, 1 s to 2592000 s are allowed");
        assert!(parse("0").is_err() && parse("18446744073709551615h").is_err());
    }

    #[test]
    fn a_span_is_shown_in_its_two_largest_units() {
        let shown = [7, 125, 7260, 90_000].map(|secs| shown(Duration::from_secs(secs)));
        assert_eq!(shown, ["7 s", "2 min 5 s", "2 h 1 min", "1 d 1 h"]);
    }
}
