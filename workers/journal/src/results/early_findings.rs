//! What was told early, measured by the whole recording: confirmed or withdrawn, once, in the transaction of the result.

use earmark_core::audit::AuditKind;
use earmark_core::{Action, Finding, Job, MessageKind, Report};
use serde_json::{Value, json};
use sqlx::any::AnyRow;

use crate::JournalError;
use crate::alerts::{self, NewAlert};
use crate::database::{Database, Write, column};
use crate::outbox::{self, NewMessage};
use crate::{audit, jobs};

/// The words at a clip's edge may belong to a sentence that was cut there, and then count as said in the clip beside it:
/// so much (the longest pause within a sentence) a final finding may lie outside of the clip. Within the clip every place
/// confirms: an early place is estimated from how far into the clip's text the words stand, and may be off by its length.
const TOLERANCE_MS: u64 = 600;

/// Why it was withdrawn, for people.
const CAUSE: &str = "the whole recording does not confirm it";

/// A finding that was told.
struct Early {
    rule_id: String,
    channel: i64,
    clip_start_ms: u64,
    clip_end_ms: u64,
    start_ms: u64,
    end_ms: u64,
    alert_id: Option<String>,
}

/// Withdraws what `report` does not confirm of what was told of `job`; gives an alert for each rule that asks for one and
/// raised none so far.
pub(super) async fn confirm(
    write: &mut Write,
    job: &Job,
    actor: &str,
    report: &Report,
) -> Result<Vec<NewAlert>, JournalError> {
    let rows = sqlx::query(
        "SELECT rule_id, channel, clip_start_ms, clip_end_ms, start_ms, end_ms, alert_id FROM told_early
         WHERE job_id = $1 AND settled_at_ms IS NULL ORDER BY clip_start_ms, channel, rule_id",
    )
    .bind(job.id.as_str().to_owned());
    let rows = write.rows(rows).await?;
    let early = rows.iter().map(|row| early(write.db(), row)).collect::<Result<Vec<_>, _>>()?;
    let mut alerted: Vec<&Finding> = Vec::new();
    for early in &early {
        let confirming: Vec<&Finding> =
            report.findings.iter().filter(|finding| early.is_confirmed_by(finding)).collect();
        mark(write, job, early, !confirming.is_empty()).await?;
        if confirming.is_empty() {
            withdraw(write, job, actor, early, report).await?;
        } else if early.alert_id.is_some() {
            alerted.extend(confirming);
        }
    }
    let is_alerted = |finding: &Finding| alerted.iter().any(|known| known.id == finding.id);
    let wanting = report.findings.iter().filter(|finding| finding.actions.contains(&Action::Alert));
    Ok(alerts(job, &wanting.filter(|finding| !is_alerted(finding)).collect::<Vec<_>>()))
}

impl Early {
    fn is_confirmed_by(&self, finding: &Finding) -> bool {
        let is_here = |channel: Option<u16>, start_ms: u64, end_ms: u64| {
            channel.is_none_or(|channel| i64::from(channel) == self.channel)
                && start_ms < self.clip_end_ms + TOLERANCE_MS
                && end_ms + TOLERANCE_MS > self.clip_start_ms
        };
        let mut evidence = finding.evidence.iter();
        finding.rule_id == self.rule_id
            && (is_here(finding.channel, finding.start_ms, finding.end_ms)
                || evidence.any(|place| is_here(place.channel, place.start_ms, place.end_ms)))
    }

    /// What is said of it; the words never.
    fn place(&self) -> Value {
        json!({
            "finding_key": finding_key(self.channel, self.clip_start_ms, &self.rule_id), "rule_id": self.rule_id,
            "channel": self.channel, "start_ms": self.start_ms, "end_ms": self.end_ms, "cause": CAUSE,
        })
    }
}

/// The name by which a withdrawal knows what was told.
pub fn finding_key(channel: impl std::fmt::Display, clip_start_ms: u64, rule_id: &str) -> String {
    format!("{channel}/{clip_start_ms}/{rule_id}")
}

async fn mark(write: &mut Write, job: &Job, early: &Early, is_confirmed: bool) -> Result<(), JournalError> {
    let statement = sqlx::query(
        "UPDATE told_early SET settled_at_ms = $1, is_confirmed = $2
         WHERE job_id = $3 AND channel = $4 AND clip_start_ms = $5 AND rule_id = $6",
    )
    .bind(write.db().now_ms())
    .bind(i64::from(is_confirmed))
    .bind(job.id.as_str().to_owned())
    .bind(early.channel)
    .bind(early.clip_start_ms.cast_signed())
    .bind(early.rule_id.clone());
    write.run(statement).await?;
    Ok(())
}

async fn withdraw(
    write: &mut Write,
    job: &Job,
    actor: &str,
    early: &Early,
    report: &Report,
) -> Result<(), JournalError> {
    let mut payload = json!({
        "job_id": job.id, "tenant": job.tenant, "lane": job.lane, "key": job.key, "metadata": job.metadata,
        "alert_id": early.alert_id,
    });
    if let (Some(payload), Value::Object(place)) = (payload.as_object_mut(), early.place()) {
        payload.extend(place);
    }
    let message =
        NewMessage { tenant: &job.tenant, kind: MessageKind::FindingWithdrawn, job_id: Some(&job.id), payload };
    outbox::post(write, message).await?;
    let mut event = jobs::event(job, actor, AuditKind::FindingWithdrawn, early.place());
    event.rule_set_sha256 = Some(report.rule_set.sha256.clone());
    if let (Some(payload), Some(alert_id)) = (event.payload.as_object_mut(), &early.alert_id) {
        payload.insert("alert".into(), json!(alert_id));
    }
    audit::append(write, &[event]).await?;
    if let Some(alert_id) = &early.alert_id {
        alerts::close(write, alert_id, actor, CAUSE).await?;
    }
    tracing::info!(job.id = %job.id, rule = early.rule_id, "withdrew what was told early: {CAUSE}");
    Ok(())
}

/// One for each rule among `findings`.
fn alerts(job: &Job, findings: &[&Finding]) -> Vec<NewAlert> {
    let mut rules: Vec<(&Finding, usize)> = Vec::new();
    for finding in findings {
        match rules.iter_mut().find(|(first, _)| first.rule_id == finding.rule_id) {
            Some((_, times)) => *times += 1,
            None => rules.push((finding, 1)),
        }
    }
    let alert = |(first, times): &(&Finding, usize)| {
        let more = if *times > 1 { format!(", and {} more", times - 1) } else { String::new() };
        NewAlert {
            kind: "finding.alert".into(),
            message: format!("rule {} in job {} at {}{more}", first.rule_id, job.id, first.clock()),
        }
    };
    rules.iter().map(alert).collect()
}

fn early(db: &Database, row: &AnyRow) -> Result<Early, JournalError> {
    let ms = |name| column::<i64>(db, row, name).map(i64::unsigned_abs);
    Ok(Early {
        rule_id: column(db, row, "rule_id")?,
        channel: column(db, row, "channel")?,
        clip_start_ms: ms("clip_start_ms")?,
        clip_end_ms: ms("clip_end_ms")?,
        start_ms: ms("start_ms")?,
        end_ms: ms("end_ms")?,
        alert_id: column(db, row, "alert_id")?,
    })
}
