//! The client under test, and what it says in a line.
#![allow(dead_code)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use earmark_asr::{AsrError, ClipRequest, GlmClient, GlmOptions, Hearing, LanguageChoice, Sound};
use earmark_core::{ClipText, ManualClock};
use earmark_objects::{HttpOptions, http_client};

/// 2026-11-22 12:00:00 UTC.
pub const NOW_MS: i64 = 1_795_348_800_000;

/// A client of the provider at `url`, set up by `change`.
pub fn client(url: &str, change: impl FnOnce(&mut GlmOptions)) -> GlmClient {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let limit = Duration::from_secs(30);
    let http =
        http_client(&HttpOptions { connect_timeout: limit, read_timeout: limit, timeout: None, allow_private: true })
            .unwrap();
    let mut options = GlmOptions::new("id.secret".into());
    options.base_url = url.parse().unwrap();
    change(&mut options);
    GlmClient::new(http, options, Arc::new(ManualClock::at(NOW_MS)))
}

/// Four seconds of a tone, to be understood as Chinese or English.
pub fn request() -> ClipRequest {
    #[expect(clippy::as_conversions, reason = "a place in four seconds of sound as a float")]
    let tone = |at: usize| 0.3 * (at as f32 * 0.05).sin();
    let samples: Arc<[f32]> = (0..64_000).map(tone).collect();
    let language = LanguageChoice::Detect { candidates: vec!["zh".into(), "en".into()], likely: None };
    ClipRequest::new(Sound::of(samples), language, "job-0-1-2".into())
}

/// Keeps what it hears.
#[derive(Default)]
pub struct Listener(Mutex<Vec<String>>);

impl Hearing for Listener {
    fn so_far(&self, text: &str) {
        self.0.lock().unwrap().push(text.into());
    }
}

impl Listener {
    /// What it heard, in order.
    pub fn heard(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A clip's text without its times, or what became of it: the class, the provider's code, and what the class carries.
pub fn told(answer: &Result<ClipText, AsrError>) -> String {
    let with = |class: &str, code: &Option<String>, more: String| {
        [class.to_owned(), code.clone().unwrap_or_else(|| "-".into()), more].join(" ").trim().to_owned()
    };
    match answer {
        Ok(text) => text.segments.iter().map(|segment| segment.text.as_str()).collect::<Vec<_>>().join("|"),
        Err(AsrError::Throttled { code, retry_after }) => with("throttled", code, retry_after.as_millis().to_string()),
        Err(AsrError::TimedOut { .. }) => with("timed out", &None, String::new()),
        Err(AsrError::Unavailable { code, .. }) => with("unavailable", code, String::new()),
        Err(AsrError::AccountStopped { code, until_ms, .. }) => {
            let minutes = until_ms.map(|until_ms| format!("{} minutes", (until_ms - NOW_MS) / 60_000));
            with("stopped", code, minutes.unwrap_or_default())
        }
        Err(AsrError::Credentials { code, .. }) => with("credentials", code, String::new()),
        Err(AsrError::Rejected { status, code, .. }) => with("rejected", code, status.to_string()),
        Err(AsrError::Refused { code, .. }) => with("refused", code, String::new()),
        Err(other) => format!("{other:?}"),
    }
}
