//! An upload and an account: the text, or why there is none.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use earmark_asr::{AsrError, ClipRequest, Hearing, LanguageChoice, NotHearing, Sound, UploadFormat, glm};
use earmark_core::{ClipText, Lane, Refusal, SAMPLE_RATE_HZ, Tenant};
use earmark_pipeline::{ProviderAccount, ProviderAccounts, Request, RequestError, Settings};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::error::TranscribeError;
use super::request::TranscriptionRequest;
use super::upload::{self, Upload};
use crate::app::App;
use crate::config::CommandError;

/// How long a caller is asked to wait while the permits' store cannot be reached.
const PERMITS_BACK: Duration = Duration::from_secs(5);

/// Who transcribes single clips.
pub struct Transcriptions {
    accounts: ProviderAccounts,
    settings: Settings,
}

/// A clip on its way to an account. Dropping it gives the request up.
pub struct Transcription {
    account: Arc<ProviderAccount>,
    fallback: Option<Arc<ProviderAccount>>,
    tenant: Tenant,
    request: ClipRequest,
    upload: Upload,
    /// Of the upload, as long as it may still go up.
    _memory: Option<OwnedSemaphorePermit>,
}

impl Transcriptions {
    /// Transcribes with `accounts`, as jobs are transcribed.
    ///
    /// # Errors
    /// [`CommandError`] when there is no folder for temporary files.
    pub fn new(app: &App, accounts: ProviderAccounts) -> Result<Self, CommandError> {
        Ok(Self { accounts, settings: app.pipeline_settings()? })
    }

    /// Decodes what `request` carries, and makes it a clip for `tenant`'s account. `memory` is held for as long as the file
    /// is.
    ///
    /// # Errors
    /// [`TranscribeError::NotAudio`], [`TranscribeError::TooLong`], [`TranscribeError::Failed`].
    pub async fn prepare(
        &self,
        tenant: Tenant,
        request: TranscriptionRequest,
        memory: Option<OwnedSemaphorePermit>,
    ) -> Result<Transcription, TranscribeError> {
        let upload = upload::decode(&self.settings, request.file.clone()).await?;
        let account = self.accounts.of(&tenant).clone();
        let limits = account.transcriber.limits();
        let (sound, memory) = if limits.takes_files {
            (file(&request.file, &upload, limits.max_ms), memory)
        } else {
            (samples(&upload), None)
        };
        let settings = &self.settings;
        let glossary = request.hotwords.into_iter().chain(settings.glossary_of(&tenant)).collect();
        let request = ClipRequest {
            prompt: request.prompt.or_else(|| settings.prompt.clone()),
            glossary,
            has_words: request.has_words,
            user_id: Some(request.user_id.unwrap_or_else(|| format!("{}-{tenant}", account.name))),
            ..ClipRequest::new(
                sound,
                request.language.map_or_else(|| settings.language.clone(), LanguageChoice::Fixed),
                request.request_id,
            )
        };
        let fallback = self.accounts.fallback.clone();
        Ok(Transcription { account, fallback, tenant, request, upload, _memory: memory })
    }
}

impl Transcription {
    /// The name of the account that is asked.
    pub fn account(&self) -> &str {
        &self.account.name
    }

    /// How long the upload is.
    pub fn duration_ms(&self) -> u64 {
        self.upload.duration_ms
    }

    /// The text; `hearing` is told what is known so far where the engine streams. Waits for a permit in the lane of those
    /// for whom somebody waits; what the provider refuses is heard by the fallback where there is one.
    ///
    /// # Errors
    /// [`TranscribeError`].
    pub async fn text(&self, hearing: &dyn Hearing) -> Result<ClipText, TranscribeError> {
        if !self.account.permits.status().is_reachable {
            // A job can wait for that; somebody at the other end of a connection cannot.
            return Err(TranscribeError::Busy { wait: PERMITS_BACK });
        }
        tracing::debug!(account = %self.account.name, "a transcription waits for its turn");
        let answer = self.send(&self.account, self.request.clone(), hearing).await;
        match (answer, &self.fallback) {
            (Err(RequestError::Transcribe(AsrError::Refused { code, message })), Some(fallback)) => {
                let request = ClipRequest { sound: samples(&self.upload), ..self.request.clone() };
                let text = self.send(fallback, request, &NotHearing).await.map_err(|error| self.failed(error))?;
                let instead = Some(fallback.transcriber.engine().name);
                Ok(ClipText { refused: Some(Refusal { code, message, instead }), ..text })
            }
            (answer, _) => answer.map_err(|error| self.failed(error)),
        }
    }

    async fn send(
        &self,
        account: &ProviderAccount,
        request: ClipRequest,
        hearing: &dyn Hearing,
    ) -> Result<ClipText, RequestError> {
        let request = Request {
            tenant: &self.tenant,
            lane: Lane::Webhook,
            lease: None,
            clip: account.transcriber.prepare(request).await.map_err(RequestError::Transcribe)?,
            preceding: &|| None,
            hearing,
            // A client that goes away drops all of it.
            abandon: &CancellationToken::new(),
        };
        Ok(account.transcribe(&request).await?.text)
    }

    /// Logs `error`: the caller is told less.
    fn failed(&self, error: RequestError) -> TranscribeError {
        let reason: &dyn std::error::Error = &error;
        let cause = reason.source().map(ToString::to_string);
        tracing::warn!(account = %self.account.name, cause, "a transcription was not answered: {error}");
        error.into()
    }
}

fn samples(upload: &Upload) -> Sound {
    Sound::Samples { samples: upload.samples.clone(), source_rate_hz: upload.sample_rate_hz }
}

/// `bytes` unchanged where a provider takes them, else their samples; those too long for a clip of earmark's own cutting,
/// which the provider still takes, as a file.
fn file(bytes: &Bytes, upload: &Upload, max_clip_ms: u64) -> Sound {
    let (bytes, format) = match upload.format {
        Some(format) => (bytes.clone(), format),
        None if upload.duration_ms <= max_clip_ms => return samples(upload),
        None => (glm::wav(&upload.samples, SAMPLE_RATE_HZ).into(), UploadFormat::Wav),
    };
    Sound::File { bytes, format, duration_ms: upload.duration_ms }
}
