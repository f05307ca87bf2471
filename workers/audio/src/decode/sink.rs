//! Where decoded samples go, block by block, and what is known of them at the end.

use earmark_core::{Region, Warning};

use crate::AudioError;

/// Facts of a recording that went to a [`Sink`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streamed {
    /// `pcm_alaw`, `mp3`, `opus`, …: the names ffmpeg uses.
    pub codec: String,
    /// How many channels.
    pub channels: u16,
    /// The recording's own rate, before resampling.
    pub sample_rate_hz: u32,
    /// Samples given per channel, at 16 kHz: all channels have as many.
    pub samples: u64,
    /// By channel: where there is silence for want of sound (no packets, none that could be decoded, a track that begins
    /// later or ends earlier than another).
    pub filled: Vec<Vec<Region>>,
    /// By channel: the number that the sink knows it by.
    pub order: Vec<usize>,
    /// `recording_truncated`, `decode_errors`, …
    pub warnings: Vec<Warning>,
}

/// Where decoded samples go: mono, 16 kHz, a block at a time. Channels of different tracks are not in step on the way.
pub trait Sink {
    /// Called before any samples of a channel, with the number of channels there are with it, from 1.
    ///
    /// # Errors
    /// The sink's own; decoding ends with it.
    fn open(&mut self, channels: u16) -> Result<(), AudioError>;

    /// Takes a block of `channel`, samples between -1 and 1 (beyond where the recording itself clips).
    ///
    /// # Errors
    /// The sink's own; decoding ends with it.
    fn push(&mut self, channel: usize, samples: &[f32]) -> Result<(), AudioError>;

    /// The same for sound that has 16 bits from the start. Telephone formats come this way, with no detour over floats.
    ///
    /// # Errors
    /// The sink's own; decoding ends with it.
    fn push_pcm16(&mut self, channel: usize, samples: &[i16]) -> Result<(), AudioError> {
        let samples: Vec<f32> = samples.iter().map(|sample| f32::from(*sample) / 32768.0).collect();
        self.push(channel, &samples)
    }
}
