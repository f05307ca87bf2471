//! Why a clip has no text, as whoever waits for it is told; the account's own business stays here.

use std::time::Duration;

use earmark_asr::AsrError;
use earmark_audio::AudioError;
use earmark_pipeline::RequestError;

/// Why there is no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TranscribeError {
    /// The file is empty, broken, or no audio.
    #[error("the file is no audio that can be read")]
    NotAudio,
    /// More sound than one request may carry.
    #[error("the file has more than 30 s of sound")]
    TooLong,
    /// A language that the engine does not know.
    #[error("the engine does not know the language")]
    UnknownLanguage,
    /// The provider finds it sensitive, and there is nobody else to ask.
    #[error("the provider refuses what is said")]
    Sensitive,
    /// The provider is out of order or overloaded for now, or the permits' store is.
    #[error("the account cannot be asked for {} s", wait.as_secs())]
    Busy {
        /// When it is worth asking again.
        wait: Duration,
    },
    /// The account may not go on until somebody sees to it.
    #[error("the account is stopped")]
    Stopped {
        /// In the provider's numbers, where it gave one.
        code: Option<String>,
    },
    /// The tenant's money for the day is spent.
    #[error("the tenant's budget for the day is spent")]
    BudgetSpent,
    /// The provider will never answer this request.
    #[error("the provider rejects the request: {message}")]
    Rejected {
        /// HTTP status, 400 to 499.
        status: u16,
        /// In the provider's numbers, where it gave one.
        code: Option<String>,
        /// In the provider's words.
        message: String,
    },
    /// The provider did not answer this time.
    #[error("the provider did not answer")]
    Unanswered,
    /// Something of ours is not in order; asking again may help.
    #[error("the request failed here")]
    Failed,
    /// Something of ours is not in order and stays so until a person acts.
    #[error("the engine is out of order here")]
    OutOfOrder,
    /// The service is shutting down.
    #[error("the service is shutting down")]
    Closing,
}

impl From<RequestError> for TranscribeError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Transcribe(error) => error.into(),
            RequestError::Cooling { wait, .. } => Self::Busy { wait },
            RequestError::Paused { code, message, .. } => Self::Stopped { code: provider_code(&code, &message) },
            RequestError::Budget { .. } => Self::BudgetSpent,
            RequestError::Write(_) => Self::Failed,
            RequestError::Abandoned => Self::Closing,
        }
    }
}

impl From<AsrError> for TranscribeError {
    fn from(error: AsrError) -> Self {
        match error {
            AsrError::TooLong { .. } => Self::TooLong,
            AsrError::UnknownLanguage { .. } => Self::UnknownLanguage,
            AsrError::Closed => Self::Closing,
            AsrError::Throttled { retry_after, .. } => Self::Busy { wait: retry_after },
            AsrError::Unavailable { .. } | AsrError::TimedOut { .. } => Self::Unanswered,
            AsrError::AccountStopped { code, .. } => Self::Stopped { code },
            // Ours at the provider, not the caller's here.
            AsrError::Credentials { .. } => Self::Stopped { code: None },
            AsrError::Rejected { status, code, message } if (400..500).contains(&status) => {
                Self::Rejected { status, code, message }
            }
            AsrError::Rejected { .. }
            | AsrError::Failed { .. }
            | AsrError::EngineEnded { .. }
            | AsrError::NotEncoded { .. } => Self::Failed,
            AsrError::Refused { .. } => Self::Sensitive,
            AsrError::NotLoaded { .. } => Self::OutOfOrder,
        }
    }
}

/// What is ours in it is logged here: the caller is not told.
impl From<AudioError> for TranscribeError {
    fn from(error: AudioError) -> Self {
        match error {
            AudioError::TooLong { .. } => Self::TooLong,
            AudioError::Empty
            | AudioError::NotAudio { .. }
            | AudioError::Unsupported { .. }
            | AudioError::CompanionFile { .. }
            | AudioError::NeedsDeclaration { .. }
            | AudioError::Malformed { .. }
            | AudioError::NoAudioTrack { .. }
            | AudioError::NoSamples { .. }
            | AudioError::OutOfRange { .. }
            | AudioError::TooManyChannels { .. }
            | AudioError::NeedsFfmpeg { .. }
            | AudioError::FfmpegFailed { .. }
            | AudioError::Panicked { .. } => Self::NotAudio,
            error @ (AudioError::Spool { .. }
            | AudioError::Read { .. }
            | AudioError::FfmpegRun { .. }
            | AudioError::Deadline { .. }
            | AudioError::SpeechModel { .. }) => Self::not_decoded(&error),
            // Nobody hears this.
            AudioError::Cancelled => Self::Closing,
        }
    }
}

impl TranscribeError {
    /// Something of ours kept an upload from being decoded; why is logged.
    pub(super) fn not_decoded(error: &dyn std::error::Error) -> Self {
        let cause = error.source().map(ToString::to_string);
        tracing::error!(cause, "an upload could not be decoded: {error}");
        Self::Failed
    }
}

/// The provider's number for a pause: its code, or the one in the sentence that was written down with it.
fn provider_code(code: &str, message: &str) -> Option<String> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number(code) {
        return Some(code.into());
    }
    let (number, _) = message.split_once("(code ")?.1.split_once(')')?;
    is_number(number).then(|| number.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use earmark_journal::JournalError;

    #[test]
    fn whatever_hinders_an_account_is_told_apart() {
        let paused = |error: AsrError| {
            let wait = Duration::from_secs(60);
            RequestError::Paused { account: "a".into(), code: "transcribe.x".into(), message: error.to_string(), wait }
        };
        let owned = |code: Option<&str>| code.map(str::to_owned);
        let account_stopped = |code: Option<&str>| AsrError::AccountStopped {
            code: owned(code),
            message: "您的账户已欠费".into(),
            until_ms: None,
        };
        let rejected =
            |status, code: Option<&str>| AsrError::Rejected { status, code: owned(code), message: "m".into() };
        let rejects = |status, code| TranscribeError::Rejected { status, code: owned(code), message: "m".into() };
        let stopped = |code| TranscribeError::Stopped { code: owned(code) };
        let wait = Duration::from_secs(7);
        let unknown = || JournalError::NoSuchJob(earmark_core::JobId::at(0));
        let rows = [
            (RequestError::Cooling { account: "a".into(), message: "m".into(), wait }, TranscribeError::Busy { wait }),
            (paused(account_stopped(Some("1113"))), stopped(Some("1113"))),
            (paused(account_stopped(Some("1310"))), stopped(Some("1310"))),
            (paused(account_stopped(Some("1220"))), stopped(Some("1220"))),
            (paused(account_stopped(None)), stopped(None)),
            (paused(AsrError::Credentials { code: Some("1003".into()), message: "m".into() }), stopped(Some("1003"))),
            (RequestError::Budget { source: unknown(), wait }, TranscribeError::BudgetSpent),
            (RequestError::Write(unknown()), TranscribeError::Failed),
            (RequestError::Abandoned, TranscribeError::Closing),
            (RequestError::Transcribe(AsrError::NotLoaded { detail: "d".into() }), TranscribeError::OutOfOrder),
            (RequestError::Transcribe(AsrError::Failed { detail: "d".into() }), TranscribeError::Failed),
            (RequestError::Transcribe(AsrError::EngineEnded { detail: "d".into() }), TranscribeError::Failed),
            (RequestError::Transcribe(AsrError::TooLong { length_ms: 2, max_ms: 1 }), TranscribeError::TooLong),
            (
                RequestError::Transcribe(AsrError::UnknownLanguage { language: "xx".into() }),
                TranscribeError::UnknownLanguage,
            ),
            (RequestError::Transcribe(AsrError::Closed), TranscribeError::Closing),
            (
                RequestError::Transcribe(AsrError::Throttled { code: None, retry_after: wait }),
                TranscribeError::Busy { wait },
            ),
            (
                RequestError::Transcribe(AsrError::Unavailable { code: None, detail: "d".into() }),
                TranscribeError::Unanswered,
            ),
            (RequestError::Transcribe(account_stopped(Some("1304"))), stopped(Some("1304"))),
            (RequestError::Transcribe(AsrError::Credentials { code: None, message: "m".into() }), stopped(None)),
            (RequestError::Transcribe(rejected(400, Some("1210"))), rejects(400, Some("1210"))),
            (RequestError::Transcribe(rejected(413, None)), rejects(413, None)),
            (RequestError::Transcribe(rejected(302, None)), TranscribeError::Failed),
            (
                RequestError::Transcribe(AsrError::Refused { code: None, message: "m".into() }),
                TranscribeError::Sensitive,
            ),
            (RequestError::Transcribe(AsrError::NotEncoded { detail: "d".into() }), TranscribeError::Failed),
        ];
        for (error, expected) in rows {
            let said = format!("{error:?}");
            assert_eq!(TranscribeError::from(error), expected, "{said}");
        }
    }
}
