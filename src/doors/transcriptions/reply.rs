//! The text as the caller wants it: GLM-ASR's answer, or one of OpenAI's formats.

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use earmark_core::{ClipText, Speaker, TimedText, Utterance, Word};
use earmark_pipeline::render;
use serde_json::{Value, json};

use super::wanted::Format;
use super::{language, text};

/// What is said of an answer beside its text.
#[derive(Debug, Clone)]
pub struct About {
    /// This answer's own id.
    pub id: String,
    /// Seconds since the epoch.
    pub created: i64,
    /// The caller's id for the request, or `id`.
    pub request_id: String,
    /// As asked for.
    pub model: String,
    /// Length of the sound.
    pub duration_ms: u64,
    /// Of the sound, where the caller said.
    pub language: Option<String>,
    /// Whether words are wanted with their times.
    pub has_words: bool,
}

/// The answer to a request that is no stream.
pub fn answer(format: Format, about: &About, clip: &ClipText) -> Response {
    let plain = |kind: &'static str, text: String| ([(CONTENT_TYPE, kind)], text).into_response();
    match format {
        Format::Json => Json(json(about, clip)).into_response(),
        Format::VerboseJson => Json(verbose(about, clip)).into_response(),
        Format::Text => plain("text/plain; charset=utf-8", text::whole(clip) + "\n"),
        Format::Srt => plain("text/plain; charset=utf-8", render::srt(&utterances(clip), false)),
        Format::Vtt => plain("text/vtt; charset=utf-8", render::vtt(&utterances(clip), false)),
    }
}

fn json(about: &About, clip: &ClipText) -> Value {
    let segments = clip.segments.iter().enumerate().map(|(id, segment)| {
        json!({"id": id, "start": secs(segment.start_ms), "end": secs(segment.end_ms), "text": segment.text})
    });
    json!({
        "id": about.id,
        "created": about.created,
        "request_id": about.request_id,
        "model": about.model,
        "text": text::whole(clip),
        "segments": segments.collect::<Vec<_>>(),
        "usage": usage(about.duration_ms),
    })
}

fn verbose(about: &About, clip: &ClipText) -> Value {
    let mut value = json(about, clip);
    let language = clip.language.as_deref().or(about.language.as_deref()).map_or("unknown", language::name);
    value["task"] = json!("transcribe");
    value["language"] = json!(language);
    value["duration"] = json!(secs(about.duration_ms));
    value["segments"] = clip.segments.iter().enumerate().map(|(id, segment)| whole_segment(id, segment)).collect();
    if about.has_words {
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

fn secs(ms: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a clip are far below 2^53")]
    let secs = ms as f64 / 1000.0;
    secs
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
