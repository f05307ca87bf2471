//! The one look at what is offered.

use earmark_core::RecordingUri;

/// What the store calls the bytes at a location now, where that can be told without fetching them; may look at a local
/// file.
pub type Look = fn(&RecordingUri) -> Option<String>;
