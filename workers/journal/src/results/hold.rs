//! Results that a rule holds back until a reviewer releases them.

use earmark_core::{Action, JobId, JobState, Report};
use serde_json::{Value, json};

use super::SqlResults;
use crate::database::{column, parsed, storable};
use crate::journal::{self, job_of_row};
use crate::outbox::{self, NewMessage, OutboxKind};
use crate::words::check_note;
use crate::{JournalError, audit};
use earmark_core::Artifact;

/// Jobs looked up by one statement.
const IDS: usize = 500;

/// That a result is or was held back.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Holding {
    /// Since when: the job's end.
    pub held_since_ms: i64,
    /// When and by whom it was released; none while it is held.
    pub released: Option<(i64, String)>,
}

impl Holding {
    /// Whether nobody has released it yet.
    pub fn is_held(&self) -> bool {
        self.released.is_none()
    }
}

/// Whether a rule wants the result held back.
pub(super) fn is_blocked(report: &Report) -> bool {
    report.findings.iter().any(|finding| finding.actions.contains(&Action::Block))
}

/// What is told of a result beside the job; of one that is held, not where it lies.
pub(super) fn told(report: &Report, artifacts: &[Artifact], is_held: bool) -> Value {
    let mut told = json!({
        "findings": report.findings.len(),
        "max_severity": report.findings.iter().map(|finding| finding.severity).max(),
        "held": is_held,
    });
    if !is_held {
        let places = artifacts.iter().map(|artifact| json!({ "name": artifact.name, "uri": artifact.uri }));
        told["artifacts"] = places.collect();
    }
    told
}

impl SqlResults {
    pub(super) async fn holding_of(&self, job: &JobId) -> Result<Option<Holding>, JournalError> {
        let row = sqlx::query(
            "SELECT held_since_ms, released_at_ms, released_by FROM results WHERE job_id = $1 AND held_since_ms IS NOT NULL",
        )
        .bind(job.as_str().to_owned())
        .fetch_optional(self.db.pool())
        .await;
        self.db.map(row)?.map(|row| self.holding_in(&row)).transpose()
    }

    pub(super) async fn holdings_of(&self, jobs: &[JobId]) -> Result<Vec<(JobId, Holding)>, JournalError> {
        let mut found = Vec::new();
        for some in jobs.chunks(IDS) {
            let places: Vec<String> = (1..=some.len()).map(|number| format!("${number}")).collect();
            let statement = format!(
                "SELECT job_id, held_since_ms, released_at_ms, released_by FROM results
                 WHERE held_since_ms IS NOT NULL AND job_id IN ({})",
                places.join(", ")
            );
            // Placeholders.
            let mut query = sqlx::query(sqlx::AssertSqlSafe(statement));
            for job in some {
                query = query.bind(job.as_str().to_owned());
            }
            for row in &self.db.map(query.fetch_all(self.db.pool()).await)? {
                found.push((parsed(&self.db, row, "job_id", JobId::parse)?, self.holding_in(row)?));
            }
        }
        Ok(found)
    }

    fn holding_in(&self, row: &sqlx::any::AnyRow) -> Result<Holding, JournalError> {
        let at_ms: Option<i64> = column(&self.db, row, "released_at_ms")?;
        let by: Option<String> = column(&self.db, row, "released_by")?;
        Ok(Holding { held_since_ms: column(&self.db, row, "held_since_ms")?, released: at_ms.zip(by) })
    }

    pub(super) async fn release_held(&self, id: &JobId, by: &str, note: Option<&str>) -> Result<(), JournalError> {
        check_note(note)?;
        let artifacts = super::ResultStore::artifacts(self, id).await?;
        let mut write = self.db.write().await?;
        // The job's row first, as every write takes its rows.
        let found = sqlx::query("UPDATE jobs SET lease_epoch = lease_epoch WHERE id = $1 RETURNING *")
            .bind(id.as_str().to_owned());
        let found = write.row(found).await?.ok_or_else(|| JournalError::NoSuchJob(id.clone()))?;
        let job = job_of_row(&self.db, &found)?;
        let released = sqlx::query(
            "UPDATE results SET released_at_ms = $1, released_by = $2, release_note = $3
             WHERE job_id = $4 AND held_since_ms IS NOT NULL AND released_at_ms IS NULL RETURNING report",
        )
        .bind(self.db.now_ms())
        .bind(storable(by))
        .bind(note.map(storable))
        .bind(id.as_str().to_owned());
        let row = write.row(released).await?.ok_or_else(|| JournalError::NotHeld(id.clone()))?;
        let report: Report = parsed(&self.db, &row, "report", |text| serde_json::from_str(text))?;
        let mut details = told(&report, &artifacts, false);
        details["released_by"] = json!(by);
        let finished_at_ms = job.finished_at_ms.unwrap_or_else(|| self.db.now_ms());
        let payload = journal::end(&job, JobState::Done, finished_at_ms, None, details);
        let message = NewMessage { tenant: &job.tenant, kind: OutboxKind::JobDone, job_id: Some(&job.id), payload };
        outbox::post(&mut write, message).await?;
        let mut event = journal::event(&job, by, "result.released", json!({ "note": note }));
        event.rule_set_sha256 = Some(report.rule_set.sha256);
        audit::append(&mut write, &[event]).await?;
        write.commit().await
    }
}
