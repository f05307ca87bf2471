//! A request refused: its status and its body, in the shapes the service uses.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error_codes::entry;
use crate::reply::Reply;

/// How an error's body is laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ErrorShape {
    /// `{"error":{"code":"1302","message":"…"},"request_id":"…"}`.
    #[default]
    Nested,
    /// `{"code":1302,"message":"…"}`.
    Flat,
    /// `{"success":false,"code":1302,"msg":"…"}` with HTTP 200.
    Unsuccessful,
}

/// Why a request gets no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: Option<String>,
    pub(crate) message: String,
}

impl Refusal {
    /// The documented error of that code; nothing is the internal error without one.
    pub(crate) fn new(code: Option<&str>) -> Self {
        let (status, message) = entry(code);
        Self { status, code: code.map(str::to_owned), message: message.into() }
    }

    /// An error of that code.
    pub(crate) fn of(code: &str) -> Self {
        Self::new(Some(code))
    }

    /// A field is missing: 1213.
    pub(crate) fn missing(field: &str) -> Self {
        Self::of("1213").fill("field", field)
    }

    /// A field holds what it must not: 1214.
    pub(crate) fn illegal(field: &str) -> Self {
        Self::of("1214").fill("field", field)
    }

    /// The audio is longer than is allowed: 1214 with a text of its own.
    pub(crate) fn too_long() -> Self {
        Self { message: "transcriptions文件时长限制为0-30秒".into(), ..Self::of("1214") }
    }

    /// Puts `value` in the place of `${name}`.
    pub(crate) fn fill(mut self, name: &str, value: &str) -> Self {
        self.message = self.message.replace(&format!("${{{name}}}"), value);
        self
    }

    /// The answer; `request_id` is the caller's or the service's own.
    pub(crate) fn reply(&self, shape: ErrorShape, request_id: &str) -> Reply {
        // The service's codes are numbers in the shapes without `error`; one that is none stays text.
        let number = || match self.code.as_deref().map(|code| code.parse::<u32>()) {
            Some(Ok(code)) => json!(code),
            Some(Err(_)) => json!(self.code),
            None => json!(self.status),
        };
        let body = match shape {
            ErrorShape::Nested => self.nested(request_id),
            ErrorShape::Flat => json!({"code": number(), "message": self.message}),
            ErrorShape::Unsuccessful => json!({"success": false, "code": number(), "msg": self.message}),
        };
        let status = if shape == ErrorShape::Unsuccessful { 200 } else { self.status };
        Reply::json(&body).status(status)
    }

    fn nested(&self, request_id: &str) -> Value {
        let kind = match (self.status, self.code.as_deref()) {
            (_, Some("1113")) => "insufficient_quota",
            (401, _) => "authentication_error",
            (403, _) => "permission_error",
            (429, _) => "rate_limit_error",
            (500.., _) => "server_error",
            _ => "invalid_request_error",
        };
        let mut body =
            json!({"error": {"message": self.message, "type": kind, "param": null}, "request_id": request_id});
        if let Some(code) = &self.code {
            body["error"]["code"] = json!(code);
        }
        if self.code.as_deref() == Some("1301") {
            body["contentFilter"] = json!([{"level": 1, "role": "user"}]);
        }
        body
    }
}
