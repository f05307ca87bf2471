//! Numbers in an offer's JSON: what cannot be given back with all its digits is not taken.

use crate::error::OfferError;

/// Whether every number in `json` comes back as the number that it is: integers of 64 bits, and what a double holds. `1.10`
/// is 1.1. Text that is no JSON is somebody else's to refuse.
///
/// # Errors
/// [`OfferError::Number`] with the first that does not.
pub fn check_numbers(json: &str) -> Result<(), OfferError> {
    let mut rest = json;
    while let Some(place) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        rest = &rest[place..];
        if let Some(text) = rest.strip_prefix('"') {
            rest = behind_string(text);
            continue;
        }
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let number = &rest[..end];
        if !is_kept(number) {
            return Err(OfferError::Number(number.chars().take(80).collect()));
        }
        rest = &rest[end..];
    }
    Ok(())
}

/// What stands behind the string that `text` is within.
fn behind_string(text: &str) -> &str {
    let mut is_escaped = false;
    for (place, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return &text[place + 1..],
            _ => {}
        }
    }
    ""
}

fn is_kept(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    match number.parse::<f64>() {
        Ok(double) if double.is_finite() => decimal(number) == decimal(&format!("{double:e}")),
        // No number, or none that JSON's readers take.
        Ok(_) | Err(_) => true,
    }
}

/// Sign, digits without the zeros around them, and where the point stands from the first of them.
fn decimal(number: &str) -> Option<(bool, String, i64)> {
    let (is_negative, number) = number.strip_prefix('-').map_or((false, number), |number| (true, number));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some((is_negative, String::new(), 0));
    }
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let point = i64::try_from(whole.len()).ok()?.checked_sub(zeros)?.checked_add(exponent.parse().ok()?)?;
    Some((is_negative, significant.trim_end_matches('0').to_owned(), point))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_would_lose_a_digit_is_refused_and_every_other_is_not() {
        for kept in [
            r#"{"uri": "s3://calls/2026/0001.wav", "metadata": {"call_id": 12345, "amount": 1.10}}"#,
            r#"{"a": [18446744073709551615, -9223372036854775808, 0, -0, 0.10, 1e22, 1.5E-3, 100.0e1, 0.0e9]}"#,
            r#"{"12345678901234567890123": "12345678901234567890123 \" 12345678901234567890123", "b": "\\"}"#,
            r#"{"a": 0.1, "b": 1.7976931348623157e308, "c": 9007199254740993}"#,
            "no JSON, but 1.2.3 and - and 1e",
            "\"never ends",
        ] {
            assert_eq!(check_numbers(kept), Ok(()), "{kept}");
        }
        for (json, number) in [
            (r#"{"call_id": 12345678901234567890123, "amount": 1.10}"#, "12345678901234567890123"),
            (r#"{"a": {"b": [1, -9223372036854775809]}}"#, "-9223372036854775809"),
            (r#"{"a": 18446744073709551616}"#, "18446744073709551616"),
            (r#"{"a":0.12345678901234567891}"#, "0.12345678901234567891"),
            (r#"{"a":9007199254740993.0}"#, "9007199254740993.0"),
            (r#"{"a": "\\", "b": 1e-400}"#, "1e-400"),
        ] {
            assert_eq!(check_numbers(json), Err(OfferError::Number(number.into())), "{json}");
        }
    }
}
