//! What a provider says when it gives no text, and what that means.

use std::time::Duration;

use serde_json::Value;

use super::resume_time::resume_ms;
use crate::AsrError;

/// How long to wait after one request too many, where the provider does not ask for more.
const THROTTLED: Duration = Duration::from_secs(1);
/// A provider that asks for more than this is not waited for that long without asking again.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);
/// What is kept of a message.
const MAX_MESSAGE_CHARACTERS: usize = 300;

/// A complaint as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// HTTP status, or the one that the body claims.
    pub(super) status: u16,
    /// In the provider's numbers, where it gave one.
    pub(super) code: Option<String>,
    /// In the provider's words.
    pub(super) message: String,
    /// Whether the body names who said something sensitive.
    pub(super) is_filtered: bool,
}

/// What is to be done about a complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Throttled,
    Overloaded,
    AccountStop,
    Credentials,
    Permanent,
    Refused,
}

impl Fault {
    /// The complaint of an answer with HTTP `status` that is no success, whatever its body holds.
    pub(super) fn of_answer(status: u16, body: &[u8]) -> Self {
        let parsed: Option<Value> = serde_json::from_slice(body).ok();
        parsed.as_ref().and_then(|value| Self::in_body(status, value)).unwrap_or_else(|| {
            let said = String::from_utf8_lossy(body);
            let is_page = said.trim_start().starts_with('<');
            let message = if is_page { "a page for browsers".into() } else { shortened(&said) };
            Self { status, code: None, message, is_filtered: false }
        })
    }

    /// The complaint in the JSON of an answer or of a stream's event; none where it is an answer. Three shapes:
    /// `{"error": {"code", "message"}}`, `{"code", "message"}`, `{"success": false, "code", "msg"}`.
    pub(super) fn in_body(status: u16, value: &Value) -> Option<Self> {
        let is_success = (200..300).contains(&status);
        let error = value.get("error").filter(|error| !error.is_null());
        let is_denied = value.get("success").and_then(Value::as_bool) == Some(false);
        let has_text = value.get("text").is_some() || value.get("choices").is_some() || value.get("delta").is_some();
        let own_code = value.get("code").and_then(code).filter(|code| !matches!(code.as_str(), "0" | "200"));
        let is_filtered =
            value.get("contentFilter").and_then(Value::as_array).is_some_and(|filter| !filter.is_empty()) && !has_text;
        let is_fault = error.is_some() || is_denied || is_filtered || (own_code.is_some() && !has_text) || !is_success;
        if !is_fault {
            return None;
        }
        let code = error.and_then(|error| error.get("code")).and_then(code).or(own_code);
        let words = error.unwrap_or(value);
        let message = words
            .as_str()
            .or_else(|| ["message", "msg", "detail"].iter().find_map(|name| words.get(name)?.as_str()))
            .unwrap_or_default();
        // A status among the codes is what the answer should have had.
        let claimed = code.as_ref().and_then(|code| code.parse().ok()).filter(|code| (400..600).contains(code));
        let status = if is_success { claimed.unwrap_or(status) } else { status };
        Some(Self { status, code, message: shortened(message), is_filtered })
    }

    /// The same as an error. `retry_after` is what the provider asked to wait.
    pub(super) fn into_error(self, retry_after: Option<Duration>, now_ms: i64) -> AsrError {
        let Self { status, code, message, .. } = &self;
        let (code, message) = (code.clone(), message.clone());
        match self.class() {
            Class::Throttled => {
                let retry_after = retry_after.unwrap_or(THROTTLED).clamp(THROTTLED, MAX_RETRY_AFTER);
                AsrError::Throttled { code, retry_after }
            }
            Class::Overloaded => AsrError::Unavailable { code, detail: format!("HTTP {status}: {message}") },
            Class::AccountStop => AsrError::AccountStopped { until_ms: resume_ms(&message, now_ms), code, message },
            Class::Credentials => AsrError::Credentials { code, message },
            Class::Permanent => AsrError::Rejected { status: *status, code, message },
            Class::Refused => AsrError::Refused { code, message },
        }
    }

    fn class(&self) -> Class {
        if self.is_filtered {
            return Class::Refused;
        }
        self.code.as_deref().and_then(class_of_code).unwrap_or_else(|| class_of_status(self.status))
    }
}

/// The provider's table of codes. <https://docs.bigmodel.cn/cn/api/api-code>
fn class_of_code(code: &str) -> Option<Class> {
    let number: u16 = match code {
        // OpenAI's word for arrears comes with the status of throttling.
        "insufficient_quota" => return Some(Class::AccountStop),
        _ => code.parse().ok()?,
    };
    match number {
        1000..=1005 => Some(Class::Credentials),
        1110..=1113 | 1121 | 1220 | 1304 | 1308..=1311 | 1313..=1321 => Some(Class::AccountStop),
        1200 | 1230 | 1234 | 1305 | 1312 => Some(Class::Overloaded),
        1210..=1215 | 1221 | 1222 | 1261 => Some(Class::Permanent),
        1301 => Some(Class::Refused),
        1302 | 1303 => Some(Class::Throttled),
        _ => None,
    }
}

fn class_of_status(status: u16) -> Class {
    match status {
        401 => Class::Credentials,
        // What the account may not do it may not do for any clip. (434 is the provider's own: no permission.)
        402 | 403 | 434 => Class::AccountStop,
        429 => Class::Throttled,
        // A complaint with the status of success is not known to be for ever.
        200..=299 | 408 | 425 | 500..=599 => Class::Overloaded,
        _ => Class::Permanent,
    }
}

/// Text or a number, as text.
fn code(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn shortened(message: &str) -> String {
    message.trim().chars().take(MAX_MESSAGE_CHARACTERS).collect()
}
