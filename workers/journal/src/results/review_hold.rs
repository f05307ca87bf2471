//! Results that a rule holds back until a reviewer releases them.

use earmark_core::audit::AuditKind;
use earmark_core::{Action, Artifact, JobId, JobState, MessageKind, Report, rfc3339};
use serde_json::{Value, json};
use sqlx::any::AnyRow;

use crate::database::{Database, column, parsed, places, storable};
use crate::jobs::HoldingView;
use crate::outbox::{self, NewMessage};
use crate::person_text::check_note;
use crate::{JournalError, audit, jobs};

/// Jobs looked up by one statement.
const IDS: usize = 500;

/// That a result is or was held back.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ReviewHold {
    /// Since when: the job's end.
    pub held_since_ms: i64,
    /// When and by whom it was released; none while it is held.
    pub released: Option<(i64, String)>,
}

impl ReviewHold {
    /// Whether nobody has released it yet.
    pub fn is_held(&self) -> bool {
        self.released.is_none()
    }
}

impl From<Option<ReviewHold>> for HoldingView {
    fn from(holding: Option<ReviewHold>) -> Self {
        let Some(holding) = holding else { return Self::default() };
        let is_held = holding.is_held();
        let (released_at, released_by) = holding.released.map(|(at_ms, by)| (rfc3339(at_ms), by)).unzip();
        Self { is_held, held_since: Some(rfc3339(holding.held_since_ms)), released_at, released_by }
    }
}

/// Whether a rule wants the result held back.
pub(super) fn is_blocked(report: &Report) -> bool {
    report.findings.iter().any(|finding| finding.actions.contains(&Action::Block))
}

/// What is told of a result beside the job; of one that is held, not where it lies.
pub(super) fn details(report: &Report, artifacts: &[Artifact], hold: Option<ReviewHold>) -> Value {
    let holding = HoldingView::from(hold);
    let mut details = json!(holding);
    details["findings"] = json!(report.findings.len());
    details["max_severity"] = json!(report.findings.iter().map(|finding| finding.severity).max());
    if !holding.is_held {
        let places = artifacts.iter().map(|artifact| json!({ "name": artifact.name, "uri": artifact.uri }));
        details["artifacts"] = places.collect();
    }
    details
}

/// Whether the result of `job` is or was held back; none for one that never was.
pub(super) async fn of(db: &Database, job: &JobId) -> Result<Option<ReviewHold>, JournalError> {
    let row = sqlx::query(
        "SELECT held_since_ms, released_at_ms, released_by FROM results WHERE job_id = $1 AND held_since_ms IS NOT NULL",
    )
    .bind(job.as_str().to_owned())
    .fetch_optional(db.pool())
    .await;
    db.map(row)?.map(|row| of_row(db, &row)).transpose()
}

/// Those of `jobs` whose result is or was held back.
pub(super) async fn of_many(db: &Database, jobs: &[JobId]) -> Result<Vec<(JobId, ReviewHold)>, JournalError> {
    let mut found = Vec::new();
    for some in jobs.chunks(IDS) {
        let statement = format!(
            "SELECT job_id, held_since_ms, released_at_ms, released_by FROM results
             WHERE held_since_ms IS NOT NULL AND job_id IN (VALUES {})",
            places(some.len(), 1)
        );
        // Placeholders.
        let mut query = sqlx::query(sqlx::AssertSqlSafe(statement));
        for job in some {
            query = query.bind(job.as_str().to_owned());
        }
        for row in &db.map(query.fetch_all(db.pool()).await)? {
            found.push((parsed(db, row, "job_id", JobId::parse)?, of_row(db, row)?));
        }
    }
    Ok(found)
}

fn of_row(db: &Database, row: &AnyRow) -> Result<ReviewHold, JournalError> {
    let at_ms: Option<i64> = column(db, row, "released_at_ms")?;
    let by: Option<String> = column(db, row, "released_by")?;
    Ok(ReviewHold { held_since_ms: column(db, row, "held_since_ms")?, released: at_ms.zip(by) })
}

/// Releases the held result of job `id`, whose files are `artifacts`, on record, and has its outcome told.
pub(super) async fn release(
    db: &Database,
    id: &JobId,
    artifacts: &[Artifact],
    by: &str,
    note: Option<&str>,
) -> Result<(), JournalError> {
    check_note(note)?;
    let mut write = db.write().await?;
    // The job's row first, as every write takes its rows.
    let job = jobs::locked(&mut write, id).await?;
    let now_ms = db.now_ms();
    let released = sqlx::query(
        "UPDATE results SET released_at_ms = $1, released_by = $2, release_note = $3
         WHERE job_id = $4 AND held_since_ms IS NOT NULL AND released_at_ms IS NULL RETURNING report, held_since_ms",
    )
    .bind(now_ms)
    .bind(storable(by))
    .bind(note.map(storable))
    .bind(id.as_str().to_owned());
    let row = write.row(released).await?.ok_or_else(|| JournalError::NotHeld(id.clone()))?;
    let report: Report = parsed(db, &row, "report", |text| serde_json::from_str(text))?;
    let hold = ReviewHold { held_since_ms: column(db, &row, "held_since_ms")?, released: Some((now_ms, by.into())) };
    let details = details(&report, artifacts, Some(hold));
    let finished_at_ms = job.finished_at_ms.unwrap_or_else(|| db.now_ms());
    let payload = jobs::end_message(&job, JobState::Done, finished_at_ms, None, details);
    let message = NewMessage { tenant: &job.tenant, kind: MessageKind::JobDone, job_id: Some(&job.id), payload };
    outbox::post(&mut write, message).await?;
    let mut event = jobs::event(&job, by, AuditKind::ResultReleased, json!({ "note": note }));
    event.rule_set_sha256 = Some(report.rule_set.sha256);
    audit::append(&mut write, &[event]).await?;
    write.commit().await
}
