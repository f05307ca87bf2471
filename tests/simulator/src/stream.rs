//! Answers that come as server-sent events.

use bytes::Bytes;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::reply::Meta;

/// How a stream is laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum StreamShape {
    /// `transcript.text.delta`, `transcript.text.done`, `[DONE]`.
    #[default]
    Glm,
    /// `transcription.chunk` with `choices`, then `[DONE]`.
    Vllm,
}

/// The media type of a stream.
pub(crate) const EVENTS: &str = "text/event-stream;charset=UTF-8";

/// `text` in pieces of `chars` characters.
pub(crate) fn pieces(text: &str, chars: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(chars.max(1)).map(|piece| piece.iter().collect()).collect()
}

impl StreamShape {
    /// The event for one piece of text.
    pub(crate) fn delta(self, meta: &Meta, piece: &str) -> Bytes {
        let Meta { id, created, model, .. } = meta;
        event(&match self {
            Self::Glm => {
                json!({"id": id, "created": created, "model": model, "type": "transcript.text.delta", "delta": piece})
            }
            Self::Vllm => chunk(meta, piece, &Value::Null),
        })
    }

    /// What ends a stream in order.
    pub(crate) fn done(self, meta: &Meta, text: &str) -> Bytes {
        let Meta { id, created, model, .. } = meta;
        let last = event(&match self {
            Self::Glm => {
                json!({"id": id, "created": created, "model": model, "type": "transcript.text.done", "text": text})
            }
            Self::Vllm => chunk(meta, "", &json!("stop")),
        });
        [last.as_ref(), b"data: [DONE]\n\n"].concat().into()
    }
}

fn chunk(meta: &Meta, piece: &str, finish_reason: &Value) -> Value {
    json!({
        "id": meta.id, "object": "transcription.chunk", "created": meta.created, "model": meta.model,
        "choices": [{"delta": {"content": piece}, "finish_reason": finish_reason, "stop_reason": null}],
    })
}

fn event(data: &Value) -> Bytes {
    format!("data: {data}\n\n").into()
}
