//! Cutting loses nothing and doubles nothing: shown with a recogniser that knows when every word is said.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![allow(clippy::as_conversions, reason = "sound of a test's own: short, and of known numbers")]

mod oracle;

use earmark_audio::segment::SegmentOptions;
use earmark_core::{Clip, Speaker, ms_to_samples};
use earmark_pipeline::{Speakers, stitch};

use oracle::Recording;

/// The built-in engine's packing, GLM-ASR's, and limits so small that cuts fall into the middle of sentences.
const LIMITS_MS: [(u64, u64); 4] = [(28_000, 16_000), (28_000, 28_000), (10_000, 10_000), (5_000, 5_000)];

fn options((max_clip_ms, pack_to_ms): (u64, u64)) -> SegmentOptions {
    SegmentOptions { max_clip_ms, pack_to_ms, ..SegmentOptions::default() }
}

fn of_channel(clips: &[Clip], channel: usize) -> Vec<Clip> {
    clips.iter().filter(|clip| usize::from(clip.key.channel) == channel).cloned().collect()
}

/// Every word of every channel is in exactly one clip, and in order; the utterances have them all, with times of the
/// words or without, none before its time.
fn assert_nothing_is_lost_or_doubled(recording: &Recording, clips: &[Clip], limits: (u64, u64)) {
    for (channel, said) in recording.said.iter().enumerate() {
        let name = format!("{} channel {channel}, clips up to {limits:?} ms", recording.name);
        let clips = of_channel(clips, channel);
        let heard: Vec<usize> = clips.iter().flat_map(|clip| recording.heard(clip)).collect();
        let lost: Vec<_> = (0..said.len()).filter(|word| !heard.contains(word)).map(|word| &said[word]).collect();
        assert!(lost.is_empty(), "{name}: lost {lost:?}");
        assert_eq!(heard, (0..said.len()).collect::<Vec<_>>(), "{name}: doubled or out of order");

        let speakers = Speakers { by_channel: Vec::new(), mono: Speaker::unknown() };
        let expected: String = said.iter().map(|word| word.text.as_str()).collect();
        for has_times in [false, true] {
            let answers: Vec<_> = clips.iter().map(|clip| (clip.clone(), recording.answer(clip, has_times))).collect();
            let utterances = stitch(&answers, &speakers, 1);
            let stitched: String = utterances.iter().map(|utterance| utterance.text.replace(' ', "")).collect();
            assert_eq!(stitched, expected, "{name}, times: {has_times}");
            assert!(utterances.windows(2).all(|pair| pair[0].start_ms <= pair[1].start_ms));
            let words = utterances.iter().flat_map(|utterance| &utterance.words);
            for (word, said) in words.zip(said) {
                let start = ms_to_samples(word.start_ms);
                let region = said.region();
                let is_near = region.start <= start + ms_to_samples(20) && start < region.end;
                assert!(is_near, "{name}: {word:?} {said:?}");
            }
        }
    }
}

fn assert_nothing_is_lost_at_any_limit(recordings: &[Recording]) {
    let model = oracle::model();
    for recording in recordings {
        let listened = recording.listened(&model);
        for limits in LIMITS_MS {
            let clips = recording.clips(&listened, &options(limits));
            assert_nothing_is_lost_or_doubled(recording, &clips, limits);
        }
    }
}

#[test]
fn every_word_of_every_recording_comes_exactly_once_and_in_order() {
    let recordings = oracle::fixtures(|file| !file.starts_with("broken/") && !file.starts_with("long/"));
    assert!(recordings.len() > 30);
    assert_nothing_is_lost_at_any_limit(&recordings);
}

#[test]
fn every_word_of_an_hour_comes_exactly_once_and_in_order() {
    let hour = oracle::fixtures(|file| file.starts_with("long/"));
    assert_eq!(hour.len(), 1);
    assert_nothing_is_lost_at_any_limit(&hour);
}

#[test]
fn no_cut_falls_into_a_word_where_a_pause_is_near() {
    let files = [
        "formats/austen0870.pcm16k.wav",
        "dialogues/en-dev-03-clean-hard-negative.m4a16k.m4a",
        "dialogues/zh-dev-02-collection-abuse.pcm8k.wav",
    ];
    // Pauses too short for the detector, so that every cut is forced; a breath every 100 words.
    let speech = oracle::composed(&files, 400, 70..150, 100);
    let listened = speech.listened(&oracle::model());
    for limits in LIMITS_MS {
        let clips = speech.clips(&listened, &options(limits));
        assert_nothing_is_lost_or_doubled(&speech, &clips, limits);
        let cuts = clips.windows(2).flat_map(|pair| [pair[0].regions.last().unwrap().end, pair[1].regions[0].start]);
        let inside: Vec<_> = cuts
            .filter_map(|cut| speech.said[0].iter().find(|word| word.region().start < cut && cut < word.region().end))
            .collect();
        println!("clips up to {limits:?} ms: {} cuts, {} inside a word", clips.len() - 1, inside.len());
        assert!(inside.is_empty(), "clips up to {limits:?} ms: {} cuts, inside {inside:?}", clips.len() - 1);
    }
}
