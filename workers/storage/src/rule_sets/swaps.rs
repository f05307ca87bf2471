//! What running processes say of the rules: that they went over to others, or refused them.

use earmark_core::Tenant;
use serde_json::json;

use super::RuleSets;
use super::activations::event;
use crate::database::{column, storable};
use crate::outbox::{self, NewAlert};
use crate::{StorageError, audit};

/// The one row of `rules_in_force`.
const PLACE: &str = "all";
/// Why an alert about refused rules is closed.
const GOOD_AGAIN: &str = "good rules are there again";

impl RuleSets {
    /// Notes that this process goes by the set `sha256` from now on, because of `cause`. On record (`rules.swapped`, in
    /// the default tenant's log) when another set was noted before: once, however many processes go over to it.
    ///
    /// # Errors
    /// [`StorageError`] when the database fails.
    pub async fn note_in_force(&self, sha256: &str, cause: &str, actor: &str) -> Result<bool, StorageError> {
        let noted = sqlx::query("SELECT sha256 FROM rules_in_force WHERE place = $1 AND sha256 = $2")
            .bind(PLACE)
            .bind(sha256.to_owned())
            .fetch_optional(self.db.pool())
            .await;
        if self.db.map(noted)?.is_some() {
            return Ok(false);
        }
        let mut write = self.db.write().await?;
        audit::hold(&mut write, &Tenant::default()).await?;
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
            audit::append(&mut write, &[event(actor, "rules.swapped", Some(sha256), payload)]).await?;
        }
        write.commit().await?;
        Ok(before.is_some())
    }

    /// Raises an alert about rules that were refused, saying `message`; `content_sha256` tells them from others. False
    /// when they were refused before and no good ones were there since.
    ///
    /// # Errors
    /// [`StorageError`] when the database fails.
    pub async fn refuse(&self, content_sha256: &str, message: &str) -> Result<bool, StorageError> {
        let mut write = self.db.write().await?;
        // Held until the end, so that of several processes one raises the alert.
        let statement = sqlx::query(
            "INSERT INTO rule_refusals (content_sha256, alert_id, refused_at_ms) VALUES ($1, '', $2)
             ON CONFLICT (content_sha256) DO UPDATE SET refused_at_ms = excluded.refused_at_ms, cleared_at_ms = NULL, alert_id = ''
             WHERE rule_refusals.cleared_at_ms IS NOT NULL",
        )
        .bind(content_sha256.to_owned())
        .bind(self.db.now_ms());
        if write.run(statement).await? == 0 {
            return Ok(false);
        }
        let alert = NewAlert { kind: "rules.refused".into(), message: storable(message) };
        let id = outbox::raise(&mut write, &Tenant::default(), None, &alert).await?;
        let statement = sqlx::query("UPDATE rule_refusals SET alert_id = $1 WHERE content_sha256 = $2")
            .bind(id)
            .bind(content_sha256.to_owned());
        write.run(statement).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Good rules are there again: closes the alerts about those that were refused; gives how many.
    ///
    /// # Errors
    /// [`StorageError`] when the database fails.
    pub async fn clear_refusals(&self, actor: &str) -> Result<usize, StorageError> {
        let mut write = self.db.write().await?;
        let statement =
            sqlx::query("UPDATE rule_refusals SET cleared_at_ms = $1 WHERE cleared_at_ms IS NULL RETURNING alert_id")
                .bind(self.db.now_ms());
        let cleared = write.rows(statement).await?;
        for row in &cleared {
            let id: String = column(&self.db, row, "alert_id")?;
            outbox::close(&mut write, &id, actor, GOOD_AGAIN).await?;
        }
        write.commit().await?;
        Ok(cleared.len())
    }
}
