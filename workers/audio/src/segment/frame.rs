//! Frames: the steps of 32 ms for which levels and probabilities are told.

use earmark_core::Region;

use crate::wide::wide;

/// Samples a frame moves on by: 32 ms.
pub(super) const FRAME: usize = 512;

/// The numbers of the frames that a stretch lies in.
pub(super) fn frames_of(stretch: Region) -> std::ops::Range<usize> {
    let frame = wide(FRAME);
    let number = |sample: u64| usize::try_from(sample).unwrap_or(usize::MAX);
    number(stretch.start / frame)..number(stretch.end.div_ceil(frame))
}
