//! What a sweep of the output's bucket saw.

use serde::Serialize;

/// Artifacts in the bucket, and those among them that no job names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SweepView {
    /// Artifacts that are there.
    pub artifacts: u64,
    /// Of these, named by no job: removed, or to be removed.
    pub orphans: u64,
    /// The orphans' size, in bytes.
    pub orphaned_bytes: u64,
    /// Artifacts of jobs that the database does not know.
    pub unknown: u64,
    /// Objects under the prefix that are no artifacts of earmark's; left alone.
    pub foreign: u64,
    /// Whether nothing was removed.
    pub is_dry_run: bool,
}
