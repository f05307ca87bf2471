//! What symphonia takes apart, packet by packet, and it or libopus decodes.

use std::fs::File;

use earmark_core::SAMPLE_RATE_HZ;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known as codecs;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::common::Limit;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

use super::codec_names::codec_name;
use super::foreign::Foreign;
use super::options::DecodeOptions;
use super::output::{Output, check_declared};
use super::sink::Streamed;
use super::sniff::{Found, Length};
use super::source::Source;
use super::{mp4, opus};
use crate::AudioError;
use crate::wide::wide;

/// Gaps in the packets' times up to this long are rounding, ms.
const GAP_MS: u64 = 100;

/// Bytes of one tag or picture kept while the header is read; nothing here reads them.
const TAG_BYTES: usize = 1 << 16;

/// What became of it.
pub(super) enum Outcome {
    Done(Streamed),
    /// The container is known, the codec in it is not.
    Elsewhere(Foreign),
}

/// Gaps longer than this are a leap of the clock, not missing sound, ms.
const LEAP_MS: u64 = 600_000;

/// Packets that may fail one after another before the rest is given up.
const MAX_FAILURES: u32 = 500;

/// Decodes the first audio track of `file`.
pub(super) fn decode(
    file: &File,
    found: &Found,
    options: &DecodeOptions,
    output: &mut Output<'_>,
) -> Result<Outcome, AudioError> {
    let edit = if found.format == "MP4" { mp4::edit(file, options.memory_bytes)? } else { None };
    let source = Source::open(file, output.deadline())?;
    let stream = MediaSourceStream::new(Box::new(source), Default::default());
    let meta = MetadataOptions::default()
        .limit_tag_bytes(Limit::Maximum(TAG_BYTES))
        .limit_visual_bytes(Limit::Maximum(TAG_BYTES));
    let mut reader = match symphonia::default::get_probe().probe(&Hint::new(), stream, FormatOptions::default(), meta) {
        Ok(reader) => reader,
        Err(error) => {
            output.check()?;
            // What symphonia cannot take apart ffmpeg may.
            return match options.ffmpeg {
                Some(_) => Ok(Outcome::Elsewhere(Foreign::named(found.format))),
                None => Err(AudioError::Malformed { format: found.format, what: error.to_string() }),
            };
        }
    };
    let Some((track, params)) = audio_track(reader.as_ref()) else {
        return Err(AudioError::NoAudioTrack { format: found.format });
    };
    let codec = codec_name(params.codec);
    let Some(decoder) = PacketDecoder::new(&params)? else {
        return Ok(Outcome::Elsewhere(Foreign::named(&format!("{} with {codec}", found.format))));
    };
    let rate_hz = params.sample_rate.unwrap_or(opus::CLOCK_HZ);
    let declared = declared_secs(&track, &decoder);
    let mut session = Session {
        decoder,
        track,
        edit,
        planes: Vec::new(),
        rate_hz,
        origin: None,
        base: 0,
        position: 0,
        last_frames: 0,
        lost: Lost::default(),
    };
    session.run(reader.as_mut(), found.format, output)?;
    if session.planes.is_empty() {
        return match session.lost.first {
            Some(error) if options.ffmpeg.is_some() => {
                Ok(Outcome::Elsewhere(Foreign::named(&format!("{} with {codec} ({error})", found.format))))
            }
            Some(error) => Err(AudioError::Malformed { format: found.format, what: error }),
            None => Err(AudioError::NoSamples { format: found.format.into(), what: "it ends after its header".into() }),
        };
    }
    session.lost.warn(output);
    let clock_hz = u64::from(output.rate_hz());
    let declared =
        match (found.length, edit.and_then(|edit| edit.keep.map(|keep| to_float(keep) / f64::from(edit.timescale)))) {
            (Length::Nowhere, _) => None,
            (Length::Frames(frames), _) => Some(frames),
            (Length::Header, Some(secs)) => Some(to_frames(secs, clock_hz)),
            (Length::Header, None) => declared.map(|secs| to_frames(secs, clock_hz)),
        };
    output.finish(codec.into(), session.rate_hz, found.format, declared).map(Outcome::Done)
}

/// A count of ticks or frames; exact below 2^53, which no recording reaches.
#[expect(clippy::as_conversions, reason = "there is no `From` for 64 bits")]
fn to_float(count: u64) -> f64 {
    count as f64
}

fn to_frames(secs: f64, rate_hz: u64) -> u64 {
    #[expect(clippy::as_conversions, reason = "a length; a cast from a float saturates")]
    let frames = (secs * to_float(rate_hz)).round() as u64;
    frames
}

/// A track on its way out.
struct Session {
    decoder: PacketDecoder,
    track: Track,
    edit: Option<mp4::Edit>,
    planes: Vec<Vec<f32>>,
    /// What the report says.
    rate_hz: u32,
    /// Time of the first packet, in the track's ticks.
    origin: Option<i64>,
    /// Where the track's first packet lies, in frames: 0, but for the second of two streams one behind the other.
    base: u64,
    /// Frames decoded, dropped ones included.
    position: u64,
    /// Frames of the last packet.
    last_frames: u64,
    lost: Lost,
}

/// What could not be decoded.
#[derive(Default)]
struct Lost {
    packets: u64,
    first: Option<String>,
    silence_ms: u64,
}

impl Lost {
    fn add(&mut self, error: String) {
        self.packets += 1;
        self.first.get_or_insert(error);
    }

    fn warn(&self, output: &mut Output<'_>) {
        if self.packets == 0 && self.silence_ms == 0 {
            return;
        }
        let first = self.first.as_deref().unwrap_or("missing from the file");
        output.warn(
            "decode_errors",
            format!(
                "{} packets could not be decoded ({first}), {} ms of silence keep the time",
                self.packets, self.silence_ms
            ),
        );
    }
}

impl Session {
    fn run(
        &mut self,
        reader: &mut dyn FormatReader,
        format: &'static str,
        output: &mut Output<'_>,
    ) -> Result<(), AudioError> {
        let mut failures = 0;
        while failures < MAX_FAILURES {
            output.check()?;
            match reader.next_packet() {
                Ok(None) => break,
                Ok(Some(packet)) if packet.track_id == self.track.id => {
                    let is_decoded = self.take(&packet, output)?;
                    failures = if is_decoded { 0 } else { failures + 1 };
                }
                Ok(Some(_)) => {}
                Err(Error::ResetRequired) => {
                    if !self.follow(reader, output)? {
                        break;
                    }
                }
                Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
                Err(Error::IoError(source)) => {
                    output.check()?;
                    return Err(AudioError::Read { source });
                }
                Err(error) => {
                    self.lost.add(format!("{format}: {error}"));
                    failures += 1;
                }
            }
        }
        Ok(())
    }

    /// Decodes a packet; whether it could be.
    fn take(&mut self, packet: &Packet, output: &mut Output<'_>) -> Result<bool, AudioError> {
        let decoded = match &mut self.decoder {
            PacketDecoder::Symphonia(decoder) => match decoder.decode(packet) {
                Ok(buffer) => {
                    let spec = buffer.spec();
                    let (channels, rate_hz) = (spec.channels().count(), spec.rate());
                    buffer.copy_to_vecs_planar::<f32>(&mut self.planes);
                    Ok((channels, rate_hz))
                }
                Err(error) => Err(error.to_string()),
            },
            PacketDecoder::Opus { decoder, .. } => match decoder.decode(&packet.data) {
                Ok(planes) => {
                    let trimmed =
                        usize::try_from(packet.trim_end.get() * u64::from(SAMPLE_RATE_HZ) / u64::from(opus::CLOCK_HZ))
                            .unwrap_or(0);
                    for plane in planes.iter_mut() {
                        plane.truncate(plane.len().saturating_sub(trimmed));
                    }
                    self.planes = planes.to_vec();
                    Ok((self.planes.len(), SAMPLE_RATE_HZ))
                }
                Err(error) => Err(error.to_string()),
            },
        };
        match decoded {
            Ok((channels, rate_hz)) => {
                if output.channels() == 0 {
                    self.open(channels, rate_hz, output)?;
                }
                if (channels, rate_hz) != (output.channels(), output.rate_hz()) {
                    self.lost.add(format!("{channels} channels at {rate_hz} Hz in the middle of the recording"));
                    return Ok(false);
                }
                self.keep_time(packet, output)?;
                self.last_frames = wide(self.planes[0].len());
                self.position += self.last_frames;
                output.push(&self.planes)?;
                Ok(true)
            }
            Err(error) => {
                self.lost.add(error);
                if output.channels() > 0 {
                    self.fill(self.last_frames, output)?;
                }
                Ok(false)
            }
        }
    }

    fn open(&mut self, channels: usize, rate_hz: u32, output: &mut Output<'_>) -> Result<(), AudioError> {
        output.open(channels, rate_hz)?;
        let rate = u64::from(rate_hz);
        if let Some(edit) = self.edit.filter(|edit| edit.timescale > 0) {
            let frames = |ticks: u64| {
                u64::try_from(u128::from(ticks) * u128::from(rate) / u128::from(edit.timescale)).unwrap_or(u64::MAX)
            };
            output.trim(frames(edit.skip), edit.keep.map(frames));
        } else if let PacketDecoder::Opus { pre_skip, .. } = self.decoder {
            output.trim(u64::from(pre_skip) * rate / u64::from(opus::CLOCK_HZ), None);
        }
        if matches!(self.decoder, PacketDecoder::Symphonia(_)) {
            self.rate_hz = rate_hz;
        }
        Ok(())
    }

    /// Puts silence where the packets' times say that some are missing.
    fn keep_time(&mut self, packet: &Packet, output: &mut Output<'_>) -> Result<(), AudioError> {
        let Some(clock) = self.track.time_base else { return Ok(()) };
        let origin = *self.origin.get_or_insert(packet.pts.get());
        let Ok(ticks) = u64::try_from(packet.pts.get().saturating_sub(origin)) else { return Ok(()) };
        let expected = self.base + ticks_to_frames(ticks, clock, output.rate_hz());
        let missing = expected.saturating_sub(self.position);
        let missing_ms = missing * 1000 / u64::from(output.rate_hz());
        if missing_ms > LEAP_MS {
            self.origin = Some(packet.pts.get());
            self.base = self.position;
            return Ok(());
        }
        if missing_ms > GAP_MS { self.fill(missing, output) } else { Ok(()) }
    }

    fn fill(&mut self, frames: u64, output: &mut Output<'_>) -> Result<(), AudioError> {
        self.position += frames;
        self.lost.silence_ms += frames * 1000 / u64::from(output.rate_hz());
        output.push_silence(frames)
    }

    /// Goes on with the stream that follows in the same file; whether there is one that fits.
    fn follow(&mut self, reader: &dyn FormatReader, output: &Output<'_>) -> Result<bool, AudioError> {
        let Some((track, params)) = audio_track(reader) else { return Ok(false) };
        let Some(decoder) = PacketDecoder::new(&params)? else { return Ok(false) };
        self.decoder = decoder;
        self.track = track;
        self.origin = None;
        self.base = self.position;
        output.check()?;
        Ok(true)
    }
}

fn ticks_to_frames(ticks: u64, clock: TimeBase, rate_hz: u32) -> u64 {
    let frames =
        u128::from(ticks) * u128::from(clock.numer.get()) * u128::from(rate_hz) / u128::from(clock.denom.get());
    u64::try_from(frames).unwrap_or(u64::MAX)
}

/// What turns packets into samples.
enum PacketDecoder {
    Symphonia(Box<dyn AudioDecoder>),
    Opus { decoder: opus::Decoder, pre_skip: u16 },
}

impl PacketDecoder {
    /// None where the codec is unknown.
    fn new(params: &AudioCodecParameters) -> Result<Option<Self>, AudioError> {
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
}

/// HE-AAC says so in the first five bits of its configuration: object type 5 or 29. ISO 14496-3, 1.6.2.1.
fn has_spectral_replication(config: &[u8]) -> bool {
    config.first().is_some_and(|byte| matches!(byte >> 3, 5 | 29))
}

fn audio_track(reader: &dyn FormatReader) -> Option<(Track, AudioCodecParameters)> {
    let track = reader.first_track_known_codec(TrackType::Audio).or_else(|| reader.first_track(TrackType::Audio))?;
    match &track.codec_params {
        Some(CodecParameters::Audio(params)) => Some((track.clone(), params.clone())),
        _ => None,
    }
}

/// How long the container says the track is, encoder's lead-in aside, in seconds.
fn declared_secs(track: &Track, decoder: &PacketDecoder) -> Option<f64> {
    let clock = track.time_base?;
    let secs = |ticks: u64| to_float(ticks) * f64::from(clock.numer.get()) / f64::from(clock.denom.get());
    let declared = secs(track.duration.map(|duration| duration.get()).or(track.num_frames)?);
    match decoder {
        PacketDecoder::Symphonia(_) => Some(declared),
        PacketDecoder::Opus { pre_skip, .. } => Some(declared - f64::from(*pre_skip) / f64::from(opus::CLOCK_HZ)),
    }
}
