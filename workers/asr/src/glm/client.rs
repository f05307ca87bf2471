//! The client itself: one request for each clip.

use std::sync::Arc;

use async_trait::async_trait;
use earmark_core::{ClipText, Clock, Engine};

use super::options::{Dialect, GlmOptions};
use crate::{AsrError, ClipLimits, ClipRequest, Hearing, Transcriber};

/// A recogniser behind `POST …/audio/transcriptions`.
pub struct GlmClient {
    #[expect(dead_code, reason = "the way there is not built yet")]
    client: reqwest::Client,
    options: GlmOptions,
    #[expect(dead_code, reason = "the way there is not built yet")]
    clock: Arc<dyn Clock>,
}

impl GlmClient {
    /// Sends through `client`, which keeps the connections.
    pub fn new(client: reqwest::Client, options: GlmOptions, clock: Arc<dyn Clock>) -> Self {
        Self { client, options, clock }
    }
}

#[async_trait]
impl Transcriber for GlmClient {
    fn engine(&self) -> Engine {
        let name = match self.options.dialect {
            Dialect::Glm => "glm",
            Dialect::OpenAi => "openai",
        };
        let base = &self.options.base_url;
        let host = base.host_str().unwrap_or_default();
        Engine {
            name: name.into(),
            model: self.options.model.clone(),
            version: base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
        }
    }

    fn limits(&self) -> ClipLimits {
        ClipLimits { max_ms: self.options.max_clip_ms, in_flight: self.options.in_flight.max(1), takes_files: true }
    }

    async fn transcribe(&self, _: ClipRequest, _: &dyn Hearing) -> Result<ClipText, AsrError> {
        Err(AsrError::Failed { detail: "the way to the recogniser is not built yet".into() })
    }
}
