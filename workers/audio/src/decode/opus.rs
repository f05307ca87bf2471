//! Opus packets to 16 kHz. libopus decodes to that rate itself, three times cheaper than to 48 kHz and then down.

use earmark_core::SAMPLE_RATE_HZ;

use crate::AudioError;

/// Opus counts in this rate whatever went in. RFC 7845, 4.
pub(super) const CLOCK_HZ: u32 = 48_000;

/// The longest packet, 120 ms, in samples at 16 kHz.
#[expect(clippy::as_conversions, reason = "a constant that fits")]
const MAX_FRAMES: usize = SAMPLE_RATE_HZ as usize * 120 / 1000;

/// A stream's header. RFC 7845, 5.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    channels: u8,
    /// Samples at 48 kHz that the encoder put in front.
    pub(super) pre_skip: u16,
    /// In 1/256 dB.
    gain: i16,
    streams: u8,
    coupled: u8,
    /// Which decoded channel each output channel is.
    mapping: Vec<u8>,
}

impl Head {
    /// Reads an `OpusHead` as Ogg and Matroska carry it, or MP4, which counts from the other end.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, AudioError> {
        let broken = |what: &str| AudioError::Malformed { format: "Opus", what: what.into() };
        if bytes.len() < 19 || &bytes[..8] != b"OpusHead" {
            return Err(broken("its header is cut off"));
        }
        // MP4 has version 0 and network order, all others version 1 and little-endian.
        let half = |at: usize| if bytes[8] == 0 { [bytes[at + 1], bytes[at]] } else { [bytes[at], bytes[at + 1]] };
        let channels = bytes[9];
        let (streams, coupled, mapping) = match (bytes[18], channels) {
            (0, 1) => (1, 0, vec![0]),
            (0, 2) => (1, 1, vec![0, 1]),
            (0, _) => return Err(broken("it has neither one nor two channels and no mapping of them")),
            (_, channels) => {
                let mapping = bytes
                    .get(21..21 + usize::from(channels))
                    .ok_or_else(|| broken("its channel mapping is cut off"))?;
                (bytes[19], bytes[20], mapping.to_vec())
            }
        };
        Ok(Self {
            channels,
            pre_skip: u16::from_le_bytes(half(10)),
            gain: i16::from_le_bytes(half(16)),
            streams,
            coupled,
            mapping,
        })
    }

    pub(super) fn channels(&self) -> usize {
        usize::from(self.channels)
    }
}

/// How long a packet is, in ticks of [`CLOCK_HZ`]; 0 where it does not say. RFC 6716, 3.1.
pub(super) fn ticks(packet: &[u8]) -> u64 {
    let samples = opus::packet::get_nb_samples(packet, CLOCK_HZ).unwrap_or(0);
    crate::wide::wide(samples)
}

/// Decodes one stream.
pub(super) struct Decoder {
    inner: opus::MSDecoder,
    channels: usize,
    gain: f32,
    interleaved: Vec<f32>,
    planes: Vec<Vec<f32>>,
}

impl Decoder {
    pub(super) fn new(head: &Head) -> Result<Self, AudioError> {
        let inner = opus::MSDecoder::new(SAMPLE_RATE_HZ, head.streams, head.coupled, &head.mapping)
            .map_err(|error| AudioError::Malformed { format: "Opus", what: error.to_string() })?;
        let channels = head.channels();
        let gain = 10_f32.powf(f32::from(head.gain) / 256.0 / 20.0);
        Ok(Self {
            inner,
            channels,
            gain,
            interleaved: vec![0.0; MAX_FRAMES * channels],
            planes: vec![Vec::new(); channels],
        })
    }

    /// One plane per channel, at 16 kHz. An empty packet gives nothing: how long it would have been is for
    /// its container's clock to say.
    pub(super) fn decode(&mut self, packet: &[u8]) -> Result<&mut [Vec<f32>], opus::Error> {
        let frames = match packet {
            [] => 0,
            packet => self.inner.decode_float(packet, &mut self.interleaved, false)?,
        };
        for (channel, plane) in self.planes.iter_mut().enumerate() {
            plane.clear();
            let samples = self.interleaved[..frames * self.channels].iter().skip(channel).step_by(self.channels);
            plane.extend(samples.map(|sample| sample * self.gain));
        }
        Ok(&mut self.planes)
    }
}
