//! The audit log: appended inside the transaction of the change it records; verified and exported in batches.
//!
//! ```text
//!   append              behind a tenant's chain, in the transaction of what is recorded
//!   log                 reading and verifying: AuditLog
//!     row               an entry between its row and its type
//!     chain             every hash, every link, and the end
//!     agreement         jobs, results, artifacts and findings are what the chain says
//!     replayed_findings findings that took the place of others
//! ```

mod agreement;
mod append;
mod chain;
mod log;
mod replayed_findings;
mod row;

pub(crate) use append::{append, lock_chain};
pub use chain::ChainReport;
pub use log::{AuditLog, SqlAuditLog};
pub(crate) use replayed_findings::findings_sha256;
