//! Where jobs stand in the words of people, and how many stand where.

use earmark_core::{Job, JobId, JobState, Lane, Standing};
use serde::Serialize;

use super::{JobFilter, Journal, Pause, row};
use crate::database::{column, parsed};
use crate::outbox::{Backlog, Outbox};
use crate::{JournalError, WorkerCount, WorkerProcess};

/// A job and the word for where it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StandingJob {
    /// The job as it is stored.
    #[serde(flatten)]
    pub job: Job,
    /// Where it stands now.
    pub standing: Standing,
}

/// How many jobs of a lane stand where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LaneStats {
    /// The lane they are counted in.
    pub lane: Lane,
    /// Due, and not yet in the lane's stream.
    pub accepted: u64,
    /// Free for the next worker.
    pub ready: u64,
    /// In the hands of a worker.
    pub leased: u64,
    /// Put off to a later time.
    pub waiting: u64,
    /// Held up by a pause.
    pub paused: u64,
    /// With a result.
    pub done: u64,
    /// Given up, with the cause.
    pub dead: u64,
    /// Called off by a person.
    pub cancelled: u64,
    /// Since the oldest job that is not final was accepted, in milliseconds; none where all are.
    pub oldest_age_ms: Option<i64>,
}

impl LaneStats {
    fn none(lane: Lane) -> Self {
        let none = 0;
        Self {
            lane,
            accepted: none,
            ready: none,
            leased: none,
            waiting: none,
            paused: none,
            done: none,
            dead: none,
            cancelled: none,
            oldest_age_ms: None,
        }
    }

    /// Jobs that stand at `standing`.
    pub fn at(&self, standing: Standing) -> u64 {
        *self.clone().at_mut(standing)
    }

    fn at_mut(&mut self, standing: Standing) -> &mut u64 {
        match standing {
            Standing::Accepted => &mut self.accepted,
            Standing::Waiting => &mut self.waiting,
            Standing::Paused => &mut self.paused,
            Standing::Ready => &mut self.ready,
            Standing::Leased => &mut self.leased,
            Standing::Done => &mut self.done,
            Standing::Dead => &mut self.dead,
            Standing::Cancelled => &mut self.cancelled,
        }
    }
}

/// The queue at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueStats {
    /// Every lane, the most urgent first.
    pub lanes: Vec<LaneStats>,
    /// Worker processes that live.
    pub workers: WorkerCount,
    /// Each of them, and those that are gone since less than an hour and did not stop in order.
    pub worker_processes: Vec<WorkerProcess>,
    /// What is paused.
    pub pauses: Vec<Pause>,
    /// What is still to be told outside.
    pub outbox: Backlog,
}

impl Journal {
    /// The job with this id and where it stands.
    ///
    /// # Errors
    /// [`JournalError::NoSuchJob`].
    pub async fn standing(&self, id: &JobId) -> Result<StandingJob, JournalError> {
        let statement = format!("SELECT t.*, {} AS standing FROM jobs t WHERE t.id = $2", self.standing_of("$1"));
        // Words of ours and placeholders.
        let found = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(self.db.now_ms()).bind(id.as_str().to_owned());
        let found = self.db.map(found.fetch_optional(self.db.pool()).await)?;
        self.with_standing(&found.ok_or_else(|| JournalError::NoSuchJob(id.clone()))?)
    }

    /// Jobs that `filter` lets through and where they stand, newest first.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn standings(&self, filter: &JobFilter) -> Result<Vec<StandingJob>, JournalError> {
        self.page(filter).await?.iter().map(|found| self.with_standing(found)).collect()
    }

    /// The queue at a glance.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn stats(&self) -> Result<QueueStats, JournalError> {
        let mut lanes: Vec<_> = Lane::ALL.iter().map(|lane| LaneStats::none(*lane)).collect();
        let mut add = |lane: Lane, standing: Standing, jobs: u64, oldest_age_ms: Option<i64>| {
            for stats in lanes.iter_mut().filter(|stats| stats.lane == lane) {
                *stats.at_mut(standing) += jobs;
                stats.oldest_age_ms = stats.oldest_age_ms.max(oldest_age_ms);
            }
        };
        for count in self.counts().await? {
            let standing = match count.state {
                // Counted by their parts.
                JobState::Ready => continue,
                JobState::Leased => Standing::Leased,
                JobState::Done => Standing::Done,
                JobState::Dead => Standing::Dead,
                JobState::Cancelled => Standing::Cancelled,
            };
            let age_ms = (!count.state.is_final()).then_some(count.oldest_age_ms);
            add(count.lane, standing, count.jobs, age_ms);
        }
        let now_ms = self.db.now_ms();
        let statement = format!(
            "SELECT lane, standing, COUNT(*) AS jobs, MIN(accepted_at_ms) AS oldest FROM
                (SELECT t.lane, t.accepted_at_ms, {} AS standing FROM jobs t WHERE t.state = 'ready') AS told
             GROUP BY lane, standing",
            self.standing_of("$1")
        );
        // Words of ours and a placeholder.
        let rows = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(now_ms).fetch_all(self.db.pool()).await;
        for found in &self.db.map(rows)? {
            let lane = parsed(&self.db, found, "lane", str::parse::<Lane>)?;
            let standing = parsed(&self.db, found, "standing", str::parse::<Standing>)?;
            let jobs = column::<i64>(&self.db, found, "jobs")?.unsigned_abs();
            add(lane, standing, jobs, Some(now_ms - column::<i64>(&self.db, found, "oldest")?));
        }
        Ok(QueueStats {
            lanes,
            workers: self.live_workers().await?,
            worker_processes: self.worker_processes().await?,
            pauses: self.pauses().await?,
            outbox: Outbox::new(self.db.clone()).backlog().await?,
        })
    }

    fn with_standing(&self, found: &sqlx::any::AnyRow) -> Result<StandingJob, JournalError> {
        let standing = parsed(&self.db, found, "standing", str::parse::<Standing>)?;
        Ok(StandingJob { job: row::job(&self.db, found)?, standing })
    }
}
