//! The seam between earmark and whatever turns sound into text.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use earmark_core::{ClipText, Disposition, Engine, Failure};

/// A recogniser.
#[async_trait]
pub trait Transcriber: Send + Sync {
    /// What the report names.
    fn engine(&self) -> Engine;

    /// What one request may carry and how many at a time are worth having under way.
    fn limits(&self) -> ClipLimits;

    /// The text of one clip. Dropping the future gives the request up.
    ///
    /// # Errors
    /// [`AsrError`], each with the job's fate.
    async fn transcribe(&self, request: ClipRequest) -> Result<ClipText, AsrError>;
}

/// The size of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClipLimits {
    /// Longest clip.
    pub max_ms: u64,
    /// Requests that are worth having under way at once.
    pub in_flight: usize,
}

/// One clip and what is known about it.
#[derive(Debug, Clone)]
pub struct ClipRequest {
    /// Mono, 16 kHz, -1 to 1; not longer than [`ClipLimits::max_ms`].
    pub samples: Arc<[f32]>,
    /// Which language.
    pub language: LanguageChoice,
    /// What was said before, or fixed context.
    pub prompt: Option<String>,
    /// Names and terms to be spelled right.
    pub glossary: Vec<String>,
    /// Word times, if the engine has them (costs time).
    pub has_words: bool,
    /// Job, clip and attempt, for the provider's records.
    pub request_id: String,
}

/// Which language a clip is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LanguageChoice {
    /// Known: ISO 639-1.
    Fixed(String),
    /// To be detected.
    Detect {
        /// Languages that may come (ISO 639-1); empty for all the engine knows.
        candidates: Vec<String>,
        /// The language of the speech around it, to be taken when the clip alone leaves doubt.
        likely: Option<String>,
    },
}

/// Why a clip has no text.
#[derive(Debug, thiserror::Error)]
pub enum AsrError {
    /// The engine's files are missing or damaged.
    #[error("the recogniser cannot be loaded: {detail}")]
    NotLoaded {
        /// Which file, what is wrong.
        detail: String,
    },
    /// The engine failed on this clip.
    #[error("the recogniser failed: {detail}")]
    Failed {
        /// In its own words.
        detail: String,
    },
    /// Longer than the engine takes.
    #[error("the clip has {length_ms} ms, the recogniser takes at most {max_ms} ms")]
    TooLong {
        /// The clip's length.
        length_ms: u64,
        /// The engine's limit.
        max_ms: u64,
    },
    /// A language the engine does not know.
    #[error("the recogniser does not know the language `{language}`")]
    UnknownLanguage {
        /// As asked for.
        language: String,
    },
    /// The engine is shutting down.
    #[error("the recogniser is shutting down")]
    Closed,
    /// The account asks to slow down.
    #[error("too many requests, asked to wait {} ms", retry_after.as_millis())]
    Throttled {
        /// How long to wait.
        retry_after: Duration,
    },
}

impl Failure for AsrError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotLoaded { .. } => "transcribe.not_loaded",
            Self::Failed { .. } => "transcribe.failed",
            Self::TooLong { .. } => "transcribe.too_long",
            Self::UnknownLanguage { .. } => "transcribe.unknown_language",
            Self::Closed => "transcribe.closed",
            Self::Throttled { .. } => "transcribe.throttled",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotLoaded { .. } => Some("run `make setup`, or set EARMARK__ASR__MODEL_PATH to a CTranslate2 Whisper folder; `earmark doctor` checks it".into()),
            Self::UnknownLanguage { .. } => Some("set EARMARK__ASR__LANGUAGE to `auto` or an ISO 639-1 code such as zh or en".into()),
            Self::Failed { .. } | Self::TooLong { .. } | Self::Closed | Self::Throttled { .. } => None,
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::NotLoaded { .. } | Self::Failed { .. } => Disposition::Retry,
            Self::TooLong { .. } | Self::UnknownLanguage { .. } => Disposition::Fail,
            Self::Closed => Disposition::Release,
            Self::Throttled { retry_after } => Disposition::RetryAfter(*retry_after),
        }
    }
}
