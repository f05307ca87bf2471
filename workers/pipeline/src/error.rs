//! Why a job did not finish: one variant per stage.

use std::time::Duration;

use earmark_audio::AudioError;
use earmark_core::{Disposition, Failure, Fault, RecordingUri, Stage};
use earmark_journal::JournalError;
use earmark_objects::{ArtifactError, FetchError};

use crate::request_error::RequestError;

/// Why a job did not finish.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The recording could not be had.
    #[error("fetch failed")]
    Fetch(#[source] FetchError),
    /// There is no place for temporary files.
    #[error("cannot make a temporary folder in {folder}")]
    TempDir {
        /// Where they were to be.
        folder: std::path::PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The recording could not be turned into samples.
    #[error("decode failed")]
    Decode(#[source] AudioError),
    /// One of the recording's files could not be had, or not be turned into samples; the others do not stand for it.
    #[error("file {number} of {of} ({uri})")]
    Part {
        /// Which of its files, from 1.
        number: usize,
        /// How many it has.
        of: usize,
        /// As it was offered.
        uri: RecordingUri,
        /// What is wrong with it.
        #[source]
        source: Box<JobError>,
    },
    /// Speech could not be looked for.
    #[error("segment failed")]
    Segment(#[source] AudioError),
    /// Nothing can be transcribed.
    #[error(transparent)]
    Transcribe(RequestError),
    /// A clip has no text.
    #[error("clip {index} of channel {channel} ({}.{:03} to {}.{:03} s)", start_ms / 1000, start_ms % 1000, end_ms / 1000, end_ms % 1000)]
    Clip {
        /// On which channel, from 0.
        channel: u16,
        /// Which of its clips, from 0.
        index: u32,
        /// Where it begins in the recording, in milliseconds.
        start_ms: u64,
        /// Where it ends in the recording, in milliseconds.
        end_ms: u64,
        /// Why its request has no answer.
        #[source]
        source: RequestError,
    },
    /// The rules the job names cannot be used.
    #[error("rule set {sha256} cannot be used: {why}")]
    Rules {
        /// The set's hash, as the job names it.
        sha256: String,
        /// What is wrong with it, in words.
        why: String,
    },
    /// The journal could not be written.
    #[error("write failed")]
    Write(#[source] JournalError),
    /// The report or a transcript could not be written to the output.
    #[error("write failed")]
    Artifact(#[source] ArtifactError),
    /// Not begun: a place that it needs is away.
    #[error("{place} is away since {since}: {message}")]
    Closed {
        /// As people know it.
        place: String,
        /// Since when, RFC 3339.
        since: String,
        /// What it failed with last.
        message: String,
        /// What can be done about it.
        hint: Option<String>,
        /// The longest wait.
        wait: Duration,
        /// Where it is this machine's alone: how long that takes nothing new. Another machine may do the job at once.
        rest: Option<Duration>,
    },
    /// A place is away, or seems so.
    #[error("{source}")]
    Away {
        /// As people know it.
        place: String,
        /// The longest wait.
        wait: Duration,
        /// How long the place asks to be left alone.
        asked_for: Duration,
        /// What happened there.
        source: Box<JobError>,
    },
    /// Called off, lost to another worker, or the worker is shutting down.
    #[error("stopped before the end")]
    Stopped,
    /// A stage took too long. What of it cannot be stopped may still run.
    #[error("{stage} did not end within {} s", limit.as_secs())]
    Deadline {
        /// The stage that took too long.
        stage: Stage,
        /// How long it may take.
        limit: Duration,
    },
    /// A stage panicked: a defect of ours.
    #[error("{stage} panicked")]
    Panicked {
        /// The stage that panicked.
        stage: Stage,
    },
}

impl From<JournalError> for JobError {
    fn from(error: JournalError) -> Self {
        Self::Write(error)
    }
}

impl From<ArtifactError> for JobError {
    fn from(error: ArtifactError) -> Self {
        Self::Artifact(error)
    }
}

impl JobError {
    /// The place that the job waits for, where it waits for one.
    pub fn waits_for(&self) -> Option<&str> {
        match self {
            Self::Closed { place, rest: None, .. } | Self::Away { place, .. } => Some(place),
            Self::Closed { .. }
            | Self::Fetch(_)
            | Self::TempDir { .. }
            | Self::Decode(_)
            | Self::Part { .. }
            | Self::Segment(_)
            | Self::Transcribe(_)
            | Self::Clip { .. }
            | Self::Rules { .. }
            | Self::Write(_)
            | Self::Artifact(_)
            | Self::Stopped
            | Self::Deadline { .. }
            | Self::Panicked { .. } => None,
        }
    }

    /// How long this machine takes nothing new, where it lacks something of its own.
    pub fn rest(&self) -> Option<Duration> {
        if let Self::Closed { rest, .. } = self { *rest } else { None }
    }

    /// How long the place that the job waits for asks to be left alone.
    pub fn asked_for(&self) -> Duration {
        if let Self::Away { asked_for, .. } = self { *asked_for } else { Duration::ZERO }
    }

    /// Whether a place itself answered, with an error that may well be about this recording.
    pub(crate) fn is_answer(&self) -> bool {
        match self {
            Self::Fetch(error) => error.is_answer(),
            Self::Part { source, .. } => source.is_answer(),
            _ => false,
        }
    }

    /// Whether what looks like a place's fault may be this recording's alone.
    pub(crate) fn may_be_the_recordings(&self) -> bool {
        match self {
            Self::Fetch(error) => error.may_be_the_recordings(),
            Self::Artifact(error) => error.may_be_the_jobs(),
            Self::Part { source, .. } | Self::Away { source, .. } => source.may_be_the_recordings(),
            Self::TempDir { .. }
            | Self::Decode(_)
            | Self::Segment(_)
            | Self::Transcribe(_)
            | Self::Clip { .. }
            | Self::Rules { .. }
            | Self::Write(_)
            | Self::Closed { .. }
            | Self::Stopped
            | Self::Deadline { .. }
            | Self::Panicked { .. } => false,
        }
    }
}

/// How long a job waits for a disk that has to be seen to by a person.
const WAIT_FOR_DISK: Duration = Duration::from_secs(60);

impl Failure for JobError {
    fn code(&self) -> &'static str {
        match self {
            Self::Fetch(error) => error.code(),
            Self::Part { source, .. } | Self::Away { source, .. } => source.code(),
            Self::Closed { .. } => "place.away",
            Self::TempDir { .. } => "decode.spool",
            Self::Decode(error) | Self::Segment(error) => error.code(),
            Self::Transcribe(error) | Self::Clip { source: error, .. } => error.code(),
            Self::Rules { .. } => "flag.rules",
            Self::Write(error) => error.code(),
            Self::Artifact(error) => error.code(),
            Self::Stopped => "job.stopped",
            Self::Deadline { .. } => "job.deadline",
            Self::Panicked { .. } => "job.panicked",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Fetch(error) => error.hint(),
            Self::Part { source, .. } | Self::Away { source, .. } => source.hint(),
            Self::Closed { hint, .. } => hint.clone(),
            Self::TempDir { .. } => Some("set EARMARK__WORKER__TEMP_DIR to a folder that can be written".into()),
            Self::Decode(error) | Self::Segment(error) => error.hint(),
            Self::Transcribe(error) | Self::Clip { source: error, .. } => error.hint(),
            Self::Rules { .. } => Some("submit the job again; it will use the active rule set".into()),
            Self::Write(error) => error.hint(),
            Self::Artifact(error) => error.hint(),
            Self::Deadline { .. } => {
                Some("raise the stage's limit in the configuration, or give the worker more CPU".into())
            }
            Self::Stopped | Self::Panicked { .. } => None,
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Fetch(error) => error.disposition(),
            Self::Part { source, .. } => source.disposition(),
            Self::Closed { rest: Some(_), .. } => Disposition::Release,
            Self::Closed { wait, .. } | Self::Away { wait, .. } => Disposition::RetryAfter(*wait),
            // The machine's fault, not the job's.
            Self::TempDir { .. } => Disposition::RetryAfter(WAIT_FOR_DISK),
            Self::Decode(error) | Self::Segment(error) => error.disposition(),
            Self::Transcribe(error) | Self::Clip { source: error, .. } => error.disposition(),
            Self::Rules { .. } => Disposition::Fail,
            Self::Write(error) => error.disposition(),
            Self::Artifact(error) => error.disposition(),
            Self::Stopped => Disposition::Release,
            Self::Deadline { .. } | Self::Panicked { .. } => Disposition::Retry,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Fetch(error) => error.fault(),
            Self::Part { source, .. } | Self::Away { source, .. } => source.fault(),
            Self::TempDir { .. } | Self::Closed { .. } => Fault::Place,
            Self::Decode(error) | Self::Segment(error) => error.fault(),
            Self::Transcribe(error) | Self::Clip { source: error, .. } => error.fault(),
            Self::Rules { .. } => Fault::Caller,
            Self::Write(error) => error.fault(),
            Self::Artifact(error) => error.fault(),
            Self::Deadline { .. } => Fault::Recording,
            Self::Stopped | Self::Panicked { .. } => Fault::Ours,
        }
    }
}
