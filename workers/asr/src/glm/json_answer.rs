//! Answers that come whole: GLM-ASR's three shapes, and OpenAI's `json` and `verbose_json`.

use serde_json::Value;

use super::fault::Fault;

/// What a recogniser answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Answer {
    /// All of it; empty where nobody speaks.
    pub(super) text: String,
    /// Its parts with times, where the recogniser gives them.
    pub(super) parts: Vec<Part>,
}

/// A part of an answer; times from the clip's start.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    pub(super) text: String,
}

/// What HTTP 200 with this JSON means; none where it is neither text nor a complaint.
pub(super) fn answer(value: &Value) -> Option<Result<Answer, Fault>> {
    if let Some(fault) = Fault::in_body(200, value) {
        return Some(Err(fault));
    }
    if let Some(fault) = sensitive(value) {
        return Some(Err(fault));
    }
    let text = text(value)?;
    let parts = value.get("segments").and_then(Value::as_array).map_or_else(Vec::new, |segments| parts(segments));
    Some(Ok(Answer { text: text.to_owned(), parts }))
}

/// The older answer says in this way that it was cut off for its content.
pub(super) fn sensitive(value: &Value) -> Option<Fault> {
    let reason = value.pointer("/choices/0/finish_reason")?.as_str()?;
    (reason == "sensitive").then(|| Fault {
        status: 200,
        code: None,
        message: "the answer was cut off: finish_reason is `sensitive`".into(),
        is_filtered: true,
    })
}

/// A text that is there but null is empty.
fn text(value: &Value) -> Option<&str> {
    let found = value.get("text").or_else(|| value.pointer("/choices/0/message/content"))?;
    if found.is_null() { Some("") } else { found.as_str() }
}

/// None where one of them has no times: half of them would be no help.
fn parts(segments: &[Value]) -> Vec<Part> {
    let part = |segment: &Value| {
        let start = segment.get("start")?.as_f64()?;
        let end = segment.get("end")?.as_f64()?;
        let is_meant = start >= 0.0 && end > start && end.is_finite();
        let text = segment.get("text")?.as_str()?;
        is_meant.then(|| Part { start_ms: to_ms(start), end_ms: to_ms(end), text: text.to_owned() })
    };
    segments.iter().map(part).collect::<Option<Vec<Part>>>().unwrap_or_default()
}

fn to_ms(secs: f64) -> u64 {
    #[expect(clippy::as_conversions, reason = "not negative, and saturating")]
    let ms = (secs * 1000.0).round() as u64;
    ms
}
