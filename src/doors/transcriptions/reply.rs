//! The text as the caller wants it: GLM-ASR's answer, or one of OpenAI's formats.

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use earmark_core::{ClipText, TimedText};
use serde_json::{Value, json};

use super::fields::Format;
use super::{language, text};
use crate::desk::transcribe::subtitles;

/// What is said of an answer beside its text.
#[derive(Debug, Clone)]
pub struct AnswerFacts {
    /// This answer's own id.
    pub id: String,
    /// Seconds since the epoch.
    pub created: i64,
    /// The caller's id for the request, or `id`.
    pub request_id: String,
    /// The model's name as the caller spelled it.
    pub model: String,
    /// Length of the sound, in milliseconds.
    pub duration_ms: u64,
    /// The language's code, where the caller named it.
    pub language: Option<String>,
    /// Whether words are wanted with their times.
    pub has_words: bool,
}

/// The answer to a request that is no stream.
pub fn answer(format: Format, facts: &AnswerFacts, clip: &ClipText) -> Response {
    let plain = |kind: &'static str, text: String| ([(CONTENT_TYPE, kind)], text).into_response();
    match format {
        Format::Json => Json(json(facts, clip)).into_response(),
        Format::VerboseJson => Json(verbose(facts, clip)).into_response(),
        Format::Text => plain("text/plain; charset=utf-8", text::whole(clip) + "\n"),
        Format::Srt => plain("text/plain; charset=utf-8", subtitles::srt(clip)),
        Format::Vtt => plain("text/vtt; charset=utf-8", subtitles::vtt(clip)),
    }
}

fn json(facts: &AnswerFacts, clip: &ClipText) -> Value {
    let segments = clip.segments.iter().enumerate().map(|(id, segment)| {
        json!({"id": id, "start": secs(segment.start_ms), "end": secs(segment.end_ms), "text": segment.text})
    });
    json!({
        "id": facts.id,
        "created": facts.created,
        "request_id": facts.request_id,
        "model": facts.model,
        "text": text::whole(clip),
        "segments": segments.collect::<Vec<_>>(),
        "usage": usage(facts.duration_ms),
    })
}

fn verbose(facts: &AnswerFacts, clip: &ClipText) -> Value {
    let mut value = json(facts, clip);
    let language = clip.language.as_deref().or(facts.language.as_deref()).map_or("unknown", language::name);
    value["task"] = json!("transcribe");
    value["language"] = json!(language);
    value["duration"] = json!(secs(facts.duration_ms));
    value["segments"] = clip.segments.iter().enumerate().map(|(id, segment)| whole_segment(id, segment)).collect();
    if facts.has_words {
        let words = clip.segments.iter().flat_map(|segment| &segment.words);
        value["words"] = words
            .map(|word| json!({"word": word.text, "start": secs(word.start_ms), "end": secs(word.end_ms)}))
            .collect();
    }
    value
}

/// All of OpenAI's fields; those that belong to Whisper's inside hold what means nothing there.
fn whole_segment(id: usize, segment: &TimedText) -> Value {
    json!({
        "id": id,
        "seek": 0,
        "start": secs(segment.start_ms),
        "end": secs(segment.end_ms),
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": segment.confidence.map_or(0.0, |confidence| f64::from(confidence.clamp(1e-6, 1.0)).ln()),
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    })
}

/// Whole seconds, each begun one.
pub fn usage(duration_ms: u64) -> Value {
    json!({"type": "duration", "seconds": duration_ms.div_ceil(1000).max(1)})
}

/// Milliseconds of a clip in seconds.
fn secs(ms: u64) -> f64 {
    // A clip is no longer than 49 days.
    f64::from(u32::try_from(ms).unwrap_or(u32::MAX)) / 1000.0
}
