//! What turns packets into samples: symphonia's decoders, and libopus.

use earmark_core::SAMPLE_RATE_HZ;
use symphonia::core::codecs::audio::well_known as codecs;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::Packet;

use super::opus;
use super::output::check_declared;
use crate::AudioError;
use crate::wide::wide;

/// A decoder of one track's packets.
pub(super) enum PacketDecoder {
    Symphonia(Box<dyn AudioDecoder>),
    Opus { decoder: opus::Decoder, pre_skip: u16 },
}

impl PacketDecoder {
    /// None where the codec is unknown.
    pub(super) fn new(params: &AudioCodecParameters) -> Result<Option<Self>, AudioError> {
        let channels = params.channels.as_ref().map_or(1, |channels| wide(channels.count()));
        if params.codec == codecs::CODEC_ID_OPUS {
            let Some(bytes) = params.extra_data.as_deref() else { return Ok(None) };
            let head = opus::Head::parse(bytes)?;
            check_declared(wide(head.channels()), opus::CLOCK_HZ)?;
            return Ok(Some(Self::Opus { decoder: opus::Decoder::new(&head)?, pre_skip: head.pre_skip }));
        }
        check_declared(channels, params.sample_rate.unwrap_or(SAMPLE_RATE_HZ))?;
        if params.codec == codecs::CODEC_ID_AAC && params.extra_data.as_deref().is_some_and(has_spectral_replication) {
            return Ok(None);
        }
        let decoder = symphonia::default::get_codecs().make_audio_decoder(params, &AudioDecoderOptions::default());
        Ok(decoder.ok().map(Self::Symphonia))
    }

    /// Frames at 16 kHz that its encoder put in front and nobody is to hear; symphonia's decoders drop theirs themselves.
    pub(super) fn lead_in(&self) -> u64 {
        match self {
            Self::Symphonia(_) => 0,
            Self::Opus { pre_skip, .. } => u64::from(*pre_skip) * u64::from(SAMPLE_RATE_HZ) / u64::from(opus::CLOCK_HZ),
        }
    }

    /// The rate that a report states for the track, where it is not that of the samples.
    pub(super) fn stated_rate_hz(&self) -> Option<u32> {
        match self {
            Self::Symphonia(_) => None,
            Self::Opus { .. } => Some(opus::CLOCK_HZ),
        }
    }

    /// Decodes `packet` into one plane per channel; their rate, or what is wrong with it.
    pub(super) fn decode(&mut self, packet: &Packet, planes: &mut Vec<Vec<f32>>) -> Result<u32, String> {
        match self {
            Self::Symphonia(decoder) => {
                let buffer = decoder.decode(packet).map_err(|error| error.to_string())?;
                buffer.copy_to_vecs_planar::<f32>(planes);
                Ok(buffer.spec().rate())
            }
            Self::Opus { decoder, .. } => {
                let decoded = decoder.decode(&packet.data).map_err(|error| error.to_string())?;
                let trimmed =
                    packet.trim_end.get().saturating_mul(u64::from(SAMPLE_RATE_HZ)) / u64::from(opus::CLOCK_HZ);
                planes.resize_with(decoded.len(), Vec::new);
                for (plane, decoded) in planes.iter_mut().zip(decoded) {
                    let kept = decoded.len().saturating_sub(usize::try_from(trimmed).unwrap_or(usize::MAX));
                    plane.clear();
                    plane.extend_from_slice(&decoded[..kept]);
                }
                Ok(SAMPLE_RATE_HZ)
            }
        }
    }
}

/// HE-AAC says so in the first five bits of its configuration: object type 5 or 29. ISO 14496-3, 1.6.2.1.
fn has_spectral_replication(config: &[u8]) -> bool {
    config.first().is_some_and(|byte| matches!(byte >> 3, 5 | 29))
}
