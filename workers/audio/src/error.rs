//! What can be wrong with a recording's sound.

use std::path::PathBuf;
use std::time::Duration;

use earmark_core::{Disposition, Failure, Fault};

/// Why a recording gives no clips.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// The temporary files could not be written or read.
    #[error("cannot {action} the temporary samples")]
    Spool {
        /// `write` or `read`.
        action: &'static str,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The recording's file could not be read.
    #[error("cannot read the recording's file")]
    Read {
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file has zero bytes.
    #[error("the file is empty (0 bytes)")]
    Empty,
    /// The bytes are something else.
    #[error("the file is no recording but {seen}")]
    NotAudio {
        /// What they are, as far as one can see: `an S3 error page: AccessDenied (…)`.
        seen: String,
    },
    /// A recording, or what holds one, that neither earmark nor ffmpeg decodes.
    #[error("the file is {what}")]
    Unsupported {
        /// What it is: `a SILK voice message`, `a WAV file with G.728 (tag 0x0041), which …`.
        what: String,
        /// What to do with it.
        advice: String,
    },
    /// Something that recorders leave beside a recording.
    #[error("the file holds no sound: it is {what}, as recorders leave beside a recording")]
    CompanionFile {
        /// What it is: `subtitles`, `JSON text`, …
        what: String,
    },
    /// Samples without a header, and nobody says how they are written down.
    #[error(
        "a file called .{ending} is sound without a header, and its encoding, sample rate and channels are not given"
    )]
    NeedsDeclaration {
        /// What its name ends with: `raw`, `pcm`, …
        ending: String,
    },
    /// The bytes begin as a recording and then make no sense.
    #[error("the {format} file is broken: {what}")]
    Malformed {
        /// `WAV`, `MP4`, …
        format: &'static str,
        /// What is wrong.
        what: String,
    },
    /// A container with nothing to hear in it.
    #[error("the {format} file has no audio track")]
    NoAudioTrack {
        /// `MP4`, `Matroska`, …
        format: &'static str,
    },
    /// The container is sound, but not one sample came out of it.
    #[error("the {format} file gives no audio: {what}")]
    NoSamples {
        /// `WAV`, `MP4`, …
        format: String,
        /// What stands in for the audio.
        what: String,
    },
    /// A declared figure is absurd.
    #[error("the recording declares {what} {value}, the limits are {min} and {max}")]
    OutOfRange {
        /// `a sample rate (Hz) of`, …
        what: &'static str,
        /// The figure that the header declares.
        value: u64,
        /// The least that is taken.
        min: u64,
        /// The most that is taken.
        max: u64,
    },
    /// Only the ffmpeg binary decodes this, and it is not there.
    #[error("{format} is decoded by the ffmpeg program, which was not found")]
    NeedsFfmpeg {
        /// `AMR`, `GSM`, …
        format: String,
    },
    /// The ffmpeg program could not be started or talked to.
    #[error("cannot run ffmpeg")]
    FfmpegRun {
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The ffmpeg program gave up on the file.
    #[error("ffmpeg could not decode the {format} file ({status}): {said}")]
    FfmpegFailed {
        /// `AMR`, `GSM`, …
        format: String,
        /// Exit status or signal.
        status: String,
        /// Its last words.
        said: String,
    },
    /// The files of one recording have more channels together than are taken.
    #[error("the recording's files have {channels} channels together, the limit is {limit}")]
    TooManyChannels {
        /// How many they have.
        channels: usize,
        /// The most that are taken.
        limit: usize,
    },
    /// Longer than the configuration allows.
    #[error("the recording is longer than {limit_ms} ms, the limit")]
    TooLong {
        /// The longest recording taken, in milliseconds.
        limit_ms: u64,
    },
    /// Decoding took longer than the configuration allows.
    #[error("decoding took longer than {} s, the limit, and had reached {reached_ms} ms", limit.as_secs())]
    Deadline {
        /// How long decoding may take.
        limit: Duration,
        /// How much audio was decoded by then.
        reached_ms: u64,
    },
    /// A decoder ran into a bug of its own.
    #[error("the decoder broke down on this file: {message}")]
    Panicked {
        /// The panic's message.
        message: String,
    },
    /// The file of the speech detector cannot be used.
    #[error("cannot load the speech detector {}", path.display())]
    SpeechModel {
        /// Where its file is looked for.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The job was cancelled or its lease lost.
    #[error("decoding was cancelled")]
    Cancelled,
}

/// How long a job waits for a disk that has to be seen to by a person.
const WAIT_FOR_DISK: Duration = Duration::from_secs(60);

impl Failure for AudioError {
    fn code(&self) -> &'static str {
        match self {
            Self::Spool { .. } => "decode.spool",
            Self::Read { .. } => "decode.read",
            Self::Empty => "decode.empty",
            Self::NotAudio { .. } => "decode.not_audio",
            Self::Unsupported { .. } => "decode.unsupported",
            Self::CompanionFile { .. } => "decode.companion_file",
            Self::NeedsDeclaration { .. } => "decode.needs_declaration",
            Self::Malformed { .. } => "decode.malformed",
            Self::NoAudioTrack { .. } => "decode.no_audio_track",
            Self::NoSamples { .. } => "decode.no_samples",
            Self::OutOfRange { .. } => "decode.out_of_range",
            Self::NeedsFfmpeg { .. } => "decode.needs_ffmpeg",
            Self::FfmpegRun { .. } => "decode.ffmpeg_run",
            Self::FfmpegFailed { .. } => "decode.ffmpeg_failed",
            Self::TooManyChannels { .. } => "decode.too_many_channels",
            Self::TooLong { .. } => "decode.too_long",
            Self::Deadline { .. } => "decode.deadline",
            Self::Panicked { .. } => "decode.panicked",
            Self::SpeechModel { .. } => "segment.speech_model",
            Self::Cancelled => "decode.cancelled",
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Spool { .. } => "check the free space of the folder for temporary files (EARMARK__WORKER__TEMP_DIR)",
            Self::Read { .. } => "check that the file is there and may be read",
            Self::Empty => "check the upload: the recorder or the transfer wrote nothing",
            Self::NotAudio { seen } if seen.starts_with("data") => {
                "check what was uploaded under this name; sound without a header is read where the job says in `sound` how it is \
                 written down"
            }
            Self::NotAudio { .. } => "check what was uploaded under this name",
            Self::Unsupported { advice, .. } => advice,
            Self::CompanionFile { .. } => "leave it out and offer the recording beside it",
            Self::NeedsDeclaration { .. } => {
                "say what it is: with the job in `sound`, as {\"encoding\": \"pcm_s16le\", \"rate_hz\": 8000, \"channels\": 2}, \
                 or with --sound pcm_s16le:8000:2"
            }
            Self::Malformed { .. } | Self::NoSamples { .. } => "upload the recording again, in full",
            Self::NoAudioTrack { .. } => "check that the recorder captured sound",
            Self::OutOfRange { .. } => "check the recorder's settings, the header may be damaged",
            Self::NeedsFfmpeg { .. } => "install it: apt-get install ffmpeg",
            Self::FfmpegRun { .. } => "check that ffmpeg starts: ffmpeg -version",
            Self::FfmpegFailed { .. } => "try the file with ffmpeg by hand",
            Self::TooManyChannels { .. } => "offer fewer files as one recording",
            Self::TooLong { .. } => "cut the recording, or raise the limit in the configuration",
            Self::Deadline { .. } => "raise the limit in the configuration, or give the worker more CPU",
            Self::Panicked { .. } => "convert the file to WAV first",
            Self::SpeechModel { .. } => "fetch it: make setup",
            Self::Cancelled => return None,
        };
        Some(hint.into())
    }

    fn disposition(&self) -> Disposition {
        match self {
            // The machine's fault, not the job's.
            Self::Spool { .. } => Disposition::RetryAfter(WAIT_FOR_DISK),
            Self::Read { .. } | Self::FfmpegRun { .. } | Self::Deadline { .. } | Self::SpeechModel { .. } => {
                Disposition::Retry
            }
            Self::Empty
            | Self::NotAudio { .. }
            | Self::Unsupported { .. }
            | Self::CompanionFile { .. }
            | Self::NeedsDeclaration { .. }
            | Self::Malformed { .. }
            | Self::NoAudioTrack { .. }
            | Self::NoSamples { .. }
            | Self::OutOfRange { .. }
            | Self::NeedsFfmpeg { .. }
            | Self::FfmpegFailed { .. }
            | Self::TooManyChannels { .. }
            | Self::TooLong { .. }
            | Self::Panicked { .. } => Disposition::Fail,
            Self::Cancelled => Disposition::Release,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Spool { .. }
            | Self::Read { .. }
            | Self::NeedsFfmpeg { .. }
            | Self::FfmpegRun { .. }
            | Self::SpeechModel { .. } => Fault::Place,
            Self::Empty
            | Self::NotAudio { .. }
            | Self::Unsupported { .. }
            | Self::CompanionFile { .. }
            | Self::Malformed { .. }
            | Self::NoAudioTrack { .. }
            | Self::NoSamples { .. }
            | Self::OutOfRange { .. }
            | Self::FfmpegFailed { .. }
            | Self::TooManyChannels { .. }
            | Self::TooLong { .. }
            | Self::Deadline { .. }
            | Self::Panicked { .. } => Fault::Recording,
            Self::NeedsDeclaration { .. } => Fault::Caller,
            Self::Cancelled => Fault::Ours,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_costs_no_attempt() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = AudioError::Spool { action: "write", source: full };
        assert_eq!(error.disposition(), Disposition::RetryAfter(Duration::from_secs(60)));
    }
}
