//! What a dead holder was at.

use earmark_core::Lease;

use super::Journal;
use super::holder::fence;
use crate::StorageError;

impl Journal {
    /// Says whether the job's recording can be the cause if its holder dies now. With every lease it can, until the
    /// holder says otherwise.
    ///
    /// # Errors
    /// [`StorageError::LeaseLost`].
    pub async fn set_blameless(&self, lease: &Lease, is_blameless: bool) -> Result<(), StorageError> {
        let mut write = self.db.write().await?;
        let statement = sqlx::query(
            "UPDATE jobs SET is_blameless = $4 WHERE id = $1 AND lease_epoch = $2 AND lease_owner = $3 AND state = 'leased'",
        );
        if write.run(fence(statement, lease).bind(i64::from(is_blameless))).await? == 0 {
            return Err(StorageError::LeaseLost(lease.job_id.clone()));
        }
        write.commit().await
    }

    /// Makes jobs due that wait because of `code`; gives how many.
    ///
    /// # Errors
    /// [`StorageError`] when the database fails.
    pub async fn wake(&self, code: &str) -> Result<u64, StorageError> {
        let mut write = self.db.write().await?;
        let now_ms = self.db.now_ms();
        let statement =
            sqlx::query("UPDATE jobs SET run_at_ms = $1 WHERE state = 'ready' AND run_at_ms > $1 AND error_code = $2");
        let woken = write.run(statement.bind(now_ms).bind(code.to_owned())).await?;
        write.commit().await?;
        if woken > 0 {
            self.tell_ready();
        }
        Ok(woken)
    }
}
