//! Counts and places in memory as they are told of files and recordings.

/// `count` in 64 bits, which are at least as wide as a place in memory.
#[expect(clippy::as_conversions, reason = "usize has at most 64 bits, and there is no `From` for it")]
pub(crate) const fn wide(count: usize) -> u64 {
    count as u64
}
