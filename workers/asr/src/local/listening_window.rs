//! How long a window a clip is listened to in.

use earmark_core::SAMPLE_RATE_HZ;

/// Whisper listens to 30 s; the rest is for the silence that tells it that the speech is over.
pub(super) const LONGEST_CLIP_MS: u64 = 30_000;

/// Silence behind the longest clip of a batch, in frames. Whisper was trained on windows of 30 s; with less than a
/// second of silence at the end it runs on past the speech, with two it does not.
const SILENCE_FRAMES: usize = 200;
/// Windows are as long as a multiple of this many frames (3 s): clips go together with those of the same window only.
const FRAME_STEP: usize = 300;
/// Frames of a full window: 30 s.
const FULL_WINDOW: usize = 3000;
/// Samples from one frame to the next: 10 ms.
#[expect(clippy::as_conversions, reason = "a constant that fits")]
const HOP: usize = SAMPLE_RATE_HZ as usize / 100;

/// The window, in frames of 10 ms, that a clip of so many samples is listened to in. It depends on the clip alone: what is
/// understood must not depend on which other clips happen to wait at the same time.
pub fn window_frames(samples: usize) -> usize {
    (samples.div_ceil(HOP) + SILENCE_FRAMES).next_multiple_of(FRAME_STEP).min(FULL_WINDOW)
}
