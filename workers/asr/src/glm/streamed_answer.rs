//! Answers that come piece by piece: GLM-ASR's events, and vLLM's.

use serde_json::Value;

use super::fault::Fault;
use super::json_answer::sensitive;
use super::server_sent_events::Event;

/// What has come of a stream.
#[derive(Debug, Default)]
pub(super) struct Streamed {
    /// The pieces so far, joined.
    joined: String,
    /// The whole text, once the provider has said it.
    whole: Option<String>,
    is_ended: bool,
    /// A piece could not be read, so the joined ones are not all.
    is_damaged: bool,
}

impl Streamed {
    /// Takes the next event; true where the text has grown.
    ///
    /// # Errors
    /// [`Fault`] where the event is a complaint.
    pub(super) fn take(&mut self, event: &Event) -> Result<bool, Fault> {
        let data = event.data.trim();
        if data == "[DONE]" {
            self.is_ended = true;
            return Ok(false);
        }
        let Ok(value) = serde_json::from_str::<Value>(data) else {
            if event.name == "error" {
                return Err(Fault { status: 200, code: None, message: data.to_owned(), is_filtered: false });
            }
            self.is_damaged = true;
            return Ok(false);
        };
        if let Some(fault) = Fault::in_body(200, &value).or_else(|| sensitive(&value)) {
            return Err(fault);
        }
        let kind = value.get("type").and_then(Value::as_str).unwrap_or(&event.name);
        let text = value.get("text").and_then(Value::as_str);
        if kind.ends_with(".done") {
            self.is_ended = true;
            self.whole = text.map(str::to_owned);
            return Ok(false);
        }
        let piece = value.get("delta").or_else(|| value.pointer("/choices/0/delta/content")).and_then(Value::as_str);
        self.joined.push_str(piece.unwrap_or_default());
        Ok(piece.is_some_and(|piece| !piece.is_empty()))
    }

    /// The text so far.
    pub(super) fn so_far(&self) -> &str {
        &self.joined
    }

    /// Whether nothing of worth can follow.
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// The whole text; none where the stream broke off.
    pub(super) fn into_text(self) -> Option<String> {
        match self.whole {
            Some(whole) => Some(whole),
            None if self.is_ended && !self.is_damaged => Some(self.joined),
            None => None,
        }
    }
}
