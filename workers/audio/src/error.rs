//! What can be wrong with a recording's sound.

use earmark_core::{Disposition, Failure};

/// Why a recording gives no clips.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// The temporary files could not be written or read.
    #[error("cannot {action} the temporary samples")]
    Spool {
        /// `write` or `read`.
        action: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Failure for AudioError {
    fn code(&self) -> &'static str {
        match self {
            Self::Spool { .. } => "decode.spool",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Spool { .. } => Some("check the free space of the folder for temporary files (EARMARK__WORKER__TEMP_DIR)".into()),
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Spool { .. } => Disposition::Retry,
        }
    }
}
