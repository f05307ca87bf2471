//! The seam between earmark and whatever turns sound into text.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use earmark_core::{ClipText, Disposition, Engine, Failure, Fault, SAMPLE_RATE_HZ, samples_to_ms};
use serde::{Deserialize, Serialize};

/// A recogniser: the built-in one, or one elsewhere.
#[async_trait]
pub trait Transcriber: Send + Sync {
    /// What the report names.
    fn engine(&self) -> Engine;

    /// What one request may carry and how many at a time are worth having under way.
    fn limits(&self) -> ClipLimits;

    /// How much of a clip of `duration_ms` is paid for, in milliseconds.
    fn billed_ms(&self, duration_ms: u64) -> u64;

    /// Whether it computes on this machine: when it fails, that says nothing of the same one on others.
    fn is_here(&self) -> bool {
        false
    }

    /// What can be done for a request before a permit is held: a recogniser elsewhere encodes the upload.
    ///
    /// # Errors
    /// [`AsrError`], each with the job's fate.
    async fn prepare(&self, request: ClipRequest) -> Result<ClipRequest, AsrError> {
        Ok(request)
    }

    /// The text of one clip, prepared or not. `hearing` is told what is known so far, by recognisers that stream.
    /// Dropping the future gives the request up.
    ///
    /// # Errors
    /// [`AsrError`], each with the job's fate.
    async fn transcribe(&self, request: ClipRequest, hearing: &dyn Hearing) -> Result<ClipText, AsrError>;
}

/// Hears a clip's text while it comes.
pub trait Hearing: Send + Sync {
    /// The clip's text so far, from its beginning.
    fn so_far(&self, text: &str);
}

/// For those who wait for the whole.
#[derive(Debug, Clone, Copy)]
pub struct NotHearing;

impl Hearing for NotHearing {
    fn so_far(&self, _: &str) {}
}

/// The size of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClipLimits {
    /// The longest clip that it takes, in milliseconds.
    pub max_ms: u64,
    /// Requests that are worth having under way at once.
    pub in_flight: usize,
    /// Whether a file goes up as it is ([`Sound::File`]); otherwise only samples are taken.
    pub takes_files: bool,
}

/// One clip and what is known about it.
#[derive(Debug, Clone)]
pub struct ClipRequest {
    /// What is to be heard; not longer than [`ClipLimits::max_ms`].
    pub sound: Sound,
    /// In which language it is, or how that is to be found out.
    pub language: LanguageChoice,
    /// Fixed context: names of products, the kind of conversation.
    pub prompt: Option<String>,
    /// What was said just before this clip, where it is known already.
    pub preceding: Option<String>,
    /// Names and terms to be spelled right.
    pub glossary: Vec<String>,
    /// Word times, if the engine has them (costs time).
    pub has_words: bool,
    /// Job, clip and attempt, for the provider's records.
    pub request_id: String,
    /// On whose behalf, for the provider's records.
    pub user_id: Option<String>,
    /// How loud the loudest 100 ms are, in decibels relative to full scale (at most 0); found out while preparing.
    pub loudness_db: Option<f32>,
}

impl ClipRequest {
    /// A request for `sound` and nothing else known.
    pub fn new(sound: Sound, language: LanguageChoice, request_id: String) -> Self {
        Self {
            sound,
            language,
            prompt: None,
            preceding: None,
            glossary: Vec::new(),
            has_words: false,
            request_id,
            user_id: None,
            loudness_db: None,
        }
    }
}

/// A clip's sound.
#[derive(Debug, Clone)]
pub enum Sound {
    /// As it was decoded.
    Samples {
        /// Mono, 16 kHz, -1 to 1.
        samples: Arc<[f32]>,
        /// The rate of the recording they come from: above half of it they hold nothing.
        source_rate_hz: u32,
    },
    /// As it goes up.
    File {
        /// The whole file.
        bytes: Bytes,
        /// What `bytes` hold.
        format: UploadFormat,
        /// How long the sound in it is.
        duration_ms: u64,
    },
}

impl Sound {
    /// How long it is, in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        match self {
            Self::Samples { samples, .. } => samples_to_ms(u64::try_from(samples.len()).unwrap_or(u64::MAX)),
            Self::File { duration_ms, .. } => *duration_ms,
        }
    }

    /// The samples; none of a file.
    pub fn samples(&self) -> &[f32] {
        match self {
            Self::Samples { samples, .. } => samples,
            Self::File { .. } => &[],
        }
    }

    /// `samples` of a recording that had their rate.
    pub fn of(samples: Arc<[f32]>) -> Self {
        Self::Samples { samples, source_rate_hz: SAMPLE_RATE_HZ }
    }
}

/// A format that recognisers elsewhere take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadFormat {
    /// 16 bit PCM, mono.
    Wav,
    /// At 48 kbit/s, mono.
    Mp3,
}

/// Which language a clip is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
    /// The built-in engine's process ends whenever it is asked for this clip, alone in a fresh one too, and works without.
    #[error("the clip ends the recogniser's process, alone in a fresh one too: {detail}")]
    EngineEnded {
        /// How it ended.
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
    /// More requests in flight, or in a while, than the account may have.
    #[error("too many requests{}, asked to wait {} ms", coded(code), retry_after.as_millis())]
    Throttled {
        /// In the provider's numbers, where it gave one.
        code: Option<String>,
        /// How long to wait.
        retry_after: Duration,
    },
    /// The provider has too much to do, is out of order, or cannot be reached; or its answer broke off.
    #[error("the recogniser is not available{}: {detail}", coded(code))]
    Unavailable {
        /// In the provider's numbers, where it gave one.
        code: Option<String>,
        /// What happened: HTTP's status and message, or how the connection failed.
        detail: String,
    },
    /// No answer in time; the recogniser may still be at it.
    #[error("the recogniser did not answer in time: {detail}")]
    TimedOut {
        /// What was waited for, and how long.
        detail: String,
    },
    /// The account may not go on: arrears, a limit of use, an expired plan.
    #[error("the account is stopped{}: {message}", coded(code))]
    AccountStopped {
        /// In the provider's numbers.
        code: Option<String>,
        /// In the provider's words.
        message: String,
        /// When it goes on by itself, in milliseconds since the epoch, where the provider says.
        until_ms: Option<i64>,
    },
    /// The key is wrong, expired or withdrawn.
    #[error("the account's key is not accepted{}: {message}", coded(code))]
    Credentials {
        /// In the provider's numbers.
        code: Option<String>,
        /// In the provider's words.
        message: String,
    },
    /// This request will never be answered.
    #[error("the recogniser refused the request with HTTP {status}{}: {message}", coded(code))]
    Rejected {
        /// The answer's HTTP status.
        status: u16,
        /// In the provider's numbers, where it gave one.
        code: Option<String>,
        /// In the provider's words.
        message: String,
    },
    /// The provider finds the content sensitive: evidence, not a failure.
    #[error("the provider refused the clip as sensitive{}: {message}", coded(code))]
    Refused {
        /// In the provider's numbers.
        code: Option<String>,
        /// In the provider's words.
        message: String,
    },
    /// The upload could not be made.
    #[error("the clip could not be encoded: {detail}")]
    NotEncoded {
        /// Why not: what the encoder says, or that it is missing.
        detail: String,
    },
}

/// A provider's code as it stands in a sentence.
fn coded(code: &Option<String>) -> String {
    code.as_ref().map_or_else(String::new, |code| format!(" (code {code})"))
}

impl Failure for AsrError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotLoaded { .. } => "transcribe.not_loaded",
            Self::Failed { .. } => "transcribe.failed",
            Self::EngineEnded { .. } => "transcribe.engine_ended",
            Self::TooLong { .. } => "transcribe.too_long",
            Self::UnknownLanguage { .. } => "transcribe.unknown_language",
            Self::Closed => "transcribe.closed",
            Self::Throttled { .. } => "transcribe.throttled",
            Self::Unavailable { .. } => "transcribe.unavailable",
            Self::TimedOut { .. } => "transcribe.timed_out",
            Self::AccountStopped { .. } => "transcribe.account_stopped",
            Self::Credentials { .. } => "transcribe.credentials",
            Self::Rejected { .. } => "transcribe.rejected",
            Self::Refused { .. } => "transcribe.refused",
            Self::NotEncoded { .. } => "transcribe.not_encoded",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotLoaded { .. } => Some("run `make setup`, or set EARMARK__ASR__MODEL_PATH to a CTranslate2 Whisper folder; `earmark doctor` checks it".into()),
            Self::EngineEnded { .. } => Some("listen to that part of the recording; cut out or encoded anew it may be submitted again".into()),
            Self::UnknownLanguage { .. } => Some("set EARMARK__ASR__LANGUAGE to `auto` or an ISO 639-1 code such as zh or en".into()),
            Self::AccountStopped { .. } => Some("see to the account at the provider, then `earmark accounts resume`".into()),
            Self::Credentials { .. } => Some("set EARMARK__ASR__API_KEY to a key the provider accepts, then `earmark accounts resume`".into()),
            Self::Rejected { .. } => Some("check EARMARK__ASR__MODEL and EARMARK__ASR__BASE_URL".into()),
            Self::NotEncoded { .. } => Some("MP3 needs ffmpeg with libmp3lame; or set EARMARK__ASR__UPLOAD to wav".into()),
            Self::Failed { .. }
            | Self::TooLong { .. }
            | Self::Closed
            | Self::Throttled { .. }
            | Self::Unavailable { .. }
            | Self::TimedOut { .. }
            | Self::Refused { .. } => None,
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::NotLoaded { .. }
            | Self::Failed { .. }
            | Self::Unavailable { .. }
            | Self::TimedOut { .. }
            | Self::NotEncoded { .. } => Disposition::Retry,
            Self::EngineEnded { .. }
            | Self::TooLong { .. }
            | Self::UnknownLanguage { .. }
            | Self::Rejected { .. }
            | Self::Refused { .. } => Disposition::Fail,
            Self::Closed => Disposition::Release,
            Self::Throttled { retry_after, .. } => Disposition::RetryAfter(*retry_after),
            // Nothing gets better by asking again soon; whoever resumes the account wakes the jobs.
            Self::AccountStopped { .. } | Self::Credentials { .. } => Disposition::RetryAfter(WAIT_FOR_ACCOUNT),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NotLoaded { .. }
            | Self::Throttled { .. }
            | Self::Unavailable { .. }
            | Self::TimedOut { .. }
            | Self::AccountStopped { .. }
            | Self::Credentials { .. } => Fault::Place,
            Self::EngineEnded { .. } | Self::Refused { .. } => Fault::Recording,
            Self::UnknownLanguage { .. } => Fault::Caller,
            Self::Failed { .. }
            | Self::TooLong { .. }
            | Self::Closed
            | Self::Rejected { .. }
            | Self::NotEncoded { .. } => Fault::Ours,
        }
    }
}

/// How long a job waits for an account that a person has to see to.
const WAIT_FOR_ACCOUNT: Duration = Duration::from_secs(60);
