//! Lanes and tenants of which nothing is taken for a while. What runs goes on.

use earmark_core::audit::{AuditEvent, AuditKind};
use earmark_core::{Lane, Tenant, rfc3339};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::json;
use sqlx::any::AnyRow;

use super::Journal;
use crate::JournalError;
use crate::audit;
use crate::database::{Database, column, parsed};

/// SQL that is true for a row `t` with a lane and a tenant of which jobs may be taken.
pub(crate) const NOT_PAUSED: &str = "NOT EXISTS (SELECT 1 FROM pauses p WHERE (p.lane = '' OR p.lane = t.lane) AND (p.tenant = '' OR p.tenant = t.tenant))";

/// A pause: of a lane, of a tenant, of a tenant's jobs in a lane, or of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Which lane; none for all.
    pub lane: Option<Lane>,
    /// Whose jobs; none for everybody's.
    pub tenant: Option<Tenant>,
    /// The instant from which it holds.
    pub since_ms: i64,
    /// Who paused it.
    pub by: String,
}

impl Serialize for Pause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pause = serializer.serialize_struct("Pause", 5)?;
        pause.serialize_field("lane", &self.lane)?;
        pause.serialize_field("tenant", &self.tenant)?;
        pause.serialize_field("since", &rfc3339(self.since_ms))?;
        pause.serialize_field("since_ms", &self.since_ms)?;
        pause.serialize_field("by", &self.by)?;
        pause.end()
    }
}

impl Journal {
    /// Has no more jobs taken of `lane` (none: of any) and `tenant` (none: of any) until that is resumed. True if this
    /// was not paused already. On record.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn pause(&self, lane: Option<Lane>, tenant: Option<&Tenant>, actor: &str) -> Result<bool, JournalError> {
        let mut write = self.db.write().await?;
        let statement = sqlx::query(
            "INSERT INTO pauses (lane, tenant, paused_at_ms, paused_by) VALUES ($1, $2, $3, $4) ON CONFLICT (lane, tenant) DO NOTHING",
        )
        .bind(lane.map_or("", Lane::as_str))
        .bind(tenant.map_or("", Tenant::as_str).to_owned())
        .bind(self.db.now_ms())
        .bind(actor.to_owned());
        if write.run(statement).await? == 0 {
            return Ok(false);
        }
        audit::append(&mut write, &[event(AuditKind::QueuePaused, lane, tenant, actor)]).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Lifts every pause of `lane` (none: of any) and `tenant` (none: of any), and gives what was lifted. A wider pause
    /// stays. Who waits for jobs in this process looks at once. On record.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn resume(
        &self,
        lane: Option<Lane>,
        tenant: Option<&Tenant>,
        actor: &str,
    ) -> Result<Vec<Pause>, JournalError> {
        let mut write = self.db.write().await?;
        let (lane, tenant) = (lane.map_or("", Lane::as_str), tenant.map_or("", Tenant::as_str).to_owned());
        let lifted =
            sqlx::query("DELETE FROM pauses WHERE ($1 = '' OR lane = $1) AND ($2 = '' OR tenant = $2) RETURNING *");
        let lifted = write.rows(lifted.bind(lane).bind(tenant.clone())).await?;
        let mut lifted = lifted.iter().map(|found| pause(&self.db, found)).collect::<Result<Vec<_>, _>>()?;
        if lifted.is_empty() {
            return Ok(lifted);
        }
        // Chains are appended to in the order of their tenants, everywhere.
        lifted.sort_by(|a, b| (&a.tenant, a.lane).cmp(&(&b.tenant, b.lane)));
        let mut events: Vec<_> = lifted
            .iter()
            .map(|pause| event(AuditKind::QueueResumed, pause.lane, pause.tenant.as_ref(), actor))
            .collect();
        events.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        // What lay in a stream was taken out and not worked on; its mark would keep it from being delivered again.
        let unmarked = sqlx::query(
            "UPDATE jobs SET queued_until_ms = NULL WHERE state = 'ready' AND queued_until_ms IS NOT NULL
                AND ($1 = '' OR lane = $1) AND ($2 = '' OR tenant = $2)",
        );
        write.run(unmarked.bind(lane).bind(tenant)).await?;
        audit::append(&mut write, &events).await?;
        write.commit().await?;
        self.tell_ready();
        Ok(lifted)
    }

    /// What is paused, by lane and tenant; the pauses of everything first.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn pauses(&self) -> Result<Vec<Pause>, JournalError> {
        let rows = sqlx::query("SELECT * FROM pauses ORDER BY lane, tenant").fetch_all(self.db.pool()).await;
        self.db.map(rows)?.iter().map(|found| pause(&self.db, found)).collect()
    }

    /// SQL that is true for a row `t` with a lane and a tenant of which one more job may be taken now.
    pub(crate) fn may_take(&self) -> String {
        format!("{NOT_PAUSED} AND {}", self.caps.has_room("t"))
    }
}

fn pause(db: &Database, found: &AnyRow) -> Result<Pause, JournalError> {
    let lane = parsed(db, found, "lane", |word| (!word.is_empty()).then(|| word.parse::<Lane>()).transpose())?;
    let tenant = parsed(db, found, "tenant", |name| (!name.is_empty()).then(|| Tenant::parse(name)).transpose())?;
    Ok(Pause { lane, tenant, since_ms: column(db, found, "paused_at_ms")?, by: column(db, found, "paused_by")? })
}

/// In the chain of the tenant whose jobs are held up; in the default tenant's where they are everybody's.
fn event(kind: AuditKind, lane: Option<Lane>, tenant: Option<&Tenant>, actor: &str) -> AuditEvent {
    AuditEvent {
        actor: actor.into(),
        tenant: tenant.cloned().unwrap_or_default(),
        kind,
        job_id: None,
        payload: json!({ "lane": lane, "tenant": tenant }),
        rule_set_sha256: None,
        engine: None,
        audio_sha256: None,
    }
}
