//! What a dead holder was at.

use earmark_core::Lease;

use sqlx::AssertSqlSafe;

use super::Journal;
use super::holder::fence;
use crate::JournalError;
use crate::database::Write;

impl Journal {
    /// Whether `lease` still holds. Only what is written in one transaction with the lease's job is safe from others;
    /// this is for what cannot be.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`].
    pub async fn check_held(&self, lease: &Lease) -> Result<(), JournalError> {
        let statement = sqlx::query(
            "SELECT id FROM jobs WHERE id = $1 AND lease_epoch = $2 AND lease_owner = $3 AND state = 'leased'",
        );
        let found = self.db.map(fence(statement, lease).fetch_optional(self.db.pool()).await)?;
        found.map(drop).ok_or_else(|| JournalError::LeaseLost(lease.job_id.clone()))
    }

    /// Says whether the job's recording can be the cause if its holder dies now. With every new lease it cannot, until the
    /// holder says that it is at the recording: a worker leases many jobs at once, and a death then is none of theirs.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`].
    pub async fn set_blameless(&self, lease: &Lease, is_blameless: bool) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        let statement = sqlx::query(
            "UPDATE jobs SET is_blameless = $4 WHERE id = $1 AND lease_epoch = $2 AND lease_owner = $3 AND state = 'leased'",
        );
        if write.run(fence(statement, lease).bind(i64::from(is_blameless))).await? == 0 {
            return Err(JournalError::LeaseLost(lease.job_id.clone()));
        }
        write.commit().await
    }

    /// Makes jobs due that wait because of `code`; gives how many.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn wake(&self, code: &str) -> Result<u64, JournalError> {
        let mut write = self.db.write().await?;
        let woken = make_due(&mut write, &[code]).await?;
        write.commit().await?;
        if woken > 0 {
            self.tell_ready();
        }
        Ok(woken)
    }
}

/// Makes jobs due that wait because of one of `codes`; gives how many.
pub(crate) async fn make_due(write: &mut Write, codes: &[&str]) -> Result<u64, JournalError> {
    let places: Vec<_> = (2..codes.len() + 2).map(|place| format!("${place}")).collect();
    // In order, so that two who do this do not wait for each other.
    let statement = format!(
        "UPDATE jobs SET run_at_ms = $1 WHERE state = 'ready' AND id IN
           (SELECT id FROM jobs WHERE state = 'ready' AND run_at_ms > $1 AND error_code IN ({}) ORDER BY id{})",
        places.join(", "),
        write.db().for_update()
    );
    // Words and placeholders of ours only; every value is bound.
    let mut query = sqlx::query(AssertSqlSafe(statement)).bind(write.db().now_ms());
    for code in codes {
        query = query.bind((*code).to_owned());
    }
    write.run(query).await
}
