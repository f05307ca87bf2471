//! Answers that are sent whole, in every layout the service or OpenAI's clients know.

use bytes::Bytes;
use clap::ValueEnum;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderName};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::body::ReplyBody;

/// How a plain answer is laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ReplyShape {
    /// Today's: `id`, `created`, `request_id`, `model`, `text`.
    #[default]
    Now,
    /// 2025's: `segments` as well, and no `model`.
    Segments,
    /// The older product page's `chat.completion`.
    Chat,
    /// vLLM's: `text` and `usage`.
    Vllm,
}

/// The layout that a caller asks for by `response_format`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Json,
    Text,
    VerboseJson,
    Srt,
    Vtt,
}

impl Format {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "json" => Self::Json,
            "text" => Self::Text,
            "verbose_json" => Self::VerboseJson,
            "srt" => Self::Srt,
            "vtt" => Self::Vtt,
            _ => return None,
        })
    }
}

/// What every answer to one request has in common.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub(crate) id: String,
    /// Seconds since the Unix epoch.
    pub(crate) created: i64,
    pub(crate) request_id: String,
    pub(crate) model: String,
    pub(crate) audio_ms: u64,
}

/// An answer ready to go.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    retry_after_secs: Option<u64>,
}

const JSON: &str = "application/json; charset=UTF-8";
const PLAIN: &str = "text/plain; charset=utf-8";

impl Reply {
    /// A 200 with JSON.
    pub(crate) fn json(body: &Value) -> Self {
        Self::of(JSON, body.to_string())
    }

    /// A 200 with `body`.
    pub(crate) fn of(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status: 200, content_type, body: body.into(), retry_after_secs: None }
    }

    /// A gateway's page.
    pub(crate) fn html(status: u16) -> Self {
        Self::of("text/html", format!("<html><body><h1>{status}</h1></body></html>")).status(status)
    }

    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn retry_after(self, retry_after_secs: Option<u64>) -> Self {
        Self { retry_after_secs, ..self }
    }

    /// The text in the layout asked for; `shape` is that of plain JSON.
    pub(crate) fn transcription(format: Format, shape: ReplyShape, meta: &Meta, text: &str) -> Self {
        match format {
            Format::Json => Self::json(&plain(shape, meta, text)),
            Format::Text => Self::of(PLAIN, format!("{text}\n")),
            Format::VerboseJson => Self::json(&verbose(meta, text)),
            Format::Srt if text.is_empty() => Self::of(PLAIN, ""),
            Format::Srt => {
                Self::of(PLAIN, format!("1\n00:00:00,000 --> {}\n{text}\n\n", subtitle_time(meta.audio_ms, ',')))
            }
            Format::Vtt if text.is_empty() => Self::of("text/vtt; charset=utf-8", "WEBVTT\n\n"),
            Format::Vtt => Self::of(
                "text/vtt; charset=utf-8",
                format!("WEBVTT\n\n00:00:00.000 --> {}\n{text}\n\n", subtitle_time(meta.audio_ms, '.')),
            ),
        }
    }

    /// With its length in the head.
    pub(crate) fn response(self) -> Response<ReplyBody> {
        let body = ReplyBody::Full(self.body.clone());
        self.response_with(body)
    }

    /// Its head over another body.
    pub(crate) fn response_with(self, body: ReplyBody) -> Response<ReplyBody> {
        let mut builder = Response::builder().status(self.status).header(CONTENT_TYPE, self.content_type);
        if let Some(secs) = self.retry_after_secs {
            builder = builder.header(HeaderName::from_static("retry-after"), secs);
        }
        builder.body(body).unwrap_or_else(|_| {
            // Only a status outside 100–999 leads here: a rule asked for one.
            let mut response = Response::new(ReplyBody::Full(Bytes::from_static(b"a rule asks for no HTTP status")));
            *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }
}

fn plain(shape: ReplyShape, meta: &Meta, text: &str) -> Value {
    let Meta { id, created, request_id, model, .. } = meta;
    match shape {
        ReplyShape::Now => {
            json!({"id": id, "created": created, "request_id": request_id, "model": model, "text": text})
        }
        ReplyShape::Segments => json!({
            "id": id, "created": created, "request_id": request_id, "text": text,
            "segments": segments(meta, text, &json!({})),
        }),
        ReplyShape::Chat => json!({
            "id": id, "object": "chat.completion", "created": created, "model": model, "request_id": request_id,
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"},
            ],
            "usage": {"prompt_tokens": 107, "completion_tokens": text.chars().count(),
                "total_tokens": 107 + text.chars().count()},
        }),
        ReplyShape::Vllm => json!({"text": text, "usage": usage(meta)}),
    }
}

fn verbose(meta: &Meta, text: &str) -> Value {
    let more = json!({"seek": 0, "tokens": [], "temperature": 0.0, "avg_logprob": -0.1, "compression_ratio": 1.0,
        "no_speech_prob": 0.0});
    json!({
        "task": "transcribe", "language": "chinese", "duration": seconds(meta.audio_ms), "text": text,
        "segments": segments(meta, text, &more), "usage": usage(meta),
    })
}

fn segments(meta: &Meta, text: &str, more: &Value) -> Value {
    if text.is_empty() {
        return json!([]);
    }
    let mut segment = json!({"id": 0, "start": 0.0, "end": seconds(meta.audio_ms), "text": text});
    for (name, value) in more.as_object().into_iter().flatten() {
        segment[name] = value.clone();
    }
    json!([segment])
}

fn usage(meta: &Meta) -> Value {
    json!({"type": "duration", "seconds": meta.audio_ms.div_ceil(1000)})
}

#[expect(clippy::as_conversions, reason = "at most 30 000")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

fn subtitle_time(ms: u64, point: char) -> String {
    format!("00:{:02}:{:02}{point}{:03}", ms / 60_000, ms / 1000 % 60, ms % 1000)
}
