//! The files that a job leaves in the output.

/// A file in the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// `report.json`, `transcript.srt`, …
    pub name: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Where it lies: `file://…` or `s3://…`.
    pub uri: String,
    /// How long it is.
    pub size_bytes: u64,
}
