//! Looking at jobs.

use std::fmt::Write as _;

use earmark_core::{Job, JobId, JobState, Lane, Standing, Tenant};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::pause::NOT_PAUSED;
use super::{Journal, row};
use crate::JournalError;
use crate::database::{Query, column, parsed};

/// One page at most, however many are asked for.
const MAX_PAGE: u32 = 1000;

/// Which jobs to list. Everything that is set must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFilter {
    /// Jobs of this tenant only; none for everybody's.
    pub tenant: Option<Tenant>,
    /// With this producer's key.
    pub key: Option<String>,
    /// In this lane.
    pub lane: Option<Lane>,
    /// In this state.
    pub state: Option<JobState>,
    /// Standing there, in the words of people.
    pub standing: Option<Standing>,
    /// Whose last error has this code.
    pub code: Option<String>,
    /// Accepted at this instant or later.
    pub since_ms: Option<i64>,
    /// Accepted before this instant.
    pub until_ms: Option<i64>,
    /// Ended at this instant or later.
    pub ended_since_ms: Option<i64>,
    /// Ended before this instant.
    pub ended_until_ms: Option<i64>,
    /// At most this many.
    pub limit: u32,
    /// Only jobs older than this one: the last of the page before.
    pub after: Option<JobId>,
}

impl Default for JobFilter {
    fn default() -> Self {
        Self {
            tenant: None,
            key: None,
            lane: None,
            state: None,
            standing: None,
            code: None,
            since_ms: None,
            until_ms: None,
            ended_since_ms: None,
            ended_until_ms: None,
            limit: 100,
            after: None,
        }
    }
}

impl JobFilter {
    /// Only jobs that stand at `standing`, where one is given; `ready` is every job that nobody holds, as it is stored,
    /// those that wait or are paused included.
    #[must_use]
    pub fn standing_at(self, standing: Option<Standing>) -> Self {
        match standing.map(|standing| (standing, standing.state())) {
            None => self,
            Some((_, Some(state))) => Self { state: Some(state), ..self },
            Some((standing, None)) => Self { standing: Some(standing), ..self },
        }
    }
}

/// How many jobs of a lane are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The lane they are counted in.
    pub lane: Lane,
    /// The stored state they are counted in.
    pub state: JobState,
    /// Jobs of that lane in that state.
    pub jobs: u64,
    /// Since the oldest of them was accepted, in milliseconds.
    pub oldest_age_ms: i64,
}

impl Journal {
    /// The job with this id.
    ///
    /// # Errors
    /// [`JournalError::NoSuchJob`].
    pub async fn get(&self, id: &JobId) -> Result<Job, JournalError> {
        let found = sqlx::query("SELECT * FROM jobs WHERE id = $1")
            .bind(id.as_str().to_owned())
            .fetch_optional(self.db.pool())
            .await;
        let found = self.db.map(found)?.ok_or_else(|| JournalError::NoSuchJob(id.clone()))?;
        row::job(&self.db, &found)
    }

    /// Jobs that `filter` lets through, newest first.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn list(&self, filter: &JobFilter) -> Result<Vec<Job>, JournalError> {
        self.page(filter).await?.iter().map(|found| row::job(&self.db, found)).collect()
    }

    /// How many jobs `filter` lets through, whatever its limit and its page.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn count(&self, filter: &JobFilter) -> Result<u64, JournalError> {
        let Some(chosen) = self.chosen(&JobFilter { after: None, ..filter.clone() }) else { return Ok(0) };
        let statement = format!("SELECT COUNT(*) AS found FROM jobs t WHERE {}", chosen.condition);
        let found = chosen.query(statement, self.db.now_ms()).fetch_one(self.db.pool()).await;
        Ok(column::<i64>(&self.db, &self.db.map(found)?, "found")?.unsigned_abs())
    }

    /// Ids of jobs that `filter` lets through behind `after`, the oldest first: for whoever goes through all of them.
    pub(super) async fn ids(
        &self,
        filter: &JobFilter,
        after: Option<&JobId>,
        limit: u32,
    ) -> Result<Vec<JobId>, JournalError> {
        let Some(mut chosen) = self.chosen(filter) else { return Ok(Vec::new()) };
        chosen.add("t.id >", after.map(ToString::to_string).map(Value::Text));
        let statement = format!("SELECT t.id FROM jobs t WHERE {} ORDER BY t.id LIMIT {limit}", chosen.condition);
        let rows = chosen.query(statement, self.db.now_ms()).fetch_all(self.db.pool()).await;
        self.db.map(rows)?.iter().map(|row| parsed(&self.db, row, "id", JobId::parse)).collect()
    }

    /// Rows of jobs with their `standing`.
    pub(super) async fn page(&self, filter: &JobFilter) -> Result<Vec<AnyRow>, JournalError> {
        let Some(chosen) = self.chosen(filter) else { return Ok(Vec::new()) };
        let (standing, limit) = (self.standing_of("$1"), filter.limit.min(MAX_PAGE));
        let statement = format!(
            "SELECT t.*, {standing} AS standing FROM jobs t WHERE {} ORDER BY t.id DESC LIMIT {limit}",
            chosen.condition
        );
        self.db.map(chosen.query(statement, self.db.now_ms()).fetch_all(self.db.pool()).await)
    }

    /// What `filter` asks of a job `t`, where `$1` is the present; none where no job can be meant.
    fn chosen(&self, filter: &JobFilter) -> Option<Chosen> {
        if filter.key.iter().chain(&filter.code).any(|text| text.contains('\0')) {
            // No job has such a text, and not every database may be asked for it.
            return None;
        }
        let text = |text: Option<String>| text.map(Value::Text);
        let number = |ms: Option<i64>| ms.map(Value::Number);
        let mut chosen = Chosen { condition: "t.accepted_at_ms >= $2".into(), values: Vec::new() };
        chosen.values.push(Value::Number(filter.since_ms.unwrap_or(i64::MIN)));
        chosen.add("t.tenant =", text(filter.tenant.as_ref().map(ToString::to_string)));
        chosen.add("t.key =", text(filter.key.clone()));
        chosen.add("t.lane =", text(filter.lane.map(|lane| lane.to_string())));
        // The stored state beside it, for its index.
        let state = filter.standing.map(|standing| standing.state().unwrap_or(JobState::Ready)).or(filter.state);
        chosen.add("t.state =", text(state.map(|state| state.to_string())));
        let standing = format!("({}) =", self.standing_of("$1"));
        chosen.add(&standing, text(filter.standing.map(|standing| standing.to_string())));
        chosen.add("t.error_code =", text(filter.code.clone()));
        chosen.add("t.accepted_at_ms <", number(filter.until_ms));
        chosen.add("t.finished_at_ms >=", number(filter.ended_since_ms));
        chosen.add("t.finished_at_ms <", number(filter.ended_until_ms));
        chosen.add("t.id <", text(filter.after.as_ref().map(ToString::to_string)));
        // Ids begin with the time of acceptance: the list ends where it is over instead of looking at every older job.
        chosen.add("t.id >=", text(filter.since_ms.map(first_id_at)));
        Some(chosen)
    }

    /// SQL for the [`Standing`] of a job `t` at the instant `now` (a placeholder).
    pub(super) fn standing_of(&self, now: &str) -> String {
        // Where no stream delivers, what is due can be taken from the journal itself.
        let is_delivered = if self.has_streams { format!("t.queued_until_ms >= {now}") } else { "1 = 1".into() };
        format!(
            "CASE WHEN t.state <> 'ready' THEN t.state WHEN NOT ({}) THEN 'paused' WHEN t.run_at_ms > {now} THEN 'waiting'
                  WHEN {is_delivered} THEN 'ready' ELSE 'accepted' END",
            NOT_PAUSED
        )
    }

    /// How many jobs are where; lanes and states without a job are left out.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn counts(&self) -> Result<Vec<Count>, JournalError> {
        let rows = sqlx::query("SELECT lane, state, COUNT(*) AS jobs, MIN(accepted_at_ms) AS oldest FROM jobs GROUP BY state, lane ORDER BY lane, state").fetch_all(self.db.pool()).await;
        let now_ms = self.db.now_ms();
        let count = |found: &sqlx::any::AnyRow| {
            Ok(Count {
                lane: parsed(&self.db, found, "lane", str::parse::<Lane>)?,
                state: parsed(&self.db, found, "state", str::parse::<JobState>)?,
                jobs: column::<i64>(&self.db, found, "jobs")?.unsigned_abs(),
                oldest_age_ms: now_ms - column::<i64>(&self.db, found, "oldest")?,
            })
        };
        self.db.map(rows)?.iter().map(count).collect()
    }
}

/// A condition in SQL, and its values from `$2` on.
struct Chosen {
    condition: String,
    values: Vec<Value>,
}

enum Value {
    Text(String),
    Number(i64),
}

impl Chosen {
    fn add(&mut self, column: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.values.push(value);
            let _ = write!(self.condition, " AND {column} ${}", self.values.len() + 1);
        }
    }

    /// `statement`, which has the condition in it, with its values and the present.
    fn query(self, statement: String, now_ms: i64) -> Query<'static> {
        // Column names, numbers and placeholders of ours only; every value is bound.
        let query = sqlx::query(AssertSqlSafe(statement)).bind(now_ms);
        self.values.into_iter().fold(query, |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
        })
    }
}

/// Before every id that [`JobId::at`] gives at `ms` or later, and behind all earlier ones.
fn first_id_at(ms: i64) -> String {
    let ms = u64::try_from(ms).unwrap_or(0).min((1 << 48) - 1);
    format!("{:08x}-{:04x}-0000-0000-000000000000", ms >> 16, ms & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lie_behind_the_first_one_of_their_time() {
        for ms in [0, 1, 0xffff, 0x1_0000, 1_760_000_000_000] {
            let id = JobId::at(ms).to_string();
            assert!(first_id_at(ms) <= id && id < first_id_at(ms + 1), "{ms}: {id}");
        }
        assert!(first_id_at(-5) <= first_id_at(0) && first_id_at(i64::MAX).len() == 36);
    }
}
