//! Alerts: what someone has to look at, each a row of a list and a message of the outbox.

use earmark_core::audit::{AuditEvent, AuditKind};
use earmark_core::{JobId, MessageKind, Tenant, rfc3339};
use serde_json::json;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::JournalError;
use crate::audit;
use crate::database::{Database, Query, Write, column, parsed, storable};
use crate::outbox::{self, NewMessage, Outbox, optional_job};

/// Target of the log lines that say that an alert was raised.
pub const ALERT_LOG: &str = "earmark::alert";

/// An alert to be raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAlert {
    /// A stable word: `finding.critical`, `job.dead`, `job.quarantined`.
    pub kind: String,
    /// One sentence; no transcript.
    pub message: String,
}

/// An alert that was raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its id, a UUID.
    pub id: String,
    /// The tenant it concerns; the default one for what concerns all.
    pub tenant: Tenant,
    /// A stable word.
    pub kind: String,
    /// Which job, where there is one.
    pub job_id: Option<JobId>,
    /// One sentence for a person; no transcript.
    pub message: String,
    /// When it was raised.
    pub raised_at_ms: i64,
    /// How often it happened; nobody was told of the later ones.
    pub times: u64,
    /// When it happened last, where that was more than once.
    pub last_at_ms: Option<i64>,
    /// When and by whom it was seen to.
    pub acked: Option<(i64, String)>,
    /// Why it was closed, where nobody had to see to it.
    pub cause: Option<String>,
}

/// Which alerts are meant. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Of this tenant only; none for everybody's.
    pub tenant: Option<Tenant>,
    /// Of this kind.
    pub kind: Option<String>,
    /// About this: of dead letters the error's code, of an account its name.
    pub subject: Option<String>,
    /// That happened, for the last time, at this instant or later.
    pub since_ms: Option<i64>,
    /// That happened, for the last time, before this instant.
    pub until_ms: Option<i64>,
    /// Leaves out those that were seen to.
    pub is_open: bool,
}

impl AlertFilter {
    /// Its condition in SQL for a row of `alerts`, of five values from `$1` on.
    fn condition(&self) -> String {
        let open = if self.is_open { "acked_at_ms IS NULL AND" } else { "" };
        format!(
            "{open} ($1 = '' OR tenant = $1) AND ($2 = '' OR kind = $2) AND ($3 = '' OR subject = $3)
             AND COALESCE(last_at_ms, raised_at_ms) >= $4 AND COALESCE(last_at_ms, raised_at_ms) < $5"
        )
    }

    fn bind<'q>(&self, query: Query<'q>) -> Query<'q> {
        let text = |text: &Option<String>| text.as_deref().map(storable).unwrap_or_default();
        query
            .bind(self.tenant.as_ref().map_or(String::new(), ToString::to_string))
            .bind(text(&self.kind))
            .bind(text(&self.subject))
            .bind(self.since_ms.unwrap_or(i64::MIN))
            .bind(self.until_ms.unwrap_or(i64::MAX))
    }
}

impl Outbox {
    /// Alerts of `tenant`, newest first; `is_open` leaves out those that were seen to.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn alerts(&self, tenant: Option<&Tenant>, is_open: bool, limit: u32) -> Result<Vec<Alert>, JournalError> {
        self.chosen_alerts(&AlertFilter { tenant: tenant.cloned(), is_open, ..AlertFilter::default() }, limit).await
    }

    /// Alerts that `filter` lets through, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn chosen_alerts(&self, filter: &AlertFilter, limit: u32) -> Result<Vec<Alert>, JournalError> {
        let condition = filter.condition();
        let statement = format!("SELECT * FROM alerts WHERE {condition} ORDER BY raised_at_ms DESC, id DESC LIMIT $6");
        // Words and placeholders of ours only; every value is bound.
        let query = filter.bind(sqlx::query(AssertSqlSafe(statement))).bind(i64::from(limit));
        let rows = query.fetch_all(self.database().pool()).await;
        self.database().map(rows)?.iter().map(|row| alert(self.database(), row)).collect()
    }

    /// How many alerts `filter` lets through.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn count_alerts(&self, filter: &AlertFilter) -> Result<u64, JournalError> {
        let statement = format!("SELECT COUNT(*) AS found FROM alerts WHERE {}", filter.condition());
        // Words and placeholders of ours only; every value is bound.
        let row = filter.bind(sqlx::query(AssertSqlSafe(statement))).fetch_one(self.database().pool()).await;
        Ok(column::<i64>(self.database(), &self.database().map(row)?, "found")?.unsigned_abs())
    }

    /// Alerts that concern `job` and that nobody has seen to, in order of time: its own, and where it is a dead letter the
    /// one that counts those of its cause.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn open_alerts_of(&self, job: &JobId) -> Result<Vec<Alert>, JournalError> {
        let rows = sqlx::query(
            "SELECT a.* FROM alerts a WHERE a.acked_at_ms IS NULL AND (a.job_id = $1 OR EXISTS
               (SELECT 1 FROM jobs j WHERE j.id = $1 AND j.state = 'dead' AND j.tenant = a.tenant
                 AND j.error_code = a.subject AND a.kind IN ('job.dead', 'job.quarantined')))
             ORDER BY a.raised_at_ms, a.id",
        )
        .bind(job.as_str().to_owned())
        .fetch_all(self.database().pool())
        .await;
        self.database().map(rows)?.iter().map(|row| alert(self.database(), row)).collect()
    }

    /// Marks an alert as seen to.
    ///
    /// # Errors
    /// [`JournalError::NoSuchAlert`] when there is no such open alert.
    pub async fn ack_alert(&self, id: &str, actor: &str) -> Result<(), JournalError> {
        let missing = || JournalError::NoSuchAlert(id.into());
        let mut write = self.database().write().await?;
        let known = sqlx::query("SELECT tenant FROM alerts WHERE id = $1").bind(storable(id));
        let known = write.row(known).await?.ok_or_else(missing)?;
        let tenant = parsed(self.database(), &known, "tenant", Tenant::parse)?;
        // The chain before the alert: Write says why.
        audit::lock_chain(&mut write, &tenant).await?;
        let statement = sqlx::query(
            "UPDATE alerts SET acked_at_ms = $1, acked_by = $2 WHERE id = $3 AND acked_at_ms IS NULL RETURNING job_id",
        )
        .bind(self.database().now_ms())
        .bind(actor.to_owned())
        .bind(storable(id));
        let row = write.row(statement).await?.ok_or_else(missing)?;
        let event = AuditEvent {
            actor: actor.into(),
            tenant,
            kind: AuditKind::AlertAcked,
            job_id: column(self.database(), &row, "job_id")?,
            payload: json!({ "alert": id }),
            rule_set_sha256: None,
            engine: None,
            audio_sha256: None,
        };
        audit::append(&mut write, &[event]).await?;
        write.commit().await
    }
}

fn alert(db: &Database, row: &AnyRow) -> Result<Alert, JournalError> {
    let (acked_at_ms, acked_by): (Option<i64>, Option<String>) =
        (column(db, row, "acked_at_ms")?, column(db, row, "acked_by")?);
    Ok(Alert {
        id: column(db, row, "id")?,
        tenant: parsed(db, row, "tenant", Tenant::parse)?,
        kind: column(db, row, "kind")?,
        job_id: optional_job(db, row)?,
        message: column(db, row, "message")?,
        raised_at_ms: column(db, row, "raised_at_ms")?,
        times: column::<i64>(db, row, "times")?.unsigned_abs(),
        last_at_ms: column(db, row, "last_at_ms")?,
        acked: acked_at_ms.zip(acked_by),
        cause: column(db, row, "cause")?,
    })
}

/// Raises an alert: a row of the alerts' list and a message; gives its id.
pub(crate) async fn raise(
    write: &mut Write,
    tenant: &Tenant,
    job_id: Option<&JobId>,
    alert: &NewAlert,
) -> Result<String, JournalError> {
    insert(write, tenant, job_id, None, alert).await
}

/// Raises an alert about `subject`, of which many may speak: while one of this kind is open it counts this one, and
/// nobody is told again. Gives its id.
pub(crate) async fn raise_about(
    write: &mut Write,
    tenant: &Tenant,
    job_id: Option<&JobId>,
    subject: &str,
    alert: &NewAlert,
) -> Result<String, JournalError> {
    insert(write, tenant, job_id, Some(subject), alert).await
}

async fn insert(
    write: &mut Write,
    tenant: &Tenant,
    job_id: Option<&JobId>,
    subject: Option<&str>,
    alert: &NewAlert,
) -> Result<String, JournalError> {
    let id = uuid::Uuid::now_v7().to_string();
    let now_ms = write.db().now_ms();
    let statement = sqlx::query(
        "INSERT INTO alerts (id, tenant, kind, job_id, subject, message, raised_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (tenant, kind, subject) WHERE acked_at_ms IS NULL AND subject IS NOT NULL \
         DO UPDATE SET times = alerts.times + 1, last_at_ms = EXCLUDED.raised_at_ms RETURNING id, times",
    )
    .bind(id)
    .bind(tenant.as_str().to_owned())
    .bind(alert.kind.clone())
    .bind(job_id.map(|id| id.as_str().to_owned()))
    .bind(subject.map(storable))
    .bind(storable(&alert.message))
    .bind(now_ms);
    let row = write.row(statement).await?.ok_or_else(|| write.db().mapped(sqlx::Error::RowNotFound))?;
    let (id, times): (String, i64) = (column(write.db(), &row, "id")?, column(write.db(), &row, "times")?);
    if times > 1 {
        return Ok(id);
    }
    let payload = json!({ "alert_id": id, "kind": alert.kind, "message": alert.message, "tenant": tenant, "job_id": job_id, "raised_at": rfc3339(now_ms) });
    outbox::post(write, NewMessage { tenant, kind: MessageKind::Alert, job_id, payload }).await?;
    Ok(id)
}

/// Closes what is open of `kind` about `subject`, for its cause is gone.
pub(crate) async fn close_about(
    write: &mut Write,
    kind: &str,
    subject: &str,
    actor: &str,
    cause: &str,
) -> Result<(), JournalError> {
    let statement = sqlx::query(
        "UPDATE alerts SET acked_at_ms = $1, acked_by = $2, cause = $3 WHERE kind = $4 AND subject = $5 AND acked_at_ms IS NULL",
    )
    .bind(write.db().now_ms())
    .bind(actor.to_owned())
    .bind(cause.to_owned())
    .bind(kind.to_owned())
    .bind(storable(subject));
    write.run(statement).await?;
    Ok(())
}

/// A dead letter of `tenant` with the code `code` is none any more, which this transaction wrote: closes the alert that
/// counts those of its cause, if it was the last; else the alert speaks of one that is left.
pub(crate) async fn one_dead_less(
    write: &mut Write,
    tenant: &Tenant,
    code: &str,
    actor: &str,
) -> Result<(), JournalError> {
    const OPEN: &str =
        "tenant = $1 AND subject = $2 AND kind IN ('job.dead', 'job.quarantined') AND acked_at_ms IS NULL";
    let bound = |statement: String| {
        // Words of ours only; the values are bound.
        sqlx::query(AssertSqlSafe(statement)).bind(tenant.as_str().to_owned()).bind(storable(code))
    };
    // Its row is locked before anybody looks: of two who take the last two away at the same time one sees what the other did.
    if write.run(bound(format!("UPDATE alerts SET times = times WHERE {OPEN}"))).await? == 0 {
        return Ok(());
    }
    let left = bound(
        "SELECT id FROM jobs WHERE tenant = $1 AND error_code = $2 AND state = 'dead' ORDER BY id LIMIT 1".into(),
    );
    let statement = match write.row(left).await? {
        Some(left) => {
            let left: String = column(write.db(), &left, "id")?;
            let gone = "NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = alerts.job_id AND j.state = 'dead')";
            bound(format!("UPDATE alerts SET job_id = $3 WHERE {OPEN} AND {gone}")).bind(left)
        }
        None => bound(format!("UPDATE alerts SET acked_at_ms = $3, acked_by = $4, cause = $5 WHERE {OPEN}"))
            .bind(write.db().now_ms())
            .bind(actor.to_owned())
            .bind("none of these jobs is dead any more"),
    };
    write.run(statement).await?;
    Ok(())
}

/// Closes an alert that turned out to be none, unless somebody has seen to it already.
pub(crate) async fn close(write: &mut Write, id: &str, actor: &str, cause: &str) -> Result<(), JournalError> {
    let statement = sqlx::query(
        "UPDATE alerts SET acked_at_ms = $1, acked_by = $2, cause = $3 WHERE id = $4 AND acked_at_ms IS NULL",
    )
    .bind(write.db().now_ms())
    .bind(actor.to_owned())
    .bind(cause.to_owned())
    .bind(id.to_owned());
    write.run(statement).await?;
    Ok(())
}
