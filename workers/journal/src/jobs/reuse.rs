//! The same audio again, under another name: its texts are there already, and nobody has to be asked.

use earmark_core::{ClipText, Job, JobId, Lease};

use super::fence::held;
use super::{Journal, SavedClip};
use crate::JournalError;
use crate::database::{json, parsed};

/// Texts of another job.
#[derive(Debug, Clone, PartialEq)]
pub struct Reusable {
    /// The job that asked for them.
    pub job: JobId,
    /// What it saved.
    pub clips: Vec<SavedClip>,
}

impl Journal {
    /// What another job of the tenant of `job` has saved under `fingerprint`; of several jobs the one that has most,
    /// and the earliest of these. None where there is none.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn reusable(&self, job: &Job, fingerprint: &str) -> Result<Option<Reusable>, JournalError> {
        let most = sqlx::query(
            "SELECT c.job_id AS id FROM clips c JOIN jobs j ON j.id = c.job_id
             WHERE c.fingerprint = $1 AND j.tenant = $2 AND c.job_id <> $3
             GROUP BY c.job_id ORDER BY COUNT(*) DESC, c.job_id LIMIT 1",
        )
        .bind(fingerprint.to_owned())
        .bind(job.tenant.as_str().to_owned())
        .bind(job.id.as_str().to_owned())
        .fetch_optional(self.db.pool())
        .await;
        let Some(found) = self.db.map(most)? else { return Ok(None) };
        let other = parsed(&self.db, &found, "id", JobId::parse)?;
        let clips = self.saved_clips(&other, fingerprint).await?;
        Ok(Some(Reusable { job: other, clips }))
    }

    /// Saves texts of the job `from` as those of the lease's job, with the job that asked for each. Nothing is booked, and
    /// nothing billed.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`].
    pub async fn reuse_clips(
        &self,
        lease: &Lease,
        fingerprint: &str,
        from: &JobId,
        clips: &[SavedClip],
    ) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        held(&mut write, lease).await?;
        for SavedClip { clip, text, reused_from } in clips {
            let free = ClipText { billed_ms: 0, ..text.clone() };
            let statement = sqlx::query(
                "INSERT INTO clips (job_id, channel, clip_index, fingerprint, regions, text, saved_at_ms, reused_from) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (job_id, channel, clip_index) DO UPDATE SET fingerprint = excluded.fingerprint, regions = excluded.regions,
                     text = excluded.text, saved_at_ms = excluded.saved_at_ms, reused_from = excluded.reused_from",
            )
            .bind(lease.job_id.as_str().to_owned())
            .bind(i64::from(clip.key.channel))
            .bind(i64::from(clip.key.index))
            .bind(fingerprint.to_owned())
            .bind(json("regions", &clip.regions)?)
            .bind(json("clip text", &free)?)
            .bind(self.db.now_ms())
            .bind(reused_from.as_ref().unwrap_or(from).as_str().to_owned());
            write.run(statement).await?;
        }
        write.commit().await
    }
}
