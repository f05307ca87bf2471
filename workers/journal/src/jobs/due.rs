//! Jobs that wait for something that has come about.

use sqlx::AssertSqlSafe;

use super::Journal;
use crate::JournalError;
use crate::database::Write;

impl Journal {
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
