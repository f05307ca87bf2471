//! Opus in Ogg: streams side by side, which are channels, and one behind the other. Every page says when it ends, so
//! that what is missing is known from page to page. RFC 3533, RFC 7845.

use std::fs::File;
use std::os::unix::fs::FileExt;

use earmark_core::{SAMPLE_RATE_HZ, Span};

use super::lost::Lost;
use super::ogg_pages::{Next, Pages};
use super::options::MAX_CHANNELS;
use super::opus::{self, CLOCK_HZ};
use super::output::{Output, check_declared};
use super::sink::Streamed;
use super::source::Source;
use super::timeline::{Piece, Timeline};
use crate::AudioError;
use crate::wide::wide;

/// Bytes looked through for the streams' first pages.
const HEAD_BYTES: usize = 1 << 14;

/// Shorter holes in the pages' times are rounding, in ticks of 48 kHz: 100 ms.
const GAP: u64 = 4_800;

/// Longer ones are a leap of the clock: twelve hours.
const LEAP: u64 = 12 * 3_600 * 48_000;

/// Streams that are named as not heard.
const MOST_UNHEARD: usize = 20;

/// Ticks of a sample at 16 kHz.
const TICKS: u64 = 3;

/// Whether all sound at the start of `file` is Opus in Ogg.
pub(super) fn is_opus(file: &File) -> bool {
    let mut head = vec![0; HEAD_BYTES];
    let got = file.read_at(&mut head, 0).unwrap_or(0);
    head.truncate(got);
    let opens = |mark: &[u8]| head.windows(mark.len()).any(|window| window == mark);
    head.starts_with(b"OggS")
        && opens(b"OpusHead")
        && ![&b"\x01vorbis"[..], b"\x7FFLAC", b"Speex   "].iter().any(|mark| opens(mark))
}

/// Decodes all streams of `file`.
pub(super) fn decode(file: &File, output: &mut Output<'_>) -> Result<Streamed, AudioError> {
    let mut pages = Pages::of(Source::open(file, output.deadline())?);
    let mut group = Group::default();
    loop {
        output.check()?;
        match pages.next() {
            Ok(Next::Packet(packet)) => group.take(packet, output)?,
            Ok(Next::Damage(what)) => group.lose(what, output),
            Ok(Next::End { is_cut }) => {
                group.is_cut = is_cut;
                break;
            }
            Err(source) => {
                output.check()?;
                return Err(AudioError::Read { source });
            }
        }
    }
    group.finish(output)
}

/// The streams that run side by side at present.
#[derive(Default)]
struct Group {
    streams: Vec<Stream>,
    /// When the first of them began, by its own clock, in ticks.
    zero: Option<u64>,
    /// Where they begin in the recording, ms.
    begins_ms: u64,
    /// Serial numbers of streams that are not heard.
    others: Vec<u32>,
    /// Those that may hold sound, in words.
    unheard: Vec<String>,
    lost: Lost,
    /// The most streams there were at once.
    most: usize,
    is_cut: bool,
}

/// One stream.
struct Stream {
    serial: u32,
    strand: usize,
    head: opus::Head,
    decoder: opus::Decoder,
    /// Whether anything followed its first page.
    is_under_way: bool,
    /// Packets of the page that has not ended.
    page: Vec<Vec<u8>>,
    timeline: Option<Timeline>,
    /// When the next packet is due by the stream's clock, in ticks.
    due: u64,
}

impl Group {
    fn take(&mut self, packet: ogg::Packet, output: &mut Output<'_>) -> Result<(), AudioError> {
        if packet.first_in_stream() {
            return self.open(&packet, output);
        }
        let Some(at) = self.streams.iter().position(|stream| stream.serial == packet.stream_serial()) else {
            // Its first page is damaged, or it is no sound: pictures have packets that are no lengths.
            if !self.others.contains(&packet.stream_serial()) {
                self.lost.add("packets of a stream whose beginning is not there".into(), output.reached_ms(), 0);
            }
            return Ok(());
        };
        let stream = &mut self.streams[at];
        stream.is_under_way = true;
        if packet.data.starts_with(b"OpusTags") {
            return Ok(());
        }
        let (is_page_over, is_last, end) = (packet.last_in_page(), packet.last_in_stream(), packet.absgp_page());
        stream.page.push(packet.data);
        if is_page_over { self.page(at, end, is_last, output) } else { Ok(()) }
    }

    /// A stream begins: beside those that have not begun to sound, or behind those that have.
    fn open(&mut self, packet: &ogg::Packet, output: &mut Output<'_>) -> Result<(), AudioError> {
        if self.streams.iter().any(|stream| stream.is_under_way) {
            output.level()?;
            self.begins_ms = output.reached_ms();
            self.streams.clear();
            self.others.clear();
            self.zero = None;
        }
        if !packet.data.starts_with(b"OpusHead") {
            self.others.push(packet.stream_serial());
            // A skeleton holds no sound.
            if self.unheard.len() < MOST_UNHEARD && !packet.data.starts_with(b"fishead") {
                self.unheard.push(format!("stream {:#010x}, which is not Opus", packet.stream_serial()));
            }
            return Ok(());
        }
        let head = opus::Head::parse(&packet.data)?;
        let channels: usize = self.streams.iter().map(|stream| stream.head.channels()).sum();
        let wanted = channels + head.channels();
        if !self.streams.is_empty() && wide(wanted) > MAX_CHANNELS {
            self.others.push(packet.stream_serial());
            if self.unheard.len() < MOST_UNHEARD {
                self.unheard.push(format!("stream {:#010x} ({} channels)", packet.stream_serial(), head.channels()));
            }
            return Ok(());
        }
        check_declared(wide(head.channels()), CLOCK_HZ)?;
        let strand = self.streams.len();
        let decoder = opus::Decoder::new(&head)?;
        let serial = packet.stream_serial();
        self.streams.push(Stream {
            serial,
            strand,
            head,
            decoder,
            is_under_way: false,
            page: Vec::new(),
            timeline: None,
            due: 0,
        });
        self.most = self.most.max(self.streams.len());
        Ok(())
    }

    /// A page is complete: its packets end at `end` of the stream's clock.
    fn page(&mut self, at: usize, end: u64, is_last: bool, output: &mut Output<'_>) -> Result<(), AudioError> {
        let stream = &mut self.streams[at];
        let packets = std::mem::take(&mut stream.page);
        let ticks: u64 = packets.iter().map(|packet| opus::ticks(packet)).sum();
        let is_known = end != u64::MAX;
        let opens = if is_known { end.saturating_sub(ticks) } else { stream.due };
        if stream.timeline.is_none() {
            if output.channels_of(stream.strand) != stream.head.channels()
                || output.rate_of(stream.strand) != SAMPLE_RATE_HZ
            {
                output.open_strand(stream.strand, stream.head.channels(), SAMPLE_RATE_HZ)?;
            }
            let zero = *self.zero.get_or_insert(opens);
            let late = Some(opens.saturating_sub(zero)).filter(|late| *late <= LEAP).unwrap_or(0);
            let skip = u64::from(stream.head.pre_skip) / TICKS;
            let begins = self.begins_ms * u64::from(SAMPLE_RATE_HZ) / 1000;
            stream.timeline = Some(Timeline::whole(stream.strand, skip, begins + late / TICKS));
            stream.due = opens;
        }
        let hole = opens.saturating_sub(stream.due);
        let back = stream.due.saturating_sub(end);
        let strand = stream.strand;
        if is_known && (hole > GAP || back > GAP) {
            let is_leap = hole > LEAP || back > GAP || !output.has_room(strand, hole / TICKS);
            if is_leap {
                output.warn_of_leap(strand, "a stream leaps");
            } else {
                stream.put(Piece::Silence(hole / TICKS), output)?;
            }
            stream.due = opens;
        }
        let mut due = stream.due;
        // The last page says where its packets are cut, if that lies within it.
        let cut = if is_last && is_known && end > due { due.saturating_add(ticks).saturating_sub(end) } else { 0 };
        let mut left = ticks - cut.min(ticks);
        for packet in packets {
            let length = opus::ticks(&packet);
            due = due.saturating_add(length);
            let extra = length - length.min(left);
            left -= length.min(left);
            let Stream { decoder, timeline, .. } = stream;
            match decoder.decode(&packet) {
                Ok(planes) => {
                    let kept = planes[0].len().saturating_sub(usize::try_from(extra / TICKS).unwrap_or(0));
                    for plane in planes.iter_mut() {
                        plane.truncate(kept);
                    }
                    if let Some(timeline) = timeline {
                        timeline.put(Piece::Sound(planes), output)?;
                    }
                }
                Err(error) => {
                    let start_ms = output.strand_ms(stream.strand);
                    stream.put(Piece::Silence(length / TICKS), output)?;
                    self.lost.add(error.to_string(), start_ms, output.strand_ms(stream.strand) - start_ms);
                }
            }
        }
        stream.due = due;
        Ok(())
    }

    /// A page is damaged; the next one tells how long it was.
    fn lose(&mut self, what: String, output: &Output<'_>) {
        self.lost.add(what, output.strand_ms(0), 0);
    }

    fn finish(self, output: &mut Output<'_>) -> Result<Streamed, AudioError> {
        if self.is_cut {
            let at = output.reached_ms();
            let span = Span { start_ms: at, end_ms: at };
            let detail = format!("the Ogg file ends in the middle of a page, behind {at} ms of audio");
            output.warn_within("recording_truncated", detail, vec![span]);
        }
        if self.most > 1 {
            let detail = format!(
                "the file has {} streams side by side: each is a channel of its own, in the order of their first pages",
                self.most
            );
            output.warn("tracks_joined", detail);
        }
        if !self.unheard.is_empty() {
            output.warn("tracks_unheard", format!("not heard: {}", self.unheard.join(", ")));
        }
        self.lost.warn(output);
        output.finish("opus".into(), CLOCK_HZ, "Ogg", None)
    }
}

impl Stream {
    fn put(&mut self, piece: Piece<'_>, output: &mut Output<'_>) -> Result<(), AudioError> {
        match &mut self.timeline {
            Some(timeline) => timeline.put(piece, output),
            None => Ok(()),
        }
    }
}
