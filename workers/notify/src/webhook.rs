//! Messages as signed HTTP posts.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use earmark_core::hex;
use earmark_core::rfc3339;
use earmark_journal::Message;
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::Url;

use crate::{Notifier, NotifyError};

/// Carries `t=SECONDS,v1=HEX`: HMAC-SHA256 with the shared secret over `SECONDS.BODY`. The receiver computes the same and
/// refuses what is older than five minutes, so that a message cannot be played again.
pub const SIGNATURE_HEADER: &str = "earmark-signature";

/// A receiver that asks for more is asked again after a day.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Posts messages to one address.
pub struct Webhook {
    client: reqwest::Client,
    url: Url,
    secret: Option<String>,
    /// Until when the receiver has asked to be left alone.
    quiet_until_ms: AtomicI64,
}

impl Webhook {
    /// Posts to `url`; signs with `secret`, if there is one.
    pub fn new(client: reqwest::Client, url: Url, secret: Option<String>) -> Self {
        Self { client, url, secret, quiet_until_ms: AtomicI64::new(0) }
    }
}

/// The value of [`SIGNATURE_HEADER`] for `body` sent at `now_secs` since the epoch.
pub fn signature(secret: &str, now_secs: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{now_secs}.{body}").as_bytes());
    format!("t={now_secs},v1={}", hex(&mac.finalize().into_bytes()))
}

#[async_trait]
impl Notifier for Webhook {
    async fn notify(&self, message: &Message, now_ms: i64) -> Result<(), NotifyError> {
        let body = json!({
            "id": message.id,
            "kind": message.kind.as_str(),
            "tenant": message.tenant,
            "job_id": message.job_id,
            "created_at": rfc3339(message.created_at_ms),
            "attempt": message.attempt,
            "data": message.payload,
        })
        .to_string();
        let mut request = self.client.post(self.url.clone()).header("content-type", "application/json");
        if let Some(secret) = &self.secret {
            request = request.header(SIGNATURE_HEADER, signature(secret, now_ms / 1000, &body));
        }
        // The address may hold a token: it must not get into the outbox or a log.
        let answer = request
            .body(body)
            .send()
            .await
            .map_err(|error| NotifyError::Unreachable(error.without_url().to_string()))?;
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            return Ok(());
        }
        let asked = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
        match asked.and_then(|asked| wait(asked, now_ms)) {
            Some(wait) => {
                let wait = wait.min(LONGEST_WAIT);
                self.quiet_until_ms.store(now_ms + i64::try_from(wait.as_millis()).unwrap_or(0), Ordering::Relaxed);
                Err(NotifyError::Later { status, wait })
            }
            None => Err(NotifyError::Refused(status)),
        }
    }

    fn quiet_until_ms(&self) -> i64 {
        self.quiet_until_ms.load(Ordering::Relaxed)
    }
}

/// How long `Retry-After` asks to wait, as of `now_ms`: seconds, or a date. RFC 9110, 10.2.3.
fn wait(asked: &str, now_ms: i64) -> Option<Duration> {
    let asked = asked.trim();
    if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(asked.parse().unwrap_or(u64::MAX)));
    }
    let at = OffsetDateTime::parse(asked, &Rfc2822).ok()?;
    let wait_ms = at.unix_timestamp().saturating_mul(1000).saturating_sub(now_ms);
    Some(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_may_ask_to_wait_in_seconds_or_until_a_date() {
        let now_ms = 1_795_392_000_000;
        for (asked, secs) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Mon, 23 Nov 2026 00:00:30 GMT", Some(30)),
            ("Sun, 22 Nov 2026 00:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(wait(asked, now_ms), secs.map(Duration::from_secs), "{asked}");
        }
    }
}
