//! A clip's text as subtitles.

use earmark_core::{ClipText, Speaker, TimedText, Utterance, Word};
use earmark_pipeline::render;

/// SubRip, without speakers.
pub fn srt(clip: &ClipText) -> String {
    render::srt(&utterances(clip), false)
}

/// WebVTT, without speakers.
pub fn vtt(clip: &ClipText) -> String {
    render::vtt(&utterances(clip), false)
}

/// The segments as subtitles are made of.
fn utterances(clip: &ClipText) -> Vec<Utterance> {
    let utterance = |(id, segment): (u32, &TimedText)| Utterance {
        id,
        channel: 0,
        speaker: Speaker::unknown(),
        start_ms: segment.start_ms,
        end_ms: segment.end_ms,
        time_precision: clip.time_precision,
        language: clip.language.clone(),
        text: segment.text.clone(),
        words: segment.words.iter().map(Word::clone).collect(),
    };
    (0..).zip(&clip.segments).map(utterance).collect()
}
