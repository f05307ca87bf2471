//! What is still to be told about entries of the intake stream that became no job, or one that had ended: kept in the
//! outbox, so that an entry can be removed from a server that has no room for the answer.

use earmark_core::{JobId, Tenant};
use serde::{Deserialize, Serialize};

use super::Journal;
use super::insert::many;
use crate::JournalError;
use crate::database::{json, places};

/// Kind of a message about an entry that was rejected.
pub(super) const REJECTED: &str = "intake.rejected";
/// Kind of a message about an entry whose job had ended.
pub(super) const ENDED: &str = "intake.ended";
/// Rows per statement.
const ROWS: usize = 500;

/// Bytes as they may stand in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Bytes {
    /// UTF-8.
    Text(String),
    /// Anything else.
    Raw(Vec<u8>),
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.into()),
            Err(_) => Self::Raw(bytes.into()),
        }
    }
}

impl Bytes {
    /// The bytes themselves.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Raw(bytes) => bytes,
        }
    }
}

/// An entry of the intake stream that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedEntry {
    /// The entry.
    pub intake_id: String,
    /// The tenant that it names, where it names one.
    pub tenant: Option<String>,
    /// The key that it names.
    pub key: Option<String>,
    /// Why it was not taken, as a word for programs.
    pub code: String,
    /// The same in words.
    pub reason: String,
    /// The job that has its key.
    pub job: Option<String>,
    /// The entry's fields as they may lie about.
    pub fields: Vec<(Bytes, Bytes)>,
}

/// What is to be told about an entry, in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryAnswer {
    /// It was not taken.
    Rejected(RejectedEntry),
    /// It named a job that had ended.
    Ended {
        /// The entry.
        intake_id: String,
        /// The job.
        job: JobId,
        /// Whose it is.
        tenant: Tenant,
    },
}

impl Journal {
    /// Keeps `answers` until they are told; each entry's once, however often it is kept.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; then they are kept again.
    pub async fn keep_answers(&self, answers: &[EntryAnswer]) -> Result<(), JournalError> {
        if answers.is_empty() {
            return Ok(());
        }
        let mut write = self.db.write().await?;
        for answers in answers.chunks(ROWS) {
            // Nobody else is told: no delivery is ever due.
            let statement = format!(
                "INSERT INTO outbox (id, tenant, kind, job_id, payload, created_at_ms) VALUES {} ON CONFLICT (id) DO NOTHING",
                places(answers.len(), 6)
            );
            let mut query = many(statement, answers.len());
            for answer in answers {
                let (id, tenant, kind, job, payload) = match answer {
                    EntryAnswer::Rejected(entry) => {
                        let named = entry.tenant.as_deref().map(Tenant::parse);
                        let tenant = named.and_then(Result::ok).unwrap_or_default();
                        // No job, but a message for the stream of outcomes: those have one.
                        (&entry.intake_id, tenant, REJECTED, String::new(), json("rejected entry", entry)?)
                    }
                    EntryAnswer::Ended { intake_id, job, tenant } => {
                        let payload = json("answered entry", &serde_json::json!({ "intake_id": intake_id }))?;
                        (intake_id, tenant.clone(), ENDED, job.as_str().to_owned(), payload)
                    }
                };
                query = query
                    .bind(format!("{kind}:{id}"))
                    .bind(tenant.as_str().to_owned())
                    .bind(kind)
                    .bind(job)
                    .bind(payload)
                    .bind(write.db().now_ms());
            }
            write.run(query).await?;
        }
        write.commit().await
    }
}
