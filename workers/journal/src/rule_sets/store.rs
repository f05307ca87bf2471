//! The rule sets that were in force, kept as evidence.

use serde_json::Value;
use sqlx::any::AnyRow;

use crate::JournalError;
use crate::database::{Database, column, json, parsed};

/// A rule set as it was when it was first used.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRuleSet {
    /// Of its files, in hex.
    pub sha256: String,
    /// Its own name.
    pub name: String,
    /// Its files: an object of names and texts.
    pub sources: Value,
    /// When it was first used.
    pub first_seen_ms: i64,
}

/// Rule sets in the database. What is there is never changed.
#[derive(Debug, Clone)]
pub struct RuleSets {
    pub(super) db: Database,
}

impl RuleSets {
    /// The rule sets of `db`.
    pub fn new(db: Database) -> Self {
        Self { db }
    }

    /// Keeps a rule set, unless it is kept already.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn put(&self, sha256: &str, name: &str, sources: &Value) -> Result<(), JournalError> {
        if self.get(sha256).await?.is_some() {
            return Ok(());
        }
        let mut write = self.db.write().await?;
        let statement = sqlx::query("INSERT INTO rule_sets (sha256, name, sources, first_seen_ms) VALUES ($1, $2, $3, $4) ON CONFLICT (sha256) DO NOTHING")
            .bind(sha256.to_owned())
            .bind(name.to_owned())
            .bind(json("rule set", sources)?)
            .bind(self.db.now_ms());
        write.run(statement).await?;
        write.commit().await
    }

    /// The rule set with this hash.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn get(&self, sha256: &str) -> Result<Option<StoredRuleSet>, JournalError> {
        let found = sqlx::query("SELECT * FROM rule_sets WHERE sha256 = $1")
            .bind(sha256.to_owned())
            .fetch_optional(self.db.pool())
            .await;
        self.db.map(found)?.map(|row| stored(&self.db, &row)).transpose()
    }

    /// The rule set whose hash begins with `text`.
    ///
    /// # Errors
    /// [`JournalError::NoSuchRuleSet`], [`JournalError::AmbiguousRuleSet`].
    pub async fn find(&self, text: &str) -> Result<StoredRuleSet, JournalError> {
        if text.is_empty() || !text.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(JournalError::NoSuchRuleSet(text.into()));
        }
        let rows = sqlx::query("SELECT * FROM rule_sets WHERE sha256 LIKE $1 LIMIT 2")
            .bind(format!("{}%", text.to_ascii_lowercase()))
            .fetch_all(self.db.pool())
            .await;
        match self.db.map(rows)?.as_slice() {
            [] => Err(JournalError::NoSuchRuleSet(text.into())),
            [row] => stored(&self.db, row),
            _ => Err(JournalError::AmbiguousRuleSet(text.into())),
        }
    }

    /// At most `limit` rule sets, those first seen last before the others.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn latest(&self, limit: u32) -> Result<Vec<StoredRuleSet>, JournalError> {
        let rows = sqlx::query("SELECT * FROM rule_sets ORDER BY first_seen_ms DESC, sha256 LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(self.db.pool())
            .await;
        self.db.map(rows)?.iter().map(|row| stored(&self.db, row)).collect()
    }
}

fn stored(db: &Database, row: &AnyRow) -> Result<StoredRuleSet, JournalError> {
    Ok(StoredRuleSet {
        sha256: column(db, row, "sha256")?,
        name: column(db, row, "name")?,
        sources: parsed(db, row, "sources", |text| serde_json::from_str(text))?,
        first_seen_ms: column(db, row, "first_seen_ms")?,
    })
}
