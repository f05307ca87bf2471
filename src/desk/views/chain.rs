//! What became of one tenant's chain when it was verified.

use earmark_core::Tenant;
use earmark_journal::ChainReport;
use serde::Serialize;

/// A chain of the audit log, recomputed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainView {
    /// The tenant whose decisions it records.
    pub tenant: Tenant,
    /// Entries that were sound, up to the first that is not.
    pub entries: i64,
    /// Hash of the last sound entry, in hex.
    pub last_hash: String,
    /// Entries among them whose payload was erased.
    pub erased: u64,
    /// What breaks the chain, in words; none where it is intact.
    pub error: Option<String>,
    /// Where jobs and results say something else than the chain, in words; the first few of each kind.
    pub mismatches: Vec<String>,
    /// Whether the chain is intact and all beside it agrees.
    pub is_sound: bool,
}

impl From<ChainReport> for ChainView {
    fn from(report: ChainReport) -> Self {
        let is_sound = report.is_sound();
        let ChainReport { tenant, entries, last_hash, erased, result, mismatches } = report;
        Self {
            tenant,
            entries,
            last_hash,
            erased,
            error: result.err().map(|error| error.to_string()),
            mismatches,
            is_sound,
        }
    }
}
