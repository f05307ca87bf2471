//! Places in 32 bits, which take half the room of the machine's own, and places from hashes.

/// `number` in 32 bits; the largest there is where it does not fit, which whoever makes an index refuses.
#[inline]
pub(crate) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// `number` as a place in memory.
#[inline]
#[expect(clippy::as_conversions, reason = "no machine that this runs on has places of fewer than 32 bits")]
pub(crate) const fn wide(number: u32) -> usize {
    number as usize
}

/// As many of the lower bits of `hash` as a place has; of a hash shifted to so few bits, all of it.
#[inline]
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "a hash may lose its upper bits")]
pub(crate) const fn low(hash: u64) -> usize {
    hash as usize
}
