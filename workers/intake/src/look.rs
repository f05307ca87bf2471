//! The one look at what is offered, and how far a door's callers may look.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use earmark_core::{Address, RecordingUri};

use crate::error::OfferError;

/// What the store calls the bytes at a location now, where that can be told without fetching them; may look at a local
/// file.
pub type Version = fn(&RecordingUri) -> Option<String>;

/// What a door knows of recordings before they are fetched, and which files of this machine it may be asked for.
#[derive(Clone)]
pub struct Look {
    version: Version,
    /// Whether a file is one of those that may be asked for; none where all are.
    within: Option<Within>,
}

type Within = Arc<dyn Fn(&Path) -> bool + Send + Sync>;

impl Look {
    /// For who may read every file that this program may read: its own user, at the shell.
    pub fn anywhere(version: Version) -> Self {
        Self { version, within: None }
    }

    /// For callers of whom nothing is known but that they may offer recordings: files of this machine only where `holds`
    /// says so. Their jobs are held to it when the file is opened, too.
    pub fn within(version: Version, holds: impl Fn(&Path) -> bool + Send + Sync + 'static) -> Self {
        Self { version, within: Some(Arc::new(holds)) }
    }

    /// Whether jobs that come by it may not read any file there is.
    pub(crate) fn is_confined(&self) -> bool {
        self.within.is_some()
    }

    /// The version of what lies at `location`, which its producer calls `uri`, unless that is `known`.
    ///
    /// # Errors
    /// [`OfferError::OutOfReach`], before anything at that place was looked at.
    pub(crate) fn version(
        &self,
        uri: &RecordingUri,
        location: &RecordingUri,
        known: Option<String>,
    ) -> Result<Option<String>, OfferError> {
        if let (Some(within), Ok(Address::File(path))) = (&self.within, location.address())
            && !within(&path)
        {
            return Err(OfferError::OutOfReach(uri.clone()));
        }
        Ok(known.or_else(|| (self.version)(location)))
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Look").field("is_confined", &self.is_confined()).finish_non_exhaustive()
    }
}
