//! Why an offer is not taken, in the words and codes of every door.

use earmark_core::{
    Disposition, Failure, Fault, IdError, RecordingUri, SoundError, SpeakersError, UnknownWord, UriError,
};

use crate::limits::{MAX_KEY_BYTES, MAX_METADATA_BYTES, MAX_OFFSET_MS, PriorityError};

/// Why an offer is not taken; what it names of the recording is without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// No address, or none that earmark reads.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// What is under it may be recordings; it is none.
    #[error("`{0}` ends with a / and names no recording")]
    Folder(RecordingUri),
    /// A path that only its producer could find.
    #[error("`{0}` is a relative path")]
    RelativePath(RecordingUri),
    /// A file of the program's machine that its producer may not ask for; there or not.
    #[error("`{0}` is a file on the service's own disk, and none that may be asked for")]
    OutOfReach(RecordingUri),
    /// The tenant's name is none.
    #[error(transparent)]
    Tenant(#[from] IdError),
    /// There is no such lane.
    #[error(transparent)]
    Lane(#[from] UnknownWord),
    /// Empty, or longer than [`MAX_KEY_BYTES`](crate::MAX_KEY_BYTES).
    #[error("the key has {0} bytes, it must have between 1 and {max}", max = MAX_KEY_BYTES)]
    Key(usize),
    /// Larger than [`MAX_METADATA_BYTES`](crate::MAX_METADATA_BYTES).
    #[error("the metadata have {0} bytes, the limit is {max}", max = MAX_METADATA_BYTES)]
    Metadata(usize),
    /// A number in the metadata that would come back as another.
    #[error("the number {0} has more digits than are kept")]
    Number(String),
    /// The priority is too high or too low.
    #[error(transparent)]
    Priority(#[from] PriorityError),
    /// The rule set is not named by a hash.
    #[error("`{0}` is no hash of a rule set: it has 64 hexadecimal digits")]
    RuleSet(String),
    /// The list of its files is none that a recording may have; what is wrong with it.
    #[error("the recording {0}")]
    Parts(String),
    /// A file that begins later than any recording may last.
    #[error("{uri} begins {offset_ms} ms after its recording, the limit is {max}", max = MAX_OFFSET_MS)]
    Offset {
        /// The file.
        uri: RecordingUri,
        /// How much later than the recording it is to begin.
        offset_ms: u64,
    },
    /// No list of speakers.
    #[error(transparent)]
    Speakers(#[from] SpeakersError),
    /// No declaration of headerless sound.
    #[error(transparent)]
    Sound(#[from] SoundError),
    /// A character that databases do not store.
    #[error("{0} holds a NUL character")]
    Nul(&'static str),
}

/// What to do about a file that may not be asked for.
const OUT_OF_REACH_HINT: &str = "give s3:// or https://, or have the folder that it lies in named by EARMARK__STORAGE__FILE_ROOTS; at the shell, `earmark submit` takes any file";

impl Failure for OfferError {
    fn code(&self) -> &'static str {
        match self {
            Self::Uri(_) | Self::Folder(_) | Self::RelativePath(_) => "job.uri",
            Self::OutOfReach(_) => "job.file_root",
            Self::Tenant(_) => "job.tenant",
            Self::Lane(_) => "job.lane",
            Self::Key(_) => "job.key",
            Self::Metadata(_) | Self::Number(_) => "job.metadata",
            Self::Priority(_) => "job.priority",
            Self::RuleSet(_) => "job.rule_set",
            Self::Parts(_) => "job.parts",
            Self::Offset { .. } => "job.offset",
            Self::Speakers(_) => "job.speakers",
            Self::Sound(_) => "job.sound",
            Self::Nul(_) => "job.nul",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Uri(_) => Some("use s3://, https:// or file:/// URIs".into()),
            Self::Folder(_) => Some(
                "name each recording; `earmark submit` takes a folder, and `--prefix` what lies in a bucket".into(),
            ),
            Self::RelativePath(_) => Some("a worker has another working folder; give the whole path".into()),
            Self::OutOfReach(_) => Some(OUT_OF_REACH_HINT.into()),
            Self::Tenant(_) | Self::Lane(_) | Self::Priority(_) => None,
            Self::Key(_) => Some("a hash of a longer key serves as well".into()),
            Self::Metadata(_) => Some("keep what is large elsewhere, and give its address".into()),
            Self::Number(_) => Some("send it as text, in quotes: it comes back as it was given".into()),
            Self::RuleSet(_) => Some("`earmark rules list` shows the hashes, in lower case".into()),
            Self::Parts(_) => {
                Some("give `uri` for a recording that is one file, or `parts` with each of its files once".into())
            }
            Self::Offset { .. } => Some("an offset counts from the beginning of the recording, in milliseconds".into()),
            Self::Speakers(_) => Some(SpeakersError::HINT.into()),
            Self::Sound(_) => Some(SoundError::HINT.into()),
            Self::Nul(_) => Some("send text without it".into()),
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Uri(_)
            | Self::Folder(_)
            | Self::RelativePath(_)
            | Self::OutOfReach(_)
            | Self::Tenant(_)
            | Self::Lane(_)
            | Self::Key(_)
            | Self::Metadata(_)
            | Self::Number(_)
            | Self::Priority(_)
            | Self::RuleSet(_)
            | Self::Parts(_)
            | Self::Offset { .. }
            | Self::Speakers(_)
            | Self::Sound(_)
            | Self::Nul(_) => Disposition::Fail,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Uri(_)
            | Self::Folder(_)
            | Self::OutOfReach(_)
            | Self::Number(_)
            | Self::RelativePath(_)
            | Self::Tenant(_)
            | Self::Lane(_)
            | Self::Key(_)
            | Self::Metadata(_)
            | Self::Priority(_)
            | Self::RuleSet(_)
            | Self::Parts(_)
            | Self::Offset { .. }
            | Self::Speakers(_)
            | Self::Sound(_)
            | Self::Nul(_) => Fault::Caller,
        }
    }
}
