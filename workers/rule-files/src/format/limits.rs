//! What the numbers of a rule file may be.

use std::fmt;

/// Conditions nest to eight levels, each of them two or three of YAML.
pub(super) const MAX_DEPTH: usize = 64;
/// A year: longer than any recording.
const MAX_SECS: f64 = 31_536_000.0;
/// Below any sound, above any recording.
const MIN_DBFS: f64 = -200.0;
/// Faster than anybody speaks.
const MAX_PER_MIN: f64 = 10_000.0;

/// Both included. Shown as `a whole number from 1 to 99`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    pub least: f64,
    pub most: f64,
    is_whole: bool,
}

impl Limits {
    /// Of the numbers of `field`.
    pub fn of(field: &str) -> Self {
        let part = |least, most| Self { least, most, is_whole: false };
        let whole = |least, most| Self { least, most, is_whole: true };
        let most = f64::from(u32::MAX);
        match field {
            "version" | "from_secs" | "min_duration_secs" | "words" | "turns" => whole(0.0, most),
            "first_secs" | "last_secs" | "to_secs" | "first_turns" | "last_turns" => whole(1.0, most),
            "n" | "at_least" => whole(1.0, most),
            "times" => whole(2.0, most),
            "min_chars" => whole(3.0, most),
            "first_percent" | "last_percent" => whole(1.0, 99.0),
            "more_than_percent" | "less_than_percent" => part(0.0, 100.0),
            "more_than_per_min" | "less_than_per_min" => part(0.0, MAX_PER_MIN),
            "louder_than_dbfs" | "quieter_than_dbfs" | "dbfs" => part(MIN_DBFS, 0.0),
            "rise_db" => part(0.0, -MIN_DBFS),
            _ if field.ends_with("secs") => part(0.0, MAX_SECS),
            _ => part(f64::MIN, f64::MAX),
        }
    }

    pub fn contain(&self, number: f64) -> bool {
        (self.least..=self.most).contains(&number)
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_whole { "a whole number" } else { "a number" })?;
        if self.most == f64::MAX { Ok(()) } else { write!(f, " from {} to {}", self.least, self.most) }
    }
}
