//! An upload and an account: the text, or why there is none.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use earmark_asr::{AsrError, ClipRequest, Hearing, LanguageChoice, NotHearing, Sound, UploadFormat, glm};
use earmark_core::{ClipText, Lane, Refusal, SAMPLE_RATE_HZ, Tenant};
use earmark_pipeline::{ProviderAccount, ProviderAccounts, Request, RequestError, Settings};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::language;
use super::sound::Heard;
use super::wanted::Wanted;

/// How long a caller is asked to wait while the permits' store cannot be reached.
const PERMITS_BACK: Duration = Duration::from_secs(5);

/// A clip on its way to an account. Dropping it gives the request up.
pub struct Asking {
    account: Arc<ProviderAccount>,
    fallback: Option<Arc<ProviderAccount>>,
    tenant: Tenant,
    request: ClipRequest,
    heard: Heard,
    /// Of the upload, as long as it may still go up.
    _room: Option<OwnedSemaphorePermit>,
}

impl Asking {
    /// What `wanted` asks `tenant`'s account. `id` is this request's, for the provider's records.
    pub fn new(
        accounts: &ProviderAccounts,
        settings: &Settings,
        tenant: Tenant,
        wanted: &Wanted,
        heard: Heard,
        room: Option<OwnedSemaphorePermit>,
        id: &str,
    ) -> Self {
        let account = accounts.of(&tenant).clone();
        let limits = account.transcriber.limits();
        let (sound, room) = if limits.takes_files {
            (upload(&wanted.file, &heard, limits.max_ms), room)
        } else {
            (samples(&heard), None)
        };
        let language = wanted.language.as_deref().map(language::code);
        let glossary = wanted.hotwords.iter().cloned().chain(settings.glossary_of(&tenant)).collect();
        let request = ClipRequest {
            prompt: wanted.prompt.clone().or_else(|| settings.prompt.clone()),
            glossary,
            has_words: wanted.has_words,
            user_id: Some(wanted.user_id.clone().unwrap_or_else(|| format!("{}-{tenant}", account.name))),
            ..ClipRequest::new(
                sound,
                language.map_or_else(|| settings.language.clone(), |code| LanguageChoice::Fixed(code.into())),
                wanted.request_id.clone().unwrap_or_else(|| id.to_owned()),
            )
        };
        Self { account, fallback: accounts.fallback.clone(), tenant, request, heard, _room: room }
    }

    /// The account's name.
    pub fn account(&self) -> &str {
        &self.account.name
    }

    /// How long the upload is.
    pub fn duration_ms(&self) -> u64 {
        self.heard.duration_ms
    }

    /// The text. Waits for a permit in the lane of those for whom somebody waits; what the provider refuses is heard by
    /// the fallback where there is one.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn text(&self, hearing: &dyn Hearing) -> Result<ClipText, Fault> {
        if !self.account.permits.status().is_reachable {
            // A job can wait for that; somebody at the other end of a connection cannot.
            return Err(Fault::Busy { wait: PERMITS_BACK });
        }
        tracing::debug!(account = %self.account.name, "a transcription waits for its turn");
        let answer = self.ask(&self.account, self.request.clone(), hearing).await;
        match (answer, &self.fallback) {
            (Err(RequestError::Transcribe(AsrError::Refused { code, message })), Some(fallback)) => {
                let request = ClipRequest { sound: samples(&self.heard), ..self.request.clone() };
                let text = self.ask(fallback, request, &NotHearing).await.map_err(|error| self.fault(error))?;
                let instead = Some(fallback.transcriber.engine().name);
                Ok(ClipText { refused: Some(Refusal { code, message, instead }), ..text })
            }
            (answer, _) => answer.map_err(|error| self.fault(error)),
        }
    }

    async fn ask(
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

    fn fault(&self, error: RequestError) -> Fault {
        let reason: &dyn std::error::Error = &error;
        let cause = reason.source().map(ToString::to_string);
        tracing::warn!(account = %self.account.name, cause, "a transcription was not answered: {error}");
        error.into()
    }
}

fn samples(heard: &Heard) -> Sound {
    Sound::Samples { samples: heard.samples.clone(), source_rate_hz: heard.sample_rate_hz }
}

/// The upload unchanged where a provider takes it, else its samples; those too long for a clip of earmark's own cutting,
/// which the provider still takes, as a file.
fn upload(file: &Bytes, heard: &Heard, max_clip_ms: u64) -> Sound {
    let (bytes, format) = match heard.format {
        Some(format) => (file.clone(), format),
        None if heard.duration_ms <= max_clip_ms => return samples(heard),
        None => (glm::wav(&heard.samples, SAMPLE_RATE_HZ).into(), UploadFormat::Wav),
    };
    Sound::File { bytes, format, duration_ms: heard.duration_ms }
}
