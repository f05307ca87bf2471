//! Several files of one recording, each decoded by itself, as one: channel behind channel, each file in its place in time.

use earmark_core::{MAX_CHANNELS, Region, Span, Warning, ms_to_samples, samples_to_ms};

use super::spooled::Decoded;
use crate::{AudioError, Spool};

/// A recording of several files.
#[derive(Debug)]
pub struct Joined {
    /// All of it, every spool as long as the recording.
    pub decoded: Decoded,
    /// Its files, in the order of their channels.
    pub parts: Vec<JoinedPart>,
}

/// One file of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedPart {
    /// `pcm_alaw`, `mp3`, `opus`, …: the names ffmpeg uses.
    pub codec: String,
    /// How many channels it has.
    pub channels: u16,
    /// The file's own rate, before resampling.
    pub sample_rate_hz: u32,
    /// Of its own sound.
    pub duration_ms: u64,
    /// How much later than the recording it begins.
    pub offset_ms: u64,
    /// Its first channel among the recording's.
    pub first_channel: u16,
    /// The silence put in front of it and behind it, on all of its channels, in samples of the recording; none where it
    /// needs none.
    pub silence: Vec<Region>,
}

/// Joins `parts`, each with how much later than the recording it begins, in ms. Their channels come one behind the other;
/// what begins later or ends earlier than the rest has silence there, so that all channels are of one length. No sound is
/// copied. Warnings of a file are about its channel and its time in the recording, and say which file it is.
///
/// # Errors
/// [`AudioError::TooManyChannels`]; [`AudioError::TooLong`] when they reach beyond `max_duration_ms` together.
pub fn join(parts: Vec<(Decoded, u64)>, max_duration_ms: u64) -> Result<Joined, AudioError> {
    let channels: usize = parts.iter().map(|(part, _)| part.spools.len()).sum();
    let count = u16::try_from(channels).ok().filter(|channels| *channels <= MAX_CHANNELS);
    let count = count.ok_or(AudioError::TooManyChannels { channels, limit: usize::from(MAX_CHANNELS) })?;
    // Before anything is counted in samples.
    if parts.iter().any(|(_, offset_ms)| *offset_ms > max_duration_ms) {
        return Err(AudioError::TooLong { limit_ms: max_duration_ms });
    }
    let length = |(part, offset_ms): &(Decoded, u64)| {
        part.spools.iter().map(Spool::samples).max().unwrap_or(0) + ms_to_samples(*offset_ms)
    };
    let samples = parts.iter().map(length).max().unwrap_or(0);
    if samples_to_ms(samples) > max_duration_ms {
        return Err(AudioError::TooLong { limit_ms: max_duration_ms });
    }
    let of = parts.len();
    let mut joined = Joined {
        decoded: Decoded {
            codec: names(parts.iter().map(|(part, _)| part.codec.as_str())),
            channels: count,
            sample_rate_hz: parts.iter().map(|(part, _)| part.sample_rate_hz).max().unwrap_or(0),
            spools: Vec::with_capacity(channels),
            duration_ms: samples_to_ms(samples),
            filled: Vec::with_capacity(channels),
            warnings: Vec::new(),
        },
        parts: Vec::with_capacity(of),
    };
    for (number, (part, offset_ms)) in (1..).zip(parts) {
        let first_channel = u16::try_from(joined.decoded.spools.len()).unwrap_or(u16::MAX);
        let begins = ms_to_samples(offset_ms);
        let ends = begins + part.spools.first().map_or(0, Spool::samples);
        let silence = [Region { start: 0, end: begins }, Region { start: ends, end: samples }];
        joined.decoded.filled.extend(part.filled.into_iter().map(|filled| {
            let own =
                filled.into_iter().map(|region| Region { start: region.start + begins, end: region.end + begins });
            own.chain(silence).filter(|region| region.samples() > 0).collect()
        }));
        let placed = |warning| placed(warning, (number, of), first_channel, part.channels, offset_ms);
        joined.decoded.warnings.extend(part.warnings.into_iter().map(placed));
        joined.decoded.spools.extend(part.spools.into_iter().map(|spool| spool.placed(begins, samples)));
        joined.parts.push(JoinedPart {
            codec: part.codec,
            channels: part.channels,
            sample_rate_hz: part.sample_rate_hz,
            duration_ms: part.duration_ms,
            offset_ms,
            first_channel,
            silence: silence.into_iter().filter(|region| region.samples() > 0).collect(),
        });
    }
    Ok(joined)
}

/// Each name once, in the order in which they come, with `+` between them.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen.join("+")
}

/// What a file's warning means in the recording; `(number, of)` says which file it is.
fn placed(
    warning: Warning,
    (number, of): (usize, usize),
    first_channel: u16,
    channels: u16,
    offset_ms: u64,
) -> Warning {
    let later = |span: Span| Span { start_ms: span.start_ms + offset_ms, end_ms: span.end_ms + offset_ms };
    // A file of one channel has nothing but that.
    let channel = warning.channel.or((channels == 1).then_some(0)).map(|channel| channel + first_channel);
    let detail = if of > 1 { format!("file {number} of {of}: {}", warning.detail) } else { warning.detail };
    Warning { detail, channel, spans: warning.spans.into_iter().map(later).collect(), ..warning }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SpoolWriter;

    /// A file of `channels` channels whose samples are all `level`, so many `ms` long.
    fn part(codec: &str, channels: u16, ms: u64, level: f32) -> Decoded {
        let folder = tempfile::tempdir().unwrap();
        let spool = |_| {
            let mut writer = SpoolWriter::create(folder.path()).unwrap();
            writer.push(&vec![level; usize::try_from(ms_to_samples(ms)).unwrap()]).unwrap();
            writer.finish().unwrap()
        };
        Decoded {
            codec: codec.into(),
            channels,
            sample_rate_hz: if codec == "opus" { 48_000 } else { 8_000 },
            spools: (0..channels).map(spool).collect(),
            duration_ms: ms,
            filled: vec![Vec::new(); usize::from(channels)],
            warnings: Vec::new(),
        }
    }

    /// The level of `spool` at `ms`.
    fn level(spool: &Spool, ms: u64) -> f32 {
        let (start, mut read) = (ms_to_samples(ms), Vec::new());
        spool.read(Region { start, end: start + 1 }, &mut read).unwrap();
        read[0]
    }

    #[test]
    fn channels_come_one_behind_the_other_and_every_file_keeps_its_place_in_time() {
        let parts = vec![(part("pcm_mulaw", 1, 1000, 0.25), 0), (part("opus", 2, 400, 0.5), 700)];
        let Joined { decoded, parts } = join(parts, 10_000).unwrap();
        assert_eq!((decoded.codec.as_str(), decoded.sample_rate_hz), ("pcm_mulaw+opus", 48_000));
        assert_eq!((decoded.channels, decoded.duration_ms), (3, 1100));
        assert!(decoded.spools.iter().all(|spool| spool.samples() == ms_to_samples(1100)));
        for (channel, ms, expected) in
            [(0, 0, 0.25), (0, 999, 0.25), (0, 1001, 0.0), (1, 699, 0.0), (1, 700, 0.5), (2, 1099, 0.5)]
        {
            assert_eq!(level(&decoded.spools[channel], ms), expected, "channel {channel} at {ms} ms");
        }
        let silence = |start, end| Region { start: ms_to_samples(start), end: ms_to_samples(end) };
        assert_eq!((parts[0].first_channel, &parts[0].silence), (0, &vec![silence(1000, 1100)]));
        assert_eq!((parts[1].first_channel, &parts[1].silence), (1, &vec![silence(0, 700)]));
        assert_eq!((parts[1].channels, parts[1].duration_ms, parts[1].offset_ms), (2, 400, 700));
    }

    #[test]
    fn a_files_warning_names_the_file_its_channel_and_its_time_in_the_recording() {
        let span = Span { start_ms: 10, end_ms: 20 };
        let mut second = part("mp3", 1, 100, 0.0);
        second.warnings = vec![Warning::new("decode_errors", "three").within(vec![span]), Warning::new("odd", "x")];
        let mut third = part("mp3", 2, 100, 0.0);
        third.warnings = vec![Warning::new("odd", "y").on(1), Warning::new("odd", "z")];
        let parts = vec![(part("mp3", 2, 100, 0.0), 0), (second, 50), (third, 0)];
        let warnings = join(parts, 10_000).unwrap().decoded.warnings;
        let told: Vec<_> = warnings.iter().map(|warning| (warning.detail.as_str(), warning.channel)).collect();
        assert_eq!(
            told,
            [
                ("file 2 of 3: three", Some(2)),
                ("file 2 of 3: x", Some(2)),
                ("file 3 of 3: y", Some(4)),
                ("file 3 of 3: z", None)
            ]
        );
        assert_eq!(warnings[0].spans, [Span { start_ms: 60, end_ms: 70 }]);
    }

    #[test]
    fn more_channels_or_more_time_than_is_taken_is_refused() {
        let many = (0..3).map(|_| (part("mp3", 6, 10, 0.0), 0)).collect();
        assert!(matches!(join(many, 10_000), Err(AudioError::TooManyChannels { channels: 18, limit: 16 })));
        let late = vec![(part("mp3", 1, 10, 0.0), 0), (part("mp3", 1, 10, 0.0), 9_991)];
        assert!(matches!(join(late, 10_000), Err(AudioError::TooLong { limit_ms: 10_000 })));
        let never = vec![(part("mp3", 1, 10, 0.0), u64::MAX)];
        assert!(join(never, 10_000).is_err());
    }
}
