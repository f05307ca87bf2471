//! Who speaks when, by channel and speaker.

use std::collections::BTreeMap;

use earmark_core::{Speech, Utterance};

use crate::recording::context::Context;

/// A pause for breath, inside one stretch of speech.
const BREATH_MS: u64 = 500;

/// The speech of one speaker on one channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Track {
    pub(crate) channel: u16,
    /// None: nothing that was said there became text.
    pub(crate) speaker: Option<String>,
    /// In order of time, none overlaps another.
    pub(crate) regions: Vec<Speech>,
}

impl Track {
    /// How long it is spoken.
    pub(crate) fn spoken_ms(&self) -> u64 {
        self.regions.iter().map(|region| region.end_ms - region.start_ms).sum()
    }
}

/// The tracks of a recording: where the segmenter found speech; where it gives nothing, or where several speak on one
/// channel, the utterances' times stand for it.
pub(crate) fn tracks(utterances: &[Utterance], context: &Context) -> Vec<Track> {
    let mut spoken: BTreeMap<u16, BTreeMap<String, Vec<Speech>>> = BTreeMap::new();
    for utterance in utterances {
        let Utterance { channel, start_ms, end_ms, .. } = *utterance;
        let speech = Speech { channel, start_ms, end_ms: end_ms.max(start_ms), level_dbfs: None };
        spoken.entry(channel).or_default().entry(utterance.speaker.0.clone()).or_default().push(speech);
    }
    let mut segmented: BTreeMap<u16, Vec<Speech>> = BTreeMap::new();
    for speech in &context.speech {
        segmented.entry(speech.channel).or_default().push(speech.clone());
    }
    let mut tracks = Vec::new();
    for (channel, regions) in segmented {
        let speakers = spoken.get(&channel);
        if speakers.is_none_or(|speakers| speakers.len() == 1) {
            let speaker = spoken.remove(&channel).and_then(|mut speakers| speakers.pop_first());
            tracks.push(Track { channel, speaker: speaker.map(|(speaker, _)| speaker), regions: apart(regions) });
        }
    }
    for (channel, speakers) in spoken {
        let of_speaker = |(speaker, regions)| Track { channel, speaker: Some(speaker), regions: apart(regions) };
        tracks.extend(speakers.into_iter().map(of_speaker));
    }
    tracks
}

/// Cuts what overlaps, so that no time counts twice.
fn apart(mut regions: Vec<Speech>) -> Vec<Speech> {
    regions.sort_by_key(|region| (region.start_ms, region.end_ms));
    let mut until_ms = 0;
    for region in &mut regions {
        region.start_ms = region.start_ms.max(until_ms);
        region.end_ms = region.end_ms.max(region.start_ms);
        until_ms = region.end_ms;
    }
    regions.retain(|region| region.start_ms < region.end_ms);
    regions
}

/// The stretches of a track, over pauses for breath.
pub(crate) fn bridged(track: &Track) -> Vec<(u64, u64)> {
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    for region in &track.regions {
        match stretches.last_mut() {
            Some((_, end)) if region.start_ms < *end + BREATH_MS => *end = region.end_ms,
            _ => stretches.push((region.start_ms, region.end_ms)),
        }
    }
    stretches
}

/// Where somebody speaks, in order.
pub(crate) fn union(tracks: &[Track]) -> Vec<(u64, u64)> {
    active(tracks, 1)
}

/// Where several speak at once, in order.
pub(crate) fn together(tracks: &[Track]) -> Vec<(u64, u64)> {
    active(tracks, 2)
}

/// Where `least` tracks or more are spoken at once.
fn active(tracks: &[Track], least: i32) -> Vec<(u64, u64)> {
    let regions = tracks.iter().flat_map(|track| &track.regions);
    // At the same time the end comes behind the beginning: two that touch are one stretch.
    let mut edges: Vec<(u64, i32)> = regions.flat_map(|region| [(region.start_ms, 1), (region.end_ms, -1)]).collect();
    edges.sort_by_key(|&(ms, step)| (ms, -step));
    let mut stretches = Vec::new();
    let (mut count, mut since) = (0, 0);
    for (ms, step) in edges {
        if count + step >= least && count < least {
            since = ms;
        } else if count >= least && count + step < least && ms > since {
            stretches.push((since, ms));
        }
        count += step;
    }
    stretches
}
