//! What is told of a job before its result is written.

use earmark_core::Lease;
use serde_json::Value;

use super::{Journal, held};
use crate::StorageError;
use crate::outbox::{self, NewMessage, OutboxKind};

impl Journal {
    /// Tells of a finding in a part of the recording: a message, not a result.
    ///
    /// # Errors
    /// [`StorageError::LeaseLost`].
    pub async fn tell_early(&self, lease: &Lease, payload: &Value) -> Result<(), StorageError> {
        let mut write = self.db.write().await?;
        let job = held(&mut write, lease).await?;
        let message = NewMessage {
            tenant: &job.tenant,
            kind: OutboxKind::FindingEarly,
            job_id: Some(&job.id),
            payload: payload.clone(),
        };
        outbox::post(&mut write, message).await?;
        write.commit().await
    }
}
