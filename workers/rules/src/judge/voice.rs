//! What the voices show apart from their words: silence, shares, overlap, interruptions, speed, level, length.
#![expect(clippy::as_conversions, reason = "milliseconds are exact in a float far beyond any recording")]

use earmark_core::Speaker;

use crate::language::voice::{Bound, Level, Voice};
use crate::recording::facts::Recording;
use crate::recording::tracks::{Track, bridged, together, union};
use crate::recording::within::Within;

/// Less speech than this shows no speed.
const RATE_LEAST_MS: u64 = 5_000;
/// Shorter sounds are clicks and coughs.
const LEVEL_LEAST_MS: u64 = 300;
/// From so many stretches of speech on there is a usual level.
const LEVEL_LEAST_COUNT: usize = 3;
/// Who begins so shortly after another began at the same time as the other.
const ALREADY_MS: u64 = 300;

/// What was measured, and where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measure {
    pub(crate) figure: Figure,
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
    pub(crate) channel: Option<u16>,
    pub(crate) speaker: Option<String>,
}

/// What was measured, in numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Figure {
    Silence,
    TalkShare { percent: f64 },
    Overlap,
    OverlapShare { percent: f64 },
    Interruption,
    SpeechRate { per_min: f64, is_characters: bool },
    Level { dbfs: f64 },
    Rise { db: f64 },
    Duration,
    AbruptEnd { after_ms: u64 },
}

pub(super) fn measure(voice: &Voice, recording: &Recording) -> Vec<Measure> {
    match voice {
        Voice::Silence { longer_ms, after, within } => {
            inside(recording, *within, silences(recording, *longer_ms, after.as_deref()))
        }
        Voice::TalkShare { speaker, bound } => talk_share(recording, speaker.as_deref(), *bound).into_iter().collect(),
        Voice::Overlap { longer_ms, within } => {
            let stretches = together(recording.tracks());
            let long = stretches.into_iter().filter(|(start, end)| end - start > *longer_ms);
            let measures = long.map(|(start, end)| at(Figure::Overlap, start, end, None)).collect();
            inside(recording, *within, measures)
        }
        Voice::OverlapShare(more_than) => overlap_share(recording, *more_than).into_iter().collect(),
        Voice::Interruption { by, least, longer_ms, within } => {
            let all = inside(recording, *within, interruptions(recording, by.as_deref(), *longer_ms));
            if all.len() >= *least { all } else { Vec::new() }
        }
        Voice::SpeechRate { speaker, bound } => {
            speech_rate(recording, speaker.as_deref(), *bound).into_iter().collect()
        }
        Voice::Energy { speaker, level, within } => {
            inside(recording, *within, energy(recording, speaker.as_deref(), *level))
        }
        Voice::Duration(bound) => {
            let is_known = recording.context.duration_ms > 0;
            let holds = is_known && is_beyond(*bound, recording.context.duration_ms as f64 / 1000.0);
            if holds { vec![whole(recording, Figure::Duration, None)] } else { Vec::new() }
        }
        Voice::AbruptEnd { within_ms, by } => abrupt_end(recording, *within_ms, by.as_deref()).into_iter().collect(),
    }
}

/// Whether `value` is beyond `bound`.
fn is_beyond(bound: Bound, value: f64) -> bool {
    match bound {
        Bound::MoreThan(than) => value > than,
        Bound::LessThan(than) => value < than,
    }
}

fn at(figure: Figure, start_ms: u64, end_ms: u64, track: Option<&Track>) -> Measure {
    let (channel, speaker) = (track.map(|track| track.channel), track.and_then(|track| track.speaker.clone()));
    Measure { figure, start_ms, end_ms, channel, speaker }
}

fn whole(recording: &Recording, figure: Figure, speaker: Option<&str>) -> Measure {
    let speaker = speaker.map(str::to_owned);
    Measure { figure, start_ms: 0, end_ms: recording.end_ms, channel: None, speaker }
}

fn inside(recording: &Recording, within: Option<Within>, mut measures: Vec<Measure>) -> Vec<Measure> {
    if let Some(within) = within {
        measures.retain(|measure| recording.is_within(within, measure.start_ms, None));
    }
    measures
}

/// Whether one channel holds voices that nobody can tell apart.
fn is_unknown(recording: &Recording) -> bool {
    recording.tracks().iter().any(|track| track.speaker.as_deref() == Some(Speaker::UNKNOWN))
}

fn silences(recording: &Recording, longer_ms: u64, after: Option<&str>) -> Vec<Measure> {
    let tracks = recording.tracks();
    let spoken = union(tracks);
    let mut measures = Vec::new();
    let mut from_ms = 0;
    let ends = spoken.iter().map(|&(start, end)| (start, end.max(start)));
    let tail = (recording.context.duration_ms > 0).then_some((recording.end_ms, recording.end_ms));
    for (start, end) in ends.chain(tail) {
        if start > from_ms + longer_ms {
            let last = tracks.iter().find(|track| track.regions.iter().any(|region| region.end_ms == from_ms));
            let is_after = after
                .is_none_or(|after| from_ms > 0 && last.is_some_and(|track| track.speaker.as_deref() == Some(after)));
            if is_after {
                measures.push(at(Figure::Silence, from_ms, start, last.filter(|_| after.is_some())));
            }
        }
        from_ms = from_ms.max(end);
    }
    measures
}

fn talk_share(recording: &Recording, speaker: Option<&str>, bound: Bound) -> Option<Measure> {
    let tracks = recording.tracks();
    let is_there = tracks.iter().any(|track| track.speaker.as_deref() == speaker);
    if is_unknown(recording) || (!is_there && tracks.iter().any(|track| track.speaker.is_none())) {
        return None;
    }
    let all: u64 = tracks.iter().map(Track::spoken_ms).sum();
    let own = tracks.iter().filter(|track| speaker.is_none() || track.speaker.as_deref() == speaker);
    let own: u64 = own.map(Track::spoken_ms).sum();
    let percent = own as f64 * 100.0 / all as f64;
    (all > 0 && is_beyond(bound, percent)).then(|| whole(recording, Figure::TalkShare { percent }, speaker))
}

fn overlap_share(recording: &Recording, more_than: f64) -> Option<Measure> {
    let length = |stretches: &[(u64, u64)]| stretches.iter().map(|(start, end)| end - start).sum::<u64>();
    let spoken = length(&union(recording.tracks()));
    let percent = length(&together(recording.tracks())) as f64 * 100.0 / spoken as f64;
    (spoken > 0 && percent > more_than).then(|| whole(recording, Figure::OverlapShare { percent }, None))
}

fn interruptions(recording: &Recording, by: Option<&str>, longer_ms: u64) -> Vec<Measure> {
    let tracks = recording.tracks();
    if is_unknown(recording) || tracks.len() < 2 {
        return Vec::new();
    }
    let stretches: Vec<Vec<(u64, u64)>> = tracks.iter().map(bridged).collect();
    let mut measures = Vec::new();
    for (own, track) in tracks.iter().enumerate() {
        if by.is_some() && track.speaker.as_deref() != by {
            continue;
        }
        for &(start, end) in &stretches[own] {
            let both = stretches.iter().enumerate().filter(|(other, _)| *other != own).filter_map(|(_, others)| {
                let before = others.partition_point(|(begun, _)| begun + ALREADY_MS <= start);
                let (_, until) = others[..before].last()?;
                Some((*until).min(end)).filter(|both| *both > start + longer_ms)
            });
            if let Some(until) = both.max() {
                measures.push(at(Figure::Interruption, start, until, Some(track)));
            }
        }
    }
    measures.sort_by_key(|measure| (measure.start_ms, measure.channel));
    measures
}

fn speech_rate(recording: &Recording, speaker: Option<&str>, bound: Bound) -> Option<Measure> {
    let own = |name: Option<&str>| speaker.is_none() || name == speaker;
    let tracks = recording.tracks().iter().filter(|track| own(track.speaker.as_deref()));
    let spoken_ms: u64 = tracks.map(Track::spoken_ms).sum();
    if spoken_ms < RATE_LEAST_MS {
        return None;
    }
    let (mut characters, mut words) = (0, 0);
    for (number, utterance) in recording.utterances.iter().enumerate() {
        if own(Some(&utterance.speaker.0)) {
            let (of_characters, of_words) = recording.units(number);
            characters += of_characters;
            words += of_words;
        }
    }
    let is_characters = characters >= words;
    let per_min = f64::from(characters + words) * 60_000.0 / spoken_ms as f64;
    let figure = Figure::SpeechRate { per_min, is_characters };
    is_beyond(bound, per_min).then(|| whole(recording, figure, speaker))
}

fn energy(recording: &Recording, speaker: Option<&str>, level: Level) -> Vec<Measure> {
    let own = |track: &&Track| speaker.is_none() || track.speaker.as_deref() == speaker;
    let mut measures = Vec::new();
    let (mut power, mut spoken) = (0.0, 0.0);
    for track in recording.tracks().iter().filter(own) {
        let regions = track.regions.iter().filter(|region| region.end_ms - region.start_ms >= LEVEL_LEAST_MS);
        let leveled = regions.filter_map(|region| Some((region, f64::from(region.level_dbfs?))));
        let leveled: Vec<_> = leveled.collect();
        let mut levels: Vec<f64> = leveled.iter().map(|(_, dbfs)| *dbfs).collect();
        levels.sort_by(f64::total_cmp);
        let usual = levels.get(levels.len() / 2).copied().filter(|_| levels.len() >= LEVEL_LEAST_COUNT);
        for (region, dbfs) in leveled {
            let length = (region.end_ms - region.start_ms) as f64;
            power += 10_f64.powf(dbfs / 10.0) * length;
            spoken += length;
            let figure = match (level, usual) {
                (Level::LouderThan(than), _) if dbfs > than => Figure::Level { dbfs },
                (Level::Rise(least), Some(usual)) if dbfs - usual >= least => Figure::Rise { db: dbfs - usual },
                _ => continue,
            };
            measures.push(at(figure, region.start_ms, region.end_ms, Some(track)));
        }
    }
    if let Level::QuieterThan(than) = level
        && spoken > 0.0
    {
        let dbfs = 10.0 * (power / spoken).log10();
        if dbfs < than {
            measures.push(whole(recording, Figure::Level { dbfs }, speaker));
        }
    }
    measures.sort_by_key(|measure| (measure.start_ms, measure.channel));
    measures
}

fn abrupt_end(recording: &Recording, within_ms: u64, by: Option<&str>) -> Option<Measure> {
    let end_ms = recording.context.duration_ms;
    let last = |track: &&Track| track.regions.last().map_or(0, |region| region.end_ms);
    let track = recording.tracks().iter().max_by_key(last)?;
    let last_ms = last(&track);
    let after_ms = end_ms.saturating_sub(last_ms);
    let is_by = by.is_none_or(|by| track.speaker.as_deref() == Some(by));
    let holds = end_ms > 0 && last_ms > 0 && after_ms <= within_ms && is_by;
    holds.then(|| at(Figure::AbruptEnd { after_ms }, last_ms.min(end_ms), end_ms, Some(track)))
}
