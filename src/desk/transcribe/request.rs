//! What a caller wants transcribed.

use bytes::Bytes;

/// A file of one clip, and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptionRequest {
    /// The whole file, in any format that recordings may have; at most 30 s of sound.
    pub file: Bytes,
    /// Text that was said before; none for the configured prompt.
    pub prompt: Option<String>,
    /// Words to be spelled right, beside the tenant's glossary.
    pub hotwords: Vec<String>,
    /// The language's code, ISO 639-1; none for the configured choice.
    pub language: Option<String>,
    /// Whether every word's time is asked for.
    pub has_words: bool,
    /// The request's id in the provider's records.
    pub request_id: String,
    /// The end user in the provider's records; none for account and tenant.
    pub user_id: Option<String>,
}
