//! What symphonia takes apart, packet by packet, and it or libopus decodes.

use std::fs::File;

use earmark_core::Span;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecParameters, CODEC_ID_NULL_AUDIO};
use symphonia::core::common::Limit;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::codec_names::codec_name;
use super::foreign::Foreign;
use super::mp4::{self, AudioTrack};
use super::ogg_pages;
use super::options::{DecodeOptions, MAX_CHANNELS};
use super::output::Output;
use super::packet_decoder::PacketDecoder;
use super::route::{Found, Length};
use super::sink::Streamed;
use super::source::Source;
use super::track::{Hearing, Start, instant_ns};
use crate::AudioError;
use crate::wide::wide;

/// Bytes of one tag or picture kept while the header is read; nothing here reads them.
const TAG_BYTES: usize = 1 << 16;

/// What became of it.
pub(super) enum Outcome {
    Done(Streamed),
    /// The container is known, the codec in it is not.
    Elsewhere(Foreign),
}

/// Tracks that are named as not heard.
const MOST_UNHEARD: usize = 20;

/// How often in a row the container may make no sense before the rest is given up.
const MAX_FAILURES: u32 = 500;

/// What an edit list leaves out of a track up to this long is an encoder's, ms.
const EDITED_OUT_MS: u64 = 1000;

/// An edit list may go back in its track so often; each time the file is walked through anew.
const MAX_PASSES: usize = 16;

/// Decodes the audio tracks of `file`.
pub(super) fn decode(
    file: &File,
    found: &Found,
    options: &DecodeOptions,
    output: &mut Output<'_>,
) -> Result<Outcome, AudioError> {
    let format = found.format;
    let indexed = if format == "MP4" { mp4::audio_tracks(file, options.memory_bytes)? } else { Vec::new() };
    let mut reader = match open(file, output) {
        Ok(reader) => reader,
        Err(error) => {
            output.check()?;
            // What symphonia cannot take apart ffmpeg may.
            return match options.ffmpeg {
                Some(_) => Ok(Outcome::Elsewhere(Foreign::named(format))),
                None => Err(AudioError::Malformed { format, what: error.to_string() }),
            };
        }
    };
    let mut tracks = reader.tracks().to_vec();
    if format == "Ogg" {
        // symphonia lists the streams by their serial numbers, which are drawn at random.
        let order = ogg_pages::serials(file);
        tracks.sort_by_key(|track| order.iter().position(|serial| *serial == track.id));
    }
    let declared_ms = declared_ms(reader.as_ref());
    let mut container = match Container::of(&tracks, format, &indexed, declared_ms, options.ffmpeg.is_some())? {
        Known::Tracks(container) => container,
        Known::Elsewhere(codec) => return Ok(Outcome::Elsewhere(Foreign::named(&format!("{format} with {codec}")))),
        Known::Nothing => return Err(AudioError::NoAudioTrack { format }),
    };
    container.run(reader.as_mut(), output)?;
    for pass in 1..container.passes().min(MAX_PASSES) {
        let mut again =
            open(file, output).map_err(|error| AudioError::Malformed { format, what: error.to_string() })?;
        container.begin_pass(pass, again.as_ref())?;
        container.run(again.as_mut(), output)?;
    }
    if container.passes() > MAX_PASSES {
        let detail = format!(
            "an edit list goes back in its track {} times, {MAX_PASSES} are followed: the rest of what it plays is not heard",
            container.passes()
        );
        output.warn("edits_left_out", detail);
    }
    if container.is_silent() {
        let error = container.tracks.iter().find_map(|track| track.lost().first().map(str::to_owned));
        let codec = container.codec();
        return match error {
            Some(error) if options.ffmpeg.is_some() => {
                Ok(Outcome::Elsewhere(Foreign::named(&format!("{format} with {codec} ({error})"))))
            }
            Some(error) => Err(AudioError::Malformed { format, what: error }),
            None => Err(AudioError::NoSamples { format: format.into(), what: "it ends after its header".into() }),
        };
    }
    container.finish(found.length, output).map(Outcome::Done)
}

fn open(file: &File, output: &Output<'_>) -> Result<Box<dyn FormatReader>, Error> {
    let source = Source::open(file, output.deadline()).map_err(|error| match error {
        AudioError::Read { source } => Error::IoError(source),
        other => Error::IoError(std::io::Error::other(other)),
    })?;
    let stream = MediaSourceStream::new(Box::new(source), Default::default());
    let meta = MetadataOptions::default()
        .limit_tag_bytes(Limit::Maximum(TAG_BYTES))
        .limit_visual_bytes(Limit::Maximum(TAG_BYTES));
    symphonia::default::get_probe().probe(&Hint::new(), stream, FormatOptions::default(), meta)
}

/// What a container holds.
enum Known {
    Tracks(Container),
    /// Something only ffmpeg decodes: the codec's name.
    Elsewhere(String),
    Nothing,
}

/// The audio tracks of a container on their way out.
struct Container {
    format: &'static str,
    tracks: Vec<Hearing>,
    /// Tracks that are not heard, in words.
    unheard: Vec<String>,
    /// The first instant of any track, sound or not, in ns; where the recording begins if its clock says nothing better.
    zero_ns: Option<i128>,
    /// How long the container says it is, in ms.
    declared_ms: Option<u64>,
    /// The file ends before its container does, or was given up.
    is_cut: bool,
}

impl Container {
    fn of(
        found: &[Track],
        format: &'static str,
        indexed: &[AudioTrack],
        declared_ms: Option<u64>,
        has_ffmpeg: bool,
    ) -> Result<Known, AudioError> {
        let mut container =
            Self { format, tracks: Vec::new(), unheard: Vec::new(), zero_ns: None, declared_ms, is_cut: false };
        let mut channels = 0;
        // Tracks that only ffmpeg decodes, and by what they are coded.
        let mut elsewhere: Vec<(u32, String)> = Vec::new();
        for track in found {
            let index = indexed.iter().find(|indexed| indexed.id == track.id);
            let params = match audio(track) {
                Some(params) => params,
                // A track of sound whose codec symphonia has no name for.
                None => {
                    if let Some(index) = index {
                        elsewhere.push((track.id, index.codec.clone()));
                    }
                    continue;
                }
            };
            let codec = codec_name(params.codec);
            let wanted = params.channels.as_ref().map_or(1, |channels| wide(channels.count()));
            if !container.tracks.is_empty() && channels + wanted > MAX_CHANNELS {
                let track = format!(
                    "track {} ({codec}, {wanted} channels), for a recording has at most {MAX_CHANNELS}",
                    track.id
                );
                container.unheard.push(track);
                continue;
            }
            let Some(decoder) = PacketDecoder::new(&params)? else {
                elsewhere.push((track.id, codec.into()));
                continue;
            };
            channels += wanted;
            let strand = container.tracks.len();
            let start = match index {
                Some(index) => Start::Indexed(index.clone()),
                None => Start::FirstPacket,
            };
            let mut hearing = Hearing::new(strand, track, codec, decoder, start);
            if format == "Ogg" {
                // What it says is when its last page ends by its clock, whenever that began.
                hearing.forget_length();
            }
            container.tracks.push(hearing);
        }
        match elsewhere.first() {
            Some((_, codec)) if has_ffmpeg || container.tracks.is_empty() => {
                return Ok(Known::Elsewhere(codec.clone()));
            }
            _ => {}
        }
        container
            .unheard
            .extend(elsewhere.iter().map(|(id, codec)| format!("track {id} ({codec}), which needs ffmpeg")));
        if !container.tracks.is_empty() {
            return Ok(Known::Tracks(container));
        }
        // Tracks of a codec that symphonia has no name for: sound or not, ffmpeg knows.
        let is_unknown = found.iter().any(|track| track.codec_params.is_none());
        Ok(if is_unknown { Known::Elsewhere("an unusual codec".into()) } else { Known::Nothing })
    }

    /// How often the file has to be walked through.
    fn passes(&self) -> usize {
        self.tracks.iter().map(Hearing::passes).max().unwrap_or(1)
    }

    /// Prepares for the walk number `pass`, from 0.
    fn begin_pass(&mut self, pass: usize, reader: &dyn FormatReader) -> Result<(), AudioError> {
        for hearing in &mut self.tracks {
            let params = reader.tracks().iter().find(|track| track.id == hearing.id()).and_then(audio);
            hearing.begin_pass(pass, params.as_ref().map(PacketDecoder::new).transpose()?.flatten());
        }
        Ok(())
    }

    fn run(&mut self, reader: &mut dyn FormatReader, output: &mut Output<'_>) -> Result<(), AudioError> {
        let mut failures = 0;
        while failures < MAX_FAILURES {
            output.check()?;
            match reader.next_packet() {
                Ok(None) => break,
                Ok(Some(packet)) => {
                    self.take(&packet, reader.tracks(), output)?;
                    failures = 0;
                }
                Err(Error::ResetRequired) => {
                    if !self.follow(reader, output)? {
                        break;
                    }
                }
                Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    // The others have their length declared.
                    self.is_cut = self.format == "Ogg";
                    break;
                }
                Err(Error::IoError(source)) => {
                    output.check()?;
                    return Err(AudioError::Read { source });
                }
                Err(error) => {
                    let error = format!("{}: {error}", self.format);
                    if let Some(track) = self.tracks.first_mut() {
                        track.lose(error, output);
                    }
                    failures += 1;
                }
            }
        }
        self.is_cut |= failures >= MAX_FAILURES;
        Ok(())
    }

    /// Takes a packet of any track.
    fn take(&mut self, packet: &Packet, tracks: &[Track], output: &mut Output<'_>) -> Result<(), AudioError> {
        let Some(at) = self.tracks.iter().position(|track| track.id() == packet.track_id) else {
            let clock = tracks.iter().find(|track| track.id == packet.track_id).and_then(|track| track.time_base);
            // A picture says when the recording begins.
            if let Some(clock) = clock
                && self.is_silent()
            {
                let instant = instant_ns(packet.pts, clock);
                self.zero_ns = Some(self.zero_ns.map_or(instant, |zero_ns| zero_ns.min(instant)));
            }
            return Ok(());
        };
        let track = &mut self.tracks[at];
        let zero_ns = *self.zero_ns.get_or_insert(track.instant_ns(packet.pts));
        track.take(packet, zero_ns, self.declared_ms, output)
    }

    /// Goes on with the streams that follow in the same file, each on its predecessor's strand; whether there are any.
    fn follow(&mut self, reader: &dyn FormatReader, output: &mut Output<'_>) -> Result<bool, AudioError> {
        output.check()?;
        let mut strand = 0;
        output.level()?;
        self.zero_ns = None;
        for track in reader.tracks() {
            let Some(params) = audio(track) else { continue };
            let Some(decoder) = PacketDecoder::new(&params)? else {
                self.unheard.push(format!("a later stream ({})", codec_name(params.codec)));
                continue;
            };
            match self.tracks.get_mut(strand) {
                Some(hearing) => hearing.follow(track, decoder, output),
                None if output.channels() + params.channels.as_ref().map_or(1, |channels| channels.count())
                    > usize::try_from(MAX_CHANNELS).unwrap_or(usize::MAX) =>
                {
                    self.unheard.push(format!("a later stream ({})", codec_name(params.codec)));
                    continue;
                }
                None => {
                    let mut hearing =
                        Hearing::new(strand, track, codec_name(params.codec), decoder, Start::FirstPacket);
                    hearing.begins_at(output.reached_ms());
                    self.tracks.push(hearing);
                }
            }
            strand += 1;
        }
        // What is declared is the first stream's length.
        self.declared_ms = None;
        for track in &mut self.tracks {
            track.forget_length();
        }
        Ok(strand > 0)
    }

    /// Whether nothing was decoded at all.
    fn is_silent(&self) -> bool {
        self.tracks.iter().all(Hearing::is_new)
    }

    fn codec(&self) -> &'static str {
        self.tracks.first().map_or("an unknown codec", Hearing::codec)
    }

    fn finish(self, length: Length, output: &mut Output<'_>) -> Result<Streamed, AudioError> {
        let Self { format, mut tracks, unheard, is_cut, .. } = self;
        if is_cut {
            let at = output.reached_ms();
            let detail = format!("the {format} file makes no sense, or ends, behind {at} ms of audio");
            output.warn_within("recording_truncated", detail, vec![Span { start_ms: at, end_ms: at }]);
        }
        let edited_out_ms: u64 = tracks.iter_mut().map(Hearing::edited_out_ms).max().unwrap_or(0);
        if edited_out_ms > EDITED_OUT_MS {
            let detail = format!("{edited_out_ms} ms of sound are in the file and not in what its edit list plays");
            output.warn("edited_out", detail);
        }
        for track in &tracks {
            let declared_ms = match length {
                Length::Nowhere => None,
                Length::Frames(frames) => Some(frames.saturating_mul(1000) / u64::from(output.rate_of(0).max(1))),
                Length::Header => track.declared_ms(),
            };
            if let Some(declared_ms) = declared_ms {
                output.compare(track.strand(), format, declared_ms);
            }
        }
        tell_tracks(&tracks, &unheard, output);
        let rate_hz = tracks.first().map_or(0, |track| track.stated_rate_hz(output));
        let codec = tracks.first().map_or("", Hearing::codec).to_owned();
        for track in tracks {
            track.into_lost().warn(output);
        }
        output.finish(codec, rate_hz, format, None)
    }
}

/// Says which track became which channel, where there are several, and which is not heard.
fn tell_tracks(tracks: &[Hearing], unheard: &[String], output: &mut Output<'_>) {
    if tracks.len() > 1 {
        let mut first = 0;
        let told: Vec<String> = tracks
            .iter()
            .map(|track| {
                let channels = output.width(track.strand());
                let named = match channels {
                    0 => "has no sound".to_owned(),
                    1 => format!("is channel {first}"),
                    more => format!("is channels {first} to {}", first + more - 1),
                };
                first += channels;
                format!("track {} ({}) {named}", track.name(), track.codec())
            })
            .collect();
        output.warn("tracks_joined", format!("the file has {} tracks of sound: {}", tracks.len(), told.join(", ")));
    }
    if !unheard.is_empty() {
        let shown = unheard.iter().take(MOST_UNHEARD).cloned().collect::<Vec<_>>().join(", ");
        let more = unheard.len().saturating_sub(MOST_UNHEARD);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        output.warn("tracks_unheard", format!("not heard: {shown}{more}"));
    }
}

fn audio(track: &Track) -> Option<AudioCodecParameters> {
    match &track.codec_params {
        Some(CodecParameters::Audio(params)) if params.codec != CODEC_ID_NULL_AUDIO => Some(params.clone()),
        _ => None,
    }
}

/// How long the container as a whole says it is.
fn declared_ms(reader: &dyn FormatReader) -> Option<u64> {
    let info = reader.media_info();
    let (clock, duration) = (info.time_base?, info.duration?);
    let ms = u128::from(duration.get()) * 1000 * u128::from(clock.numer.get()) / u128::from(clock.denom.get());
    u64::try_from(ms).ok().filter(|ms| *ms > 0)
}
