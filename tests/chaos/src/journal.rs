//! The database as an outsider reads it, however often it is away.

use std::time::Duration;

use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::{AnyPool, Row};

/// A connection of its own to the fleet's database.
pub struct Outside {
    pool: AnyPool,
}

/// A job's row.
#[derive(Debug, Clone)]
pub struct JobRow {
    /// The job's id, as in the journal.
    pub id: String,
    /// The producer's key.
    pub key: String,
    /// `ready`, `leased`, `done`, `dead`, `cancelled`.
    pub state: String,
    /// Its last holder.
    pub owner: Option<String>,
    /// The epoch of its last lease.
    pub epoch: i64,
    /// Clips of the recording.
    pub clips: i64,
    /// Why it ended, or waits.
    pub error: Option<String>,
}

impl JobRow {
    /// Whether nothing happens to it any more.
    pub fn is_final(&self) -> bool {
        ["done", "dead", "cancelled"].contains(&self.state.as_str())
    }
}

/// Between two tries while the database is away.
const WAIT: Duration = Duration::from_millis(200);
/// How long it may stay away before the run is over: longer than any outage.
const PATIENCE: Duration = Duration::from_secs(300);

impl Outside {
    /// A pool on `url`; connections are made when they are wanted.
    pub fn open(url: &str) -> Self {
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new().max_connections(3).acquire_timeout(Duration::from_secs(5));
        Self { pool: pool.connect_lazy(url).unwrap() }
    }

    /// The rows of a statement, asked again until the database answers.
    pub async fn rows(&self, statement: &'static str) -> Vec<AnyRow> {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            match self.try_rows(statement).await {
                Ok(rows) => return rows,
                Err(error) if tokio::time::Instant::now() > until => panic!("the database stays away: {error}"),
                Err(_) => tokio::time::sleep(WAIT).await,
            }
        }
    }

    /// The rows of a statement, or why there are none.
    pub async fn try_rows(&self, statement: &'static str) -> Result<Vec<AnyRow>, sqlx::Error> {
        sqlx::query(statement).fetch_all(&self.pool).await
    }

    /// The rows of all jobs, by id.
    pub async fn jobs(&self) -> Vec<JobRow> {
        let statement = "SELECT id, COALESCE(key, '') AS key, state, lease_owner, lease_epoch, COALESCE(clips_total, 0) AS clips, error_code || ': ' || error_message AS error FROM jobs ORDER BY id";
        let rows = self.rows(statement).await;
        rows.iter()
            .map(|row| JobRow {
                id: row.get("id"),
                key: row.get("key"),
                state: row.get("state"),
                owner: row.get("lease_owner"),
                epoch: row.get("lease_epoch"),
                clips: row.get("clips"),
                error: row.get("error"),
            })
            .collect()
    }

    /// Jobs and epochs that process `pid` held when it was last seen; none when the database is away.
    pub async fn held_by(&self, pid: u32) -> Vec<(String, i64)> {
        let statement = "SELECT j.id, j.lease_epoch FROM jobs j JOIN workers w ON w.id = j.lease_owner WHERE w.pid = $1 AND j.state = 'leased'";
        let rows = sqlx::query(statement).bind(i64::from(pid)).fetch_all(&self.pool).await;
        rows.unwrap_or_default().iter().map(|row| (row.get("id"), row.get("lease_epoch"))).collect()
    }
}
