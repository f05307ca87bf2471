//! What running processes say of the rules: that they went over to others, or refused them.

use earmark_core::Tenant;
use earmark_core::audit::AuditKind;
use serde_json::json;

use super::RuleSets;
use super::activations::event;
use crate::alerts::{self, NewAlert};
use crate::database::{Write, column, storable};
use crate::{JournalError, audit};

/// The one row of `rules_in_force`.
const PLACE: &str = "all";
/// Why an alert about refused rules is closed.
const GOOD_AGAIN: &str = "good rules are there again";
/// The same, where a mistake gave way to another.
const OTHERS_INSTEAD: &str = "other rules are refused instead";
/// The same, where whoever refused them fell silent.
const GONE: &str = "the process that refused them is gone";

impl RuleSets {
    /// Notes that this process goes by the set `sha256` from now on, because of `cause`. On record (`rules.swapped`, in
    /// the default tenant's log) when another set was noted before: once, however many processes go over to it.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn note_in_force(&self, sha256: &str, cause: &str, actor: &str) -> Result<bool, JournalError> {
        let noted = sqlx::query("SELECT sha256 FROM rules_in_force WHERE place = $1 AND sha256 = $2")
            .bind(PLACE)
            .bind(sha256.to_owned())
            .fetch_optional(self.db.pool())
            .await;
        if self.db.map(noted)?.is_some() {
            return Ok(false);
        }
        let mut write = self.db.write().await?;
        audit::lock_chain(&mut write, &Tenant::default()).await?;
        let before = write.row(sqlx::query("SELECT sha256 FROM rules_in_force WHERE place = $1").bind(PLACE)).await?;
        let before: Option<String> = before.map(|row| column(&self.db, &row, "sha256")).transpose()?;
        if before.as_deref() == Some(sha256) {
            return Ok(false);
        }
        let statement = sqlx::query(
            "INSERT INTO rules_in_force (place, sha256, since_ms) VALUES ($1, $2, $3)
             ON CONFLICT (place) DO UPDATE SET sha256 = excluded.sha256, since_ms = excluded.since_ms",
        )
        .bind(PLACE)
        .bind(sha256.to_owned())
        .bind(self.db.now_ms());
        write.run(statement).await?;
        if let Some(before) = &before {
            let payload = json!({ "sha256": sha256, "previous": before, "cause": cause });
            audit::append(&mut write, &[event(actor, AuditKind::RulesSwapped, Some(sha256), payload)]).await?;
        }
        write.commit().await?;
        Ok(before.is_some())
    }

    /// Notes that `process` refuses rules, for `lease_ms` or until it says otherwise, and raises an alert that says
    /// `message`; `content_sha256` tells the rules from others. False when that alert is there already: because the
    /// process said so before, or another did. What it refused before counts no more.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn refuse(
        &self,
        process: &str,
        content_sha256: &str,
        message: &str,
        lease_ms: i64,
    ) -> Result<bool, JournalError> {
        let mut write = self.db.write().await?;
        // Of several processes one raises the alert, and none closes it while another begins to refuse.
        audit::lock_chain(&mut write, &Tenant::default()).await?;
        let now_ms = self.db.now_ms();
        let statement = sqlx::query(
            "INSERT INTO rule_refusers (process, content_sha256, until_ms) VALUES ($1, $2, $3)
             ON CONFLICT (process) DO UPDATE SET content_sha256 = excluded.content_sha256, until_ms = excluded.until_ms",
        )
        .bind(process.to_owned())
        .bind(content_sha256.to_owned())
        .bind(now_ms + lease_ms);
        write.run(statement).await?;
        close_unrefused(&mut write, process, OTHERS_INSTEAD).await?;
        let statement = sqlx::query(
            "INSERT INTO rule_refusals (content_sha256, alert_id, refused_at_ms) VALUES ($1, '', $2)
             ON CONFLICT (content_sha256) DO UPDATE SET refused_at_ms = excluded.refused_at_ms, cleared_at_ms = NULL, alert_id = ''
             WHERE rule_refusals.cleared_at_ms IS NOT NULL",
        )
        .bind(content_sha256.to_owned())
        .bind(now_ms);
        let is_news = write.run(statement).await? > 0;
        if is_news {
            let alert = NewAlert { kind: "rules.refused".into(), message: storable(message) };
            let id = alerts::raise(&mut write, &Tenant::default(), None, &alert).await?;
            let statement = sqlx::query("UPDATE rule_refusals SET alert_id = $1 WHERE content_sha256 = $2")
                .bind(id)
                .bind(content_sha256.to_owned());
            write.run(statement).await?;
        }
        write.commit().await?;
        Ok(is_news)
    }

    /// `process` has good rules: closes the alerts about those that it refused, unless others refuse them still, and those
    /// of processes that have not said for the time of their lease that they do; gives how many.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn clear_refusals(&self, process: &str) -> Result<usize, JournalError> {
        // Asked over and over, and nearly always for nothing: no turn to write is waited for then.
        let found = sqlx::query("SELECT process FROM rule_refusers WHERE process = $1 OR until_ms <= $2 LIMIT 1")
            .bind(process.to_owned())
            .bind(self.db.now_ms())
            .fetch_optional(self.db.pool())
            .await;
        if self.db.map(found)?.is_none() {
            return Ok(0);
        }
        let mut write = self.db.write().await?;
        audit::lock_chain(&mut write, &Tenant::default()).await?;
        let statement = sqlx::query("DELETE FROM rule_refusers WHERE process <> $1 AND until_ms <= $2")
            .bind(process.to_owned())
            .bind(self.db.now_ms());
        write.run(statement).await?;
        let mut closed = close_unrefused(&mut write, process, GONE).await?;
        write.run(sqlx::query("DELETE FROM rule_refusers WHERE process = $1").bind(process.to_owned())).await?;
        closed += close_unrefused(&mut write, process, GOOD_AGAIN).await?;
        write.commit().await?;
        Ok(closed)
    }
}

/// Closes the alerts about rules that nobody refuses any more; gives how many.
async fn close_unrefused(write: &mut Write, actor: &str, cause: &str) -> Result<usize, JournalError> {
    let now_ms = write.db().now_ms();
    let statement = sqlx::query(
        "UPDATE rule_refusals SET cleared_at_ms = $1 WHERE cleared_at_ms IS NULL AND NOT EXISTS
         (SELECT 1 FROM rule_refusers WHERE rule_refusers.content_sha256 = rule_refusals.content_sha256)
         RETURNING alert_id",
    )
    .bind(now_ms);
    let closed = write.rows(statement).await?;
    for row in &closed {
        let id: String = column(write.db(), row, "alert_id")?;
        alerts::close(write, &id, actor, cause).await?;
    }
    Ok(closed.len())
}
