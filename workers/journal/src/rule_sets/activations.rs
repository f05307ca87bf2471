//! Which rule set people have put in force.

use earmark_core::Tenant;
use earmark_core::audit::{AuditEvent, AuditKind};
use serde_json::json;
use sqlx::any::AnyRow;

use super::RuleSets;
use crate::database::{Database, Write, column, storable};
use crate::person_text::check_note;
use crate::{JournalError, audit};

/// The state before the first activation.
const CONFIGURED: i64 = 0;

/// A rule set that was put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// Its number, from 1.
    pub seq: i64,
    /// Hash of the set; none for the one at each process's configured path.
    pub sha256: Option<String>,
    /// The one before, where it is known.
    pub previous: Option<String>,
    /// When it was put in force.
    pub at_ms: i64,
    /// Who put it in force.
    pub by: String,
    /// Why, in their words.
    pub note: Option<String>,
}

/// A row, with its place among the others.
struct Row {
    activation: Activation,
    effective: i64,
    before_seq: Option<i64>,
}

impl RuleSets {
    /// The last activation; none while nobody ever put a set in force.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn in_force(&self) -> Result<Option<Activation>, JournalError> {
        let found = sqlx::query("SELECT * FROM rule_activations ORDER BY seq DESC LIMIT 1")
            .fetch_optional(self.db.pool())
            .await;
        let found = self.db.map(found)?.map(|found| row(&self.db, &found)).transpose()?;
        Ok(found.map(|row| row.activation))
    }

    /// Puts the kept set `sha256` in force, or gives the configured path the say again; `configured` is the hash of the
    /// set there. On record, in the default tenant's log. None when that is so already: then nothing is written.
    ///
    /// # Errors
    /// [`JournalError::NoSuchRuleSet`], [`JournalError::TextTooLong`], [`JournalError::NulInText`].
    pub async fn activate(
        &self,
        sha256: Option<&str>,
        configured: Option<&str>,
        by: &str,
        note: Option<&str>,
    ) -> Result<Option<Activation>, JournalError> {
        check_note(note)?;
        if let Some(sha256) = sha256
            && self.get(sha256).await?.is_none()
        {
            return Err(JournalError::NoSuchRuleSet(sha256.into()));
        }
        let mut write = self.db.write().await?;
        let last = last(&mut write).await?;
        let before = last.as_ref().and_then(|last| last.activation.sha256.clone());
        if before.as_deref() == sha256 {
            return Ok(None);
        }
        let seq = last.as_ref().map_or(1, |last| last.activation.seq + 1);
        let activation = Activation {
            seq,
            sha256: sha256.map(Into::into),
            previous: before.or_else(|| configured.map(Into::into)),
            at_ms: self.db.now_ms(),
            by: by.into(),
            note: note.map(storable),
        };
        let before_seq = last.map_or(CONFIGURED, |last| last.effective);
        let new = Row { activation, effective: seq, before_seq: Some(before_seq) };
        self.add(write, new, AuditKind::RulesActivated).await.map(Some)
    }

    /// Puts the set in force that was before the present one; each time one further back. On record.
    ///
    /// # Errors
    /// [`JournalError::NothingBefore`] when no activation is in force.
    pub async fn roll_back(&self, by: &str, note: Option<&str>) -> Result<Activation, JournalError> {
        check_note(note)?;
        let mut write = self.db.write().await?;
        let last = last(&mut write).await?.ok_or(JournalError::NothingBefore)?;
        let present = numbered(&mut write, last.effective).await?.ok_or(JournalError::NothingBefore)?;
        let effective = present.before_seq.ok_or(JournalError::NothingBefore)?;
        let restored = numbered(&mut write, effective).await?;
        let activation = Activation {
            seq: last.activation.seq + 1,
            sha256: restored.and_then(|restored| restored.activation.sha256),
            previous: last.activation.sha256,
            at_ms: self.db.now_ms(),
            by: by.into(),
            note: note.map(storable),
        };
        self.add(write, Row { activation, effective, before_seq: None }, AuditKind::RulesRolledBack).await
    }

    async fn add(&self, mut write: Write, new: Row, kind: AuditKind) -> Result<Activation, JournalError> {
        let Row { activation, effective, before_seq } = new;
        let statement = sqlx::query(
            "INSERT INTO rule_activations (seq, sha256, previous, effective, before_seq, at_ms, activated_by, note)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(activation.seq)
        .bind(activation.sha256.clone())
        .bind(activation.previous.clone())
        .bind(effective)
        .bind(before_seq)
        .bind(activation.at_ms)
        .bind(storable(&activation.by))
        .bind(activation.note.clone());
        write.run(statement).await?;
        let payload = json!({
            "seq": activation.seq, "sha256": activation.sha256, "previous": activation.previous, "note": activation.note,
        });
        audit::append(&mut write, &[event(&activation.by, kind, activation.sha256.as_deref(), payload)]).await?;
        write.commit().await?;
        Ok(activation)
    }
}

/// An entry of the default tenant's log: rules are everybody's.
pub(super) fn event(actor: &str, kind: AuditKind, sha256: Option<&str>, payload: serde_json::Value) -> AuditEvent {
    AuditEvent {
        actor: actor.into(),
        tenant: Tenant::default(),
        kind,
        job_id: None,
        payload,
        rule_set_sha256: sha256.map(Into::into),
        engine: None,
        audio_sha256: None,
    }
}

/// The last row; nobody else adds one before this transaction has ended.
async fn last(write: &mut Write) -> Result<Option<Row>, JournalError> {
    audit::lock_chain(write, &Tenant::default()).await?;
    let found = write.row(sqlx::query("SELECT * FROM rule_activations ORDER BY seq DESC LIMIT 1")).await?;
    found.map(|found| row(write.db(), &found)).transpose()
}

async fn numbered(write: &mut Write, seq: i64) -> Result<Option<Row>, JournalError> {
    let found = write.row(sqlx::query("SELECT * FROM rule_activations WHERE seq = $1").bind(seq)).await?;
    found.map(|found| row(write.db(), &found)).transpose()
}

fn row(db: &Database, found: &AnyRow) -> Result<Row, JournalError> {
    let activation = Activation {
        seq: column(db, found, "seq")?,
        sha256: column(db, found, "sha256")?,
        previous: column(db, found, "previous")?,
        at_ms: column(db, found, "at_ms")?,
        by: column(db, found, "activated_by")?,
        note: column(db, found, "note")?,
    };
    Ok(Row { activation, effective: column(db, found, "effective")?, before_seq: column(db, found, "before_seq")? })
}
