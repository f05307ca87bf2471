//! The built-in engine, loaded when it is first needed.

use async_trait::async_trait;
use earmark_core::{ClipText, Engine};
use tokio::sync::OnceCell;

use super::{LocalEngine, LocalOptions};
use crate::{AsrError, ClipLimits, ClipRequest, Hearing, Transcriber};

/// A [`LocalEngine`] that takes no memory before its first clip.
pub struct LateEngine {
    options: LocalOptions,
    engine: OnceCell<LocalEngine>,
}

impl LateEngine {
    /// An engine that is not loaded yet.
    pub fn new(options: LocalOptions) -> Self {
        Self { options, engine: OnceCell::new() }
    }

    async fn loaded(&self) -> Result<&LocalEngine, AsrError> {
        let load = || async {
            let options = self.options.clone();
            let loading = tokio::task::spawn_blocking(move || LocalEngine::load(&options));
            loading.await.map_err(|error| AsrError::NotLoaded { detail: error.to_string() })?
        };
        self.engine.get_or_try_init(load).await
    }
}

#[async_trait]
impl Transcriber for LateEngine {
    /// Before the first clip the weights are not known.
    fn engine(&self) -> Engine {
        match self.engine.get() {
            Some(engine) => engine.engine(),
            None => LocalEngine::name_before_loading(&self.options),
        }
    }

    fn limits(&self) -> ClipLimits {
        LocalEngine::limits_with(&self.options)
    }

    fn billed_ms(&self, _: u64) -> u64 {
        0
    }

    async fn transcribe(&self, request: ClipRequest, hearing: &dyn Hearing) -> Result<ClipText, AsrError> {
        self.loaded().await?.transcribe(request, hearing).await
    }
}
