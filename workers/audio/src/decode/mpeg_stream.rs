//! MPEG audio in no container: its frames one by one, each part of joined files with its own lead-in, rate and channels.

use std::fs::File;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known as codecs;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

use super::codec_names::codec_name;
use super::foreign::Foreign;
use super::lost::Lost;
use super::mpeg::{AAC_RATES_HZ, Codec, Header};
use super::mpeg_frames::{Contents, DECODER_DELAY, Frame, Frames};
use super::options::DecodeOptions;
use super::output::Output;
use super::packets::Outcome;
use crate::AudioError;
use crate::wide::wide;

/// Frames that fail at the start before it is believed that symphonia does not know this kind.
const MAX_FAILURES: u64 = 100;

/// Bytes behind the last frame that are worth a warning.
const TRAILING_BYTES: u64 = 4096;

/// Decodes `file`, of which it is known that frames follow one another in it.
pub(super) fn decode(
    file: &File,
    format: &'static str,
    options: &DecodeOptions,
    output: &mut Output<'_>,
) -> Result<Outcome, AudioError> {
    let mut frames = Frames::of(file);
    let mut stream = Stream::default();
    while let Some(frame) = frames.next(&|| output.check())? {
        output.check()?;
        stream.take(&frame, format, output)?;
        if stream.decoded == 0 && stream.failed > MAX_FAILURES {
            break;
        }
    }
    stream.end_part(format, output)?;
    if stream.decoded == 0 {
        let error = stream.lost.first().map(str::to_owned);
        return match error {
            Some(error) if options.ffmpeg.is_some() => {
                Ok(Outcome::Elsewhere(Foreign::named(&format!("{format} ({error})"))))
            }
            Some(error) => Err(AudioError::Malformed { format, what: error }),
            None => Err(AudioError::NoSamples { format: format.into(), what: "it ends after its header".into() }),
        };
    }
    if frames.trailing() > TRAILING_BYTES {
        output.warn(
            "trailing_bytes",
            format!("{} bytes behind the last frame are no {format} and are not heard", frames.trailing()),
        );
    }
    let rate_hz = stream.first_rate_hz;
    let codec = stream.codec;
    stream.lost.warn(output);
    output.finish(codec.into(), rate_hz, format, None).map(Outcome::Done)
}

/// What was joined is several parts, each of one encoder's run.
#[derive(Default)]
struct Stream {
    decoder: Option<(Header, Box<dyn AudioDecoder>)>,
    codec: &'static str,
    first_rate_hz: u32,
    /// What the part's table of contents says, where it has one.
    contents: Option<(Contents, Header)>,
    /// Samples of frames that failed before the first that could be decoded.
    missed: u64,
    /// Where the part begins, ms.
    part_ms: u64,
    /// Frames of the part.
    counted: u64,
    /// Samples still to be dropped from its start.
    skip: u64,
    /// Its last samples, which may be its encoder's.
    held: Vec<Vec<f32>>,
    decoded: u64,
    failed: u64,
    lost: Lost,
}

impl Stream {
    fn take(&mut self, frame: &Frame, format: &'static str, output: &mut Output<'_>) -> Result<(), AudioError> {
        if frame.stray > 0 && self.decoded > 0 {
            self.lost.add(format!("{} bytes between the frames are none", frame.stray), output.strand_ms(0), 0);
        }
        if let Some(contents) = frame.contents {
            self.end_part(format, output)?;
            self.begin_part(Some((contents, frame.header)), output);
            return Ok(());
        }
        if self.counted == 0 && self.contents.is_none() && self.decoded == 0 {
            self.begin_part(None, output);
            // Whatever the encoder put in front, the decoder adds this much.
            self.skip = if frame.header.codec == Codec::Mp3 { DECODER_DELAY } else { 0 };
        }
        self.counted += 1;
        let mut planes = Vec::new();
        match self.decode(frame, &mut planes) {
            Ok(rate_hz) => {
                self.decoded += 1;
                if (planes.len(), rate_hz) != (output.channels_of(0), output.rate_of(0)) {
                    self.release(output)?;
                    output.open(planes.len(), rate_hz)?;
                    output.push_silence(std::mem::take(&mut self.missed))?;
                    self.first_rate_hz = if self.first_rate_hz == 0 { rate_hz } else { self.first_rate_hz };
                }
                self.push(&planes, output)
            }
            Err(error) => {
                self.failed += 1;
                let start_ms = output.strand_ms(0);
                if output.channels_of(0) > 0 {
                    let silence =
                        vec![vec![0.0; usize::try_from(frame.header.samples).unwrap_or(0)]; output.channels_of(0)];
                    self.push(&silence, output)?;
                } else {
                    self.missed += u64::from(frame.header.samples);
                }
                // A stream that was cut out of another begins with frames that lean on what is not there.
                if self.counted > 2 || frame.header.codec != Codec::Mp3 {
                    self.lost.add(error, start_ms, u64::from(frame.header.samples * 1000 / frame.header.rate_hz));
                }
                Ok(())
            }
        }
    }

    /// The frame's samples, one plane per channel, and their rate.
    fn decode(&mut self, frame: &Frame, planes: &mut Vec<Vec<f32>>) -> Result<u32, String> {
        let header = &frame.header;
        if header.codec == Codec::Aac && header.samples > 1024 {
            return Err("several blocks of AAC in one frame".into());
        }
        let is_same = self.decoder.as_ref().is_some_and(|(of, _)| {
            (of.codec, of.rate_hz, of.channels, of.object_type)
                == (header.codec, header.rate_hz, header.channels, header.object_type)
        });
        if !is_same {
            let decoder = decoder(header)?;
            if self.codec.is_empty() {
                self.codec = codec_name(codec_id(header.codec));
            }
            self.decoder = Some((*header, decoder));
        }
        let Some((_, decoder)) = &mut self.decoder else { return Err("no decoder".into()) };
        let packet = Packet::new(
            0,
            Timestamp::new(0),
            Duration::new(u64::from(header.samples)),
            &frame.bytes[header.header_bytes..],
        );
        let buffer = decoder.decode(&packet).map_err(|error| error.to_string())?;
        buffer.copy_to_vecs_planar::<f32>(planes);
        Ok(buffer.spec().rate())
    }

    fn begin_part(&mut self, contents: Option<(Contents, Header)>, output: &Output<'_>) {
        self.contents = contents;
        self.part_ms = output.strand_ms(0);
        self.counted = 0;
        self.skip = contents.and_then(|(contents, _)| contents.delay).unwrap_or(0);
        if contents.is_some() {
            // A new encoder's run leans on nothing before it.
            self.decoder = None;
        }
    }

    /// Ends an encoder's run: its padding is not heard where its frames are all there and no more than it says.
    fn end_part(&mut self, format: &'static str, output: &mut Output<'_>) -> Result<(), AudioError> {
        let declared = self.contents.and_then(|(contents, _)| contents.frames);
        if self.counted > 0 && declared == Some(self.counted) {
            self.held.clear();
        }
        self.release(output)?;
        if let Some((contents, header)) = self.contents
            && let Some(frames) = contents.frames.filter(|frames| *frames > self.counted)
        {
            let samples = (frames * u64::from(header.samples)).saturating_sub(contents.delay.unwrap_or(0));
            output.compare(0, format, self.part_ms + samples * 1000 / u64::from(header.rate_hz));
        }
        Ok(())
    }

    /// Hands on what is surely heard.
    fn push(&mut self, planes: &[Vec<f32>], output: &mut Output<'_>) -> Result<(), AudioError> {
        let frames = wide(planes[0].len());
        let skipped = self.skip.min(frames);
        self.skip -= skipped;
        let from = usize::try_from(skipped).unwrap_or(usize::MAX);
        let padding = usize::try_from(self.contents.map_or(0, |(contents, _)| contents.padding)).unwrap_or(0);
        if padding == 0 && self.held.is_empty() {
            return output.push_strand(0, planes, from..planes[0].len());
        }
        self.held.resize(planes.len(), Vec::new());
        for (held, plane) in self.held.iter_mut().zip(planes) {
            held.extend_from_slice(&plane[from..]);
        }
        let sure = self.held[0].len().saturating_sub(padding);
        output.push_strand(0, &self.held, 0..sure)?;
        for held in &mut self.held {
            held.drain(..sure);
        }
        Ok(())
    }

    /// Hands on what was held back.
    fn release(&mut self, output: &mut Output<'_>) -> Result<(), AudioError> {
        let held = std::mem::take(&mut self.held);
        match held.first() {
            Some(first) if !first.is_empty() => output.push_strand(0, &held, 0..first.len()),
            _ => Ok(()),
        }
    }
}

fn codec_id(codec: Codec) -> symphonia::core::codecs::audio::AudioCodecId {
    match codec {
        Codec::Mp1 => codecs::CODEC_ID_MP1,
        Codec::Mp2 => codecs::CODEC_ID_MP2,
        Codec::Mp3 => codecs::CODEC_ID_MP3,
        Codec::Aac => codecs::CODEC_ID_AAC,
    }
}

fn decoder(header: &Header) -> Result<Box<dyn AudioDecoder>, String> {
    let mut params = AudioCodecParameters::new();
    params.for_codec(codec_id(header.codec)).with_sample_rate(header.rate_hz);
    if header.codec == Codec::Aac {
        params.with_extra_data(aac_configuration(header)?.to_vec().into());
    }
    params.with_channels(Channels::Discrete(u16::from(header.channels.max(1))));
    // What is at the edges is cut here, by what is counted.
    let options = AudioDecoderOptions::default().gapless(false);
    symphonia::default::get_codecs().make_audio_decoder(&params, &options).map_err(|error| error.to_string())
}

/// An AudioSpecificConfig: object type in 5 bits, rate in 4, channels in 4. ISO 14496-3, 1.6.2.1.
fn aac_configuration(header: &Header) -> Result<[u8; 2], String> {
    if header.channels == 0 {
        return Err("AAC whose channels are described in its frames".into());
    }
    let rate =
        AAC_RATES_HZ.iter().zip(0_u16..).find(|(rate_hz, _)| **rate_hz == header.rate_hz).map_or(0, |(_, at)| at);
    let bits = (u16::from(header.object_type) << 11) | (rate << 7) | (u16::from(header.channels) << 3);
    Ok(bits.to_be_bytes())
}
