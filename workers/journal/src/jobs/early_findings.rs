//! What is told of a job before its result is written.

use earmark_core::{Lease, MessageKind};
use serde_json::Value;

use super::Journal;
use super::fence::held;
use crate::JournalError;
use crate::alerts::{self, NewAlert};
use crate::database::Write;
use crate::outbox::{self, NewMessage};

/// A finding that is told as soon as its clip is heard.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyFinding {
    /// By which rule.
    pub rule_id: String,
    /// On which channel.
    pub channel: u16,
    /// Where the clip begins. With channel and rule it makes the finding the same as one that was told already.
    pub clip_start_ms: u64,
    /// Where the clip ends: in between, the whole recording confirms the finding or does not.
    pub clip_end_ms: u64,
    /// About where the words begin.
    pub start_ms: u64,
    /// About where they end.
    pub end_ms: u64,
    /// What the message says.
    pub payload: Value,
    /// An alert to be raised with it.
    pub alert: Option<NewAlert>,
}

impl Journal {
    /// Tells of a finding in a part of the recording: a message, and an alert where it has one; not a result. False when
    /// it was told already, in an earlier try perhaps: then nothing is written.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`].
    pub async fn raise_early(&self, lease: &Lease, finding: &EarlyFinding) -> Result<bool, JournalError> {
        let mut write = self.db.write().await?;
        let job = held(&mut write, lease).await?;
        if !note(&mut write, lease, finding).await? {
            return Ok(false);
        }
        let mut alert_id = None;
        if let Some(alert) = &finding.alert {
            let id = alerts::raise(&mut write, &job.tenant, Some(&job.id), alert).await?;
            let statement = sqlx::query(
                "UPDATE told_early SET alert_id = $1 WHERE job_id = $2 AND channel = $3 AND clip_start_ms = $4 AND rule_id = $5",
            )
            .bind(id.clone())
            .bind(job.id.as_str().to_owned())
            .bind(i64::from(finding.channel))
            .bind(finding.clip_start_ms.cast_signed())
            .bind(finding.rule_id.clone());
            write.run(statement).await?;
            alert_id = Some(id);
        }
        let message = NewMessage {
            tenant: &job.tenant,
            kind: MessageKind::FindingEarly,
            job_id: Some(&job.id),
            payload: finding.payload.clone(),
        };
        outbox::post(&mut write, message).await?;
        write.commit().await?;
        if let (Some(alert), Some(alert_id)) = (&finding.alert, alert_id) {
            tracing::error!(
                target: alerts::ALERT_LOG,
                { job.id = %job.id, tenant = %job.tenant, kind = alert.kind, alert = alert_id },
                "alert: {}",
                alert.message
            );
        }
        Ok(true)
    }
}

/// Notes that it is told; false when it was before.
async fn note(write: &mut Write, lease: &Lease, finding: &EarlyFinding) -> Result<bool, JournalError> {
    let statement = sqlx::query(
        "INSERT INTO told_early (job_id, channel, clip_start_ms, rule_id, clip_end_ms, start_ms, end_ms, told_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (job_id, channel, clip_start_ms, rule_id) DO NOTHING",
    )
    .bind(lease.job_id.as_str().to_owned())
    .bind(i64::from(finding.channel))
    .bind(finding.clip_start_ms.cast_signed())
    .bind(finding.rule_id.clone())
    .bind(finding.clip_end_ms.cast_signed())
    .bind(finding.start_ms.cast_signed())
    .bind(finding.end_ms.cast_signed())
    .bind(write.db().now_ms());
    Ok(write.run(statement).await? > 0)
}
