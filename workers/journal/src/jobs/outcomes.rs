//! What producers are told of the ends of jobs, and by which entries of the intake they know them.

use earmark_core::{JobId, JobState, MessageKind, Tenant};
use sqlx::AssertSqlSafe;

use super::Journal;
use super::entry_answers::{ENDED, REJECTED, RejectedEntry};
use crate::JournalError;
use crate::database::{column, parsed};

/// Messages per statement.
const IDS: usize = 500;

/// How a job ended, as its producers are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The job that ended.
    pub job_id: JobId,
    /// The tenant it belongs to.
    pub tenant: Tenant,
    /// The producer's own key.
    pub key: Option<String>,
    /// Done, dead or cancelled.
    pub state: JobState,
    /// Where `report.json` lies; none without a result, and while it is held.
    pub report_uri: Option<String>,
    /// There is a result, held back until a reviewer releases it.
    pub is_held: bool,
    /// Why there is no result, as a word for programs.
    pub error_code: Option<String>,
    /// Entries of the intake stream that asked for the job.
    pub intake_ids: Vec<String>,
}

/// A message about a job that was not yet looked at for the stream of outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unannounced {
    /// The message's id in the outbox.
    pub id: String,
    /// What is to be told; none for a message that is about no end.
    pub outcome: Option<Outcome>,
    /// An entry that was not taken, of which is to be told.
    pub rejected: Option<RejectedEntry>,
}

/// An entry whose job had ended.
#[derive(serde::Deserialize)]
struct AnsweredEntry {
    intake_id: String,
}

impl Journal {
    /// Up to `limit` messages about jobs that were not looked at for the stream of outcomes, oldest first. Report each as
    /// [`announced`](Self::announced) once it is told.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn unannounced(&self, limit: u32) -> Result<Vec<Unannounced>, JournalError> {
        let rows = sqlx::query(
            "SELECT id, kind, job_id, CASE WHEN kind LIKE 'intake.%' THEN payload END AS payload FROM outbox WHERE announced_at_ms IS NULL AND job_id IS NOT NULL ORDER BY created_at_ms, id LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(self.db.pool())
        .await;
        let mut messages = Vec::new();
        for row in self.db.map(rows)? {
            let (kind, id): (String, String) = (column(&self.db, &row, "kind")?, column(&self.db, &row, "id")?);
            if kind == REJECTED {
                let rejected = parsed(&self.db, &row, "payload", |text| serde_json::from_str(text))?;
                messages.push(Unannounced { id, outcome: None, rejected: Some(rejected) });
                continue;
            }
            // A kind of a later version tells of no end that is known here.
            let state = kind.parse::<MessageKind>().ok().and_then(MessageKind::end);
            let outcome = match (state, kind == ENDED) {
                (None, false) => None,
                (state, _) => self.outcome(&parsed(&self.db, &row, "job_id", JobId::parse)?).await?.map(|outcome| {
                    // As it was then: it may have been tried again since.
                    Outcome { state: state.unwrap_or(outcome.state), ..outcome }
                }),
            };
            let outcome = match (outcome, kind == ENDED) {
                // For the one entry: the others have heard.
                (Some(outcome), true) => {
                    let told: AnsweredEntry = parsed(&self.db, &row, "payload", |text| serde_json::from_str(text))?;
                    Some(Outcome { intake_ids: vec![told.intake_id], ..outcome })
                }
                (outcome, _) => outcome,
            };
            messages.push(Unannounced { id, outcome, rejected: None });
        }
        Ok(messages)
    }

    /// Messages that were told, or need not be.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; then they are told again.
    pub async fn announced(&self, ids: &[String]) -> Result<(), JournalError> {
        for ids in ids.chunks(IDS) {
            let places: Vec<String> = (2..).take(ids.len()).map(|place| format!("${place}")).collect();
            let statement = format!("UPDATE outbox SET announced_at_ms = $1 WHERE id IN ({})", places.join(", "));
            // Placeholders only; every value is bound.
            let mut query = sqlx::query(AssertSqlSafe(statement)).bind(self.db.now_ms());
            for id in ids {
                query = query.bind(id.clone());
            }
            let mut write = self.db.write().await?;
            write.run(query).await?;
            write.commit().await?;
        }
        Ok(())
    }

    /// How job `id` stands, as its producers are told; none when there is no such job.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn outcome(&self, id: &JobId) -> Result<Option<Outcome>, JournalError> {
        let row = sqlx::query(
            "SELECT id, tenant, key, state, error_code,
                    (SELECT a.uri FROM artifacts a WHERE a.job_id = jobs.id AND a.name = 'report.json') AS report_uri,
                    (SELECT COUNT(*) FROM results r WHERE r.job_id = jobs.id AND r.held_since_ms IS NOT NULL AND r.released_at_ms IS NULL) AS held
             FROM jobs WHERE id = $1",
        )
        .bind(id.as_str().to_owned())
        .fetch_optional(self.db.pool())
        .await;
        let Some(row) = self.db.map(row)? else { return Ok(None) };
        let intakes = sqlx::query("SELECT intake_id FROM intakes WHERE job_id = $1 ORDER BY accepted_at_ms, intake_id")
            .bind(id.as_str().to_owned())
            .fetch_all(self.db.pool())
            .await;
        let intake_ids = self
            .db
            .map(intakes)?
            .iter()
            .map(|row| column(&self.db, row, "intake_id"))
            .collect::<Result<_, JournalError>>()?;
        let is_held = column::<i64>(&self.db, &row, "held")? > 0;
        let report_uri: Option<String> = column(&self.db, &row, "report_uri")?;
        Ok(Some(Outcome {
            job_id: id.clone(),
            tenant: parsed(&self.db, &row, "tenant", Tenant::parse)?,
            key: column(&self.db, &row, "key")?,
            state: parsed(&self.db, &row, "state", str::parse)?,
            report_uri: report_uri.filter(|_| !is_held),
            is_held,
            error_code: column(&self.db, &row, "error_code")?,
            intake_ids,
        }))
    }
}
