//! Messages as signed HTTP posts.

use async_trait::async_trait;
use earmark_core::hex;
use earmark_core::rfc3339;
use earmark_journal::Message;
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;
use url::Url;

use crate::{Notifier, NotifyError};

/// Carries `t=SECONDS,v1=HEX`: HMAC-SHA256 with the shared secret over `SECONDS.BODY`. The receiver computes the same and
/// refuses what is older than five minutes, so that a message cannot be played again.
pub const SIGNATURE_HEADER: &str = "earmark-signature";

/// Posts messages to one address.
pub struct Webhook {
    client: reqwest::Client,
    url: Url,
    secret: Option<String>,
}

impl Webhook {
    /// Posts to `url`; signs with `secret`, if there is one.
    pub fn new(client: reqwest::Client, url: Url, secret: Option<String>) -> Self {
        Self { client, url, secret }
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
        if answer.status().is_success() { Ok(()) } else { Err(NotifyError::Refused(answer.status().as_u16())) }
    }
}
