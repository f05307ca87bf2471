//! How much may be offered. A URI's limit is [`RecordingUri::MAX_BYTES`](earmark_core::RecordingUri::MAX_BYTES).

use std::ops::RangeInclusive;

/// Longest key a producer may give, in bytes. What an index of every database takes, with room for the tenant.
pub const MAX_KEY_BYTES: usize = 512;
/// Largest metadata, in bytes of JSON without blanks.
pub const MAX_METADATA_BYTES: usize = 64 << 10;
/// How urgent a job may be made among its tenant's others.
pub const PRIORITIES: RangeInclusive<i64> = -100..=100;

/// Files that one recording may consist of.
pub const MAX_PARTS: usize = 16;
/// How much later than its recording a file may begin, in milliseconds: 30 days, the longest recording there may be.
pub const MAX_OFFSET_MS: u64 = 30 * 24 * 3600 * 1000;

/// A priority outside of [`PRIORITIES`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("priority is {value}, {least} to {most} are allowed", least = PRIORITIES.start(), most = PRIORITIES.end())]
pub struct PriorityError {
    value: i64,
}

/// `value`, if it may be a priority.
///
/// # Errors
/// [`PriorityError`] when it is outside of [`PRIORITIES`].
pub fn checked_priority(value: i64) -> Result<i64, PriorityError> {
    if PRIORITIES.contains(&value) { Ok(value) } else { Err(PriorityError { value }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_out_of_bounds_is_refused_with_the_bounds() {
        assert_eq!((checked_priority(-100), checked_priority(100)), (Ok(-100), Ok(100)));
        let error = checked_priority(101).expect_err("too urgent").to_string();
        assert_eq!(error, "priority is 101, -100 to 100 are allowed");
    }
}
