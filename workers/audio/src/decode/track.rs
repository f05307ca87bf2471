//! One audio track of a container, from its packets to its strand.

use symphonia::core::formats::Track;
use symphonia::core::packet::Packet;
use symphonia::core::units::{TimeBase, Timestamp};

use super::lost::Lost;
use super::mp4::{AudioTrack, Edit};
use super::output::Output;
use super::packet_decoder::PacketDecoder;
use super::timeline::{Piece, Played, Timeline};
use crate::AudioError;
use crate::wide::wide;

/// Where the packets' times run away from the samples by no more than this, it is rounding, ms.
const GAP_MS: u64 = 100;

/// A hole opens between two packets, by at least this much, ms; where times run away little by little, clocks differ …
const JUMP_MS: u64 = 50;

/// … and only this much is mended by silence, ms.
const DRIFT_MS: u64 = 1000;

/// A hole up to this long is believed whatever the container says of its length, ms: twelve hours.
const HOLE_MS: u64 = 12 * 3_600_000;

/// A clock that begins this late began before the recording did, ms.
const LATE_MS: u64 = 12 * 3_600_000;

/// What tells where a track begins.
#[derive(Debug, Clone)]
pub(super) enum Start {
    /// The container's index.
    Indexed(AudioTrack),
    /// The time of its first packet against that of the others.
    FirstPacket,
}

/// A track on its way out.
pub(super) struct Hearing {
    id: u32,
    name: String,
    strand: usize,
    codec: &'static str,
    decoder: PacketDecoder,
    clock: Option<TimeBase>,
    /// How long the container says it is, in ms.
    declared_ms: Option<u64>,
    start: Start,
    /// Which walk through the file it is; see [`Hearing::passes`].
    pass: usize,
    planes: Vec<Vec<f32>>,
    timeline: Option<Timeline>,
    /// Where the track begins in the recording at the earliest, ms: behind the stream before it.
    earliest_ms: u64,
    /// Time of the first packet, in the track's ticks.
    origin: i64,
    /// Which frame of the track the first packet begins with.
    begun: u64,
    rate_hz: u32,
    /// Frames of the last packet.
    last_frames: u64,
    /// How far the packets' times were ahead of the samples at the last packet, in frames.
    ahead: u64,
    lost: Lost,
    /// What was decoded in the first walk and is not played, ms.
    edited_out_ms: u64,
}

impl Hearing {
    pub(super) fn new(strand: usize, track: &Track, codec: &'static str, decoder: PacketDecoder, start: Start) -> Self {
        let language = track.language.as_deref().filter(|language| !language.is_empty() && *language != "und");
        Self {
            id: track.id,
            name: language.map_or_else(|| track.id.to_string(), |language| format!("{} [{language}]", track.id)),
            strand,
            codec,
            clock: track.time_base,
            declared_ms: declared_ms(track, &decoder, &start),
            decoder,
            start,
            pass: 0,
            planes: Vec::new(),
            timeline: None,
            earliest_ms: 0,
            origin: 0,
            begun: 0,
            edited_out_ms: 0,
            rate_hz: 0,
            last_frames: 0,
            ahead: 0,
            lost: Lost::default(),
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// For people: its number, and its language where that is said.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn strand(&self) -> usize {
        self.strand
    }

    pub(super) fn codec(&self) -> &'static str {
        self.codec
    }

    /// Whether nothing of it was decoded yet.
    pub(super) fn is_new(&self) -> bool {
        self.timeline.is_none()
    }

    pub(super) fn lost(&self) -> &Lost {
        &self.lost
    }

    pub(super) fn into_lost(self) -> Lost {
        self.lost
    }

    /// How long it should be, in ms, where its container says so.
    pub(super) fn declared_ms(&self) -> Option<u64> {
        self.declared_ms
    }

    /// What its container said of its length is not all of it.
    pub(super) fn forget_length(&mut self) {
        self.declared_ms = None;
    }

    /// Nothing of it comes before.
    pub(super) fn begins_at(&mut self, ms: u64) {
        self.earliest_ms = ms;
    }

    /// What a report states as its rate.
    pub(super) fn stated_rate_hz(&self, output: &Output<'_>) -> u32 {
        self.decoder.stated_rate_hz().unwrap_or_else(|| match self.rate_hz {
            0 => output.rate_of(self.strand),
            rate_hz => rate_hz,
        })
    }

    pub(super) fn instant_ns(&self, pts: Timestamp) -> i128 {
        self.clock.map_or(0, |clock| instant_ns(pts, clock))
    }

    /// How often the file is walked through for it: an edit list that goes back in the track needs it again.
    pub(super) fn passes(&self) -> usize {
        match &self.start {
            Start::Indexed(AudioTrack { edits: Some(edits), .. }) => forward_runs(edits).len().max(1),
            Start::Indexed(_) | Start::FirstPacket => 1,
        }
    }

    /// From its first packet again; where there is no decoder for that, nothing more of it is heard.
    pub(super) fn begin_pass(&mut self, pass: usize, decoder: Option<PacketDecoder>) {
        self.count_edited_out();
        self.pass = pass;
        self.timeline = match decoder {
            Some(decoder) => {
                self.decoder = decoder;
                None
            }
            None => Some(Timeline::new(self.strand, Vec::new(), 0)),
        };
    }

    /// What of it was decoded and is not played because its edit list leaves it out, in ms.
    pub(super) fn edited_out_ms(&mut self) -> u64 {
        self.count_edited_out();
        self.edited_out_ms
    }

    fn count_edited_out(&mut self) {
        let Some(timeline) = self.timeline.as_ref().filter(|_| self.pass == 0) else { return };
        if matches!(&self.start, Start::Indexed(AudioTrack { edits: Some(_), .. })) {
            self.edited_out_ms = timeline.unplayed() * 1000 / u64::from(self.rate_hz.max(1));
        }
    }

    /// Goes on with the stream that follows in the same file.
    pub(super) fn follow(&mut self, track: &Track, decoder: PacketDecoder, output: &Output<'_>) {
        self.id = track.id;
        self.clock = track.time_base;
        self.decoder = decoder;
        self.start = Start::FirstPacket;
        self.timeline = None;
        self.earliest_ms = output.reached_ms();
    }

    /// Something could not be read; how much is not known.
    pub(super) fn lose(&mut self, error: String, output: &Output<'_>) {
        self.lost.add(error, output.strand_ms(self.strand), 0);
    }

    /// Decodes a packet. `zero_ns` is when the recording begins by its container's clock,
    /// `container_ms` how long that says it is.
    pub(super) fn take(
        &mut self,
        packet: &Packet,
        zero_ns: i128,
        container_ms: Option<u64>,
        output: &mut Output<'_>,
    ) -> Result<(), AudioError> {
        let mut planes = std::mem::take(&mut self.planes);
        let decoded = self.decoder.decode(packet, &mut planes);
        match decoded {
            Ok(rate_hz) => {
                self.tune(planes.len(), rate_hz, packet, zero_ns, output)?;
                self.keep_time(packet, container_ms, output)?;
                self.last_frames = planes.first().map_or(0, |plane| wide(plane.len()));
                self.put(Piece::Sound(&planes), output)?;
            }
            Err(error) => {
                let start_ms = output.strand_ms(self.strand);
                if self.timeline.is_some() {
                    self.put(Piece::Silence(self.last_frames), output)?;
                }
                if self.pass == 0 {
                    self.lost.add(error, start_ms, output.strand_ms(self.strand) - start_ms);
                }
            }
        }
        self.planes = planes;
        Ok(())
    }

    fn put(&mut self, piece: Piece<'_>, output: &mut Output<'_>) -> Result<(), AudioError> {
        match &mut self.timeline {
            Some(timeline) => timeline.put(piece, output),
            None => Ok(()),
        }
    }

    /// Sees to it that the strand takes so many channels at such a rate, and that it is known what of the track is played.
    fn tune(
        &mut self,
        channels: usize,
        rate_hz: u32,
        packet: &Packet,
        zero_ns: i128,
        output: &mut Output<'_>,
    ) -> Result<(), AudioError> {
        if (channels, rate_hz) != (output.channels_of(self.strand), output.rate_of(self.strand)) {
            output.open_strand(self.strand, channels, rate_hz)?;
        }
        match &mut self.timeline {
            Some(timeline) if self.rate_hz != rate_hz => timeline.change_rate(self.rate_hz, rate_hz),
            Some(_) => {}
            None => self.timeline = Some(self.begin(packet, rate_hz, zero_ns)),
        }
        self.rate_hz = rate_hz;
        Ok(())
    }

    fn begin(&mut self, packet: &Packet, rate_hz: u32, zero_ns: i128) -> Timeline {
        self.ahead = 0;
        let earliest = frames_of_ms(self.earliest_ms, rate_hz);
        let late_ns = self.instant_ns(packet.pts).saturating_sub(zero_ns);
        let late_ms = u64::try_from(late_ns / 1_000_000).ok().filter(|ms| *ms <= LATE_MS).unwrap_or(0);
        self.origin = packet.pts.get();
        self.begun = 0;
        if let Start::Indexed(AudioTrack { timescale, edits: Some(edits), .. }) = &self.start {
            let first = u64::try_from(packet.pts.get()).unwrap_or(0);
            // A clock that began long before the recording: what was cut out of a stream.
            let first = if ticks_to_frames(first, *timescale, 1000) > LATE_MS { 0 } else { first };
            self.begun = ticks_to_frames(first, *timescale, rate_hz);
            let frames = |ticks: u64| ticks_to_frames(ticks, *timescale, rate_hz);
            let runs = forward_runs(edits);
            let run = runs.get(self.pass).map_or(&[][..], |run| &edits[run.clone()]);
            return Timeline::new(self.strand, run.iter().map(|edit| played(*edit, &frames)).collect(), self.begun);
        }
        if self.pass > 0 {
            // It was heard in the first walk.
            return Timeline::new(self.strand, Vec::new(), 0);
        }
        // The first packet of a stream opens with what the encoder put in front; it is at most this late all the same.
        let lead_in = self.decoder.lead_in();
        Timeline::whole(self.strand, lead_in, earliest + frames_of_ms(late_ms, rate_hz))
    }

    /// Puts silence where the packets' times prove that some are missing.
    fn keep_time(
        &mut self,
        packet: &Packet,
        container_ms: Option<u64>,
        output: &mut Output<'_>,
    ) -> Result<(), AudioError> {
        let (Some(clock), Some(timeline)) = (self.clock, &self.timeline) else { return Ok(()) };
        let Ok(ticks) = u64::try_from(packet.pts.get().saturating_sub(self.origin)) else { return Ok(()) };
        let expected = self.begun.saturating_add(clock_frames(ticks, clock, self.rate_hz));
        let rate_hz = u64::from(self.rate_hz.max(1));
        let behind = timeline.position().saturating_sub(expected);
        if behind > DRIFT_MS * rate_hz / 1000 {
            // The clock was set back: what follows goes on where the samples are, and is measured from there.
            self.origin =
                self.origin.saturating_sub(i64::try_from(frames_to_ticks(behind, clock, self.rate_hz)).unwrap_or(0));
            output.warn_of_leap(self.strand, &format!("track {} leaps back by {} s", self.name, behind / rate_hz));
            return Ok(());
        }
        let ahead = expected.saturating_sub(timeline.position());
        let opened = ahead.saturating_sub(std::mem::replace(&mut self.ahead, ahead));
        let ms = |frames: u64| frames.saturating_mul(1000) / rate_hz;
        let is_hole = ms(ahead) > GAP_MS && (ms(opened) >= JUMP_MS || ms(ahead) > DRIFT_MS);
        if !is_hole {
            return Ok(());
        }
        let is_within = container_ms.is_some_and(|container_ms| ms(expected) <= container_ms.saturating_add(GAP_MS));
        if ms(ahead) > HOLE_MS && !is_within || !output.has_room(self.strand, ahead) {
            // A leap of the clock: what follows goes on where the samples are.
            self.origin =
                self.origin.saturating_add(i64::try_from(frames_to_ticks(ahead, clock, self.rate_hz)).unwrap_or(0));
            output.warn_of_leap(self.strand, &format!("track {} leaps forward by {} s", self.name, ahead / rate_hz));
        } else {
            self.put(Piece::Silence(ahead), output)?;
        }
        self.ahead = 0;
        Ok(())
    }
}

/// The instant of a packet by its container's clock, in ns.
pub(super) fn instant_ns(pts: Timestamp, clock: TimeBase) -> i128 {
    i128::from(pts.get()) * i128::from(clock.numer.get()) * 1_000_000_000 / i128::from(clock.denom.get())
}

/// The stretches of an edit list that only go forward in the track, as places in the list.
fn forward_runs(edits: &[Edit]) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let mut first = 0;
    for at in 1..=edits.len() {
        let is_back = edits.get(at).is_none_or(|edit| {
            let before = edits[at - 1];
            before.ticks.is_none_or(|ticks| edit.from < before.from.saturating_add(ticks))
        });
        if is_back {
            runs.push(first..at);
            first = at;
        }
    }
    runs
}

fn played(edit: Edit, frames: &dyn Fn(u64) -> u64) -> Played {
    let from = frames(edit.from);
    let to = edit.ticks.map_or(u64::MAX, |ticks| from.saturating_add(frames(ticks)));
    Played { from, to, at: frames(edit.at) }
}

/// How long the container says a track is, encoder's lead-in aside, in ms.
fn declared_ms(track: &Track, decoder: &PacketDecoder, start: &Start) -> Option<u64> {
    if let Start::Indexed(AudioTrack { timescale, edits: Some(edits), .. }) = start {
        let last = edits.last()?;
        let end = last.at.checked_add(last.ticks?)?;
        return Some(ticks_to_frames(end, *timescale, 1000));
    }
    let clock = track.time_base?;
    let ticks = track.duration.map(|duration| duration.get()).or(track.num_frames)?;
    let declared_ms = clock_frames(ticks, clock, 1000);
    // 16 samples a millisecond.
    Some(declared_ms.saturating_sub(decoder.lead_in() / 16))
}

fn ticks_to_frames(ticks: u64, timescale: u32, rate_hz: u32) -> u64 {
    u64::try_from(u128::from(ticks) * u128::from(rate_hz) / u128::from(timescale.max(1))).unwrap_or(u64::MAX)
}

fn clock_frames(ticks: u64, clock: TimeBase, rate_hz: u32) -> u64 {
    let frames =
        u128::from(ticks) * u128::from(clock.numer.get()) * u128::from(rate_hz) / u128::from(clock.denom.get());
    u64::try_from(frames).unwrap_or(u64::MAX)
}

fn frames_to_ticks(frames: u64, clock: TimeBase, rate_hz: u32) -> u64 {
    let ticks = u128::from(frames) * u128::from(clock.denom.get())
        / (u128::from(clock.numer.get()) * u128::from(rate_hz.max(1)));
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

fn frames_of_ms(ms: u64, rate_hz: u32) -> u64 {
    ms * u64::from(rate_hz) / 1000
}
