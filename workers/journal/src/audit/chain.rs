//! Walking a chain: every hash, every link, and the end.

use earmark_core::Tenant;
use earmark_core::audit::{AuditEntry, AuditError, ChainVerifier, GENESIS};
use sqlx::AssertSqlSafe;

use super::row::{entry, unless_odd};
use crate::JournalError;
use crate::database::{Database, column};

/// What became of one tenant's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainReport {
    /// The tenant whose chain it is.
    pub tenant: Tenant,
    /// Entries that were sound, up to the first that is not.
    pub entries: i64,
    /// Hash of the last sound entry; what a reader notes down to compare later.
    pub last_hash: String,
    /// Entries among them whose payload was erased.
    pub erased: u64,
    /// What was found first.
    pub result: Result<(), AuditError>,
    /// Where jobs, results, artifacts and findings say something else than the chain, in words; the first few of each
    /// kind.
    pub mismatches: Vec<String>,
}

impl ChainReport {
    /// Whether the chain holds and everything beside it agrees.
    pub fn is_sound(&self) -> bool {
        self.result.is_ok() && self.mismatches.is_empty()
    }
}

/// Entries read at once.
const BATCH: i64 = 500;

/// Every tenant that the chains or the data beside them name. Names that are none of earmark's are left to the chain
/// that misses them.
pub(super) async fn tenants(db: &Database) -> Result<Vec<Tenant>, JournalError> {
    let hex = if db.is_shared() { "encode(convert_to(tenant, 'UTF8'), 'hex')" } else { "hex(tenant)" };
    let statement = format!(
        "SELECT DISTINCT {hex} AS tenant FROM
           (SELECT tenant FROM audit_heads UNION SELECT DISTINCT tenant FROM audit_entries UNION SELECT DISTINCT tenant FROM jobs
            UNION SELECT DISTINCT tenant FROM results UNION SELECT DISTINCT tenant FROM findings) AS named ORDER BY 1"
    );
    // Words of ours only.
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(db.pool()).await;
    let mut tenants = Vec::new();
    for row in db.map(rows)? {
        // In hex, because what is no text cannot be read as such at all.
        let name = unhex(&column::<String>(db, &row, "tenant")?);
        match Tenant::parse(&name) {
            Ok(tenant) => tenants.push(tenant),
            Err(error) => tracing::warn!(%error, "a row names a tenant that cannot be"),
        }
    }
    Ok(tenants)
}

/// The text behind pairs of hex digits.
fn unhex(digits: &str) -> String {
    let byte = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Vec<u8> = (0..digits.len()).step_by(2).filter_map(byte).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What becomes of the chain of `tenant`; the data beside it is not looked at.
pub(super) async fn verify(db: &Database, tenant: &Tenant) -> Result<ChainReport, JournalError> {
    let mut verifier = ChainVerifier::new(tenant.clone());
    let mut report = ChainReport {
        tenant: tenant.clone(),
        entries: 0,
        last_hash: GENESIS.into(),
        erased: 0,
        result: Ok(()),
        mismatches: Vec::new(),
    };
    let mut end_seen = None;
    loop {
        let entries = match unless_odd(page(db, tenant, report.entries).await)? {
            Ok(entries) => entries,
            Err(why) => {
                report.result = Err(AuditError::Unreadable { tenant: tenant.clone(), seq: report.entries + 1, why });
                return Ok(report);
            }
        };
        if entries.is_empty() {
            let (seq, hash) = match unless_odd(head(db, tenant).await)? {
                Ok(head) => head,
                Err(why) => {
                    let why = format!("the chain's head behind it: {why}");
                    report.result = Err(AuditError::Unreadable { tenant: tenant.clone(), seq: report.entries, why });
                    return Ok(report);
                }
            };
            // The chain may have grown since the page was read: look once more before calling its tail cut off.
            if seq > report.entries && end_seen != Some(seq) {
                end_seen = Some(seq);
                continue;
            }
            report.result = verifier.finish(seq, &hash).map(|_| ());
            return Ok(report);
        }
        for found in entries {
            let taken = match unless_odd(found)? {
                Ok(entry) => verifier.take(&entry).map(|()| entry),
                Err(why) => Err(AuditError::Unreadable { tenant: tenant.clone(), seq: report.entries + 1, why }),
            };
            match taken {
                Ok(entry) => {
                    report.entries = entry.head.seq;
                    report.erased += u64::from(entry.payload.is_none());
                    report.last_hash = entry.hash;
                }
                Err(error) => {
                    report.result = Err(error);
                    return Ok(report);
                }
            }
        }
    }
}

/// The entries that follow entry `after`, each by itself: an odd one must not hide those before it.
async fn page(
    db: &Database,
    tenant: &Tenant,
    after: i64,
) -> Result<Vec<Result<AuditEntry, JournalError>>, JournalError> {
    let rows = sqlx::query("SELECT * FROM audit_entries WHERE tenant = $1 AND seq > $2 ORDER BY seq LIMIT $3")
        .bind(tenant.as_str().to_owned())
        .bind(after)
        .bind(BATCH)
        .fetch_all(db.pool())
        .await;
    Ok(db.map(rows)?.iter().map(|row| entry(db, row)).collect())
}

async fn head(db: &Database, tenant: &Tenant) -> Result<(i64, String), JournalError> {
    let row = sqlx::query("SELECT seq, hash FROM audit_heads WHERE tenant = $1")
        .bind(tenant.as_str().to_owned())
        .fetch_optional(db.pool())
        .await;
    match db.map(row)? {
        Some(row) => Ok((column(db, &row, "seq")?, column(db, &row, "hash")?)),
        None => Ok((0, GENESIS.into())),
    }
}
