//! Clips as checkpoints: a text that was paid for is kept, so that a crash costs only what was in flight.

use earmark_core::{Clip, ClipKey, ClipText, JobId, Lease};

use super::fence::{fenced, held};
use super::{Journal, row};
use crate::JournalError;
use crate::database::{Write, column, json, parsed};
use crate::usage::{self, Booked, Booking, Budget, Settlement};

/// A clip's answer as it was saved.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedClip {
    /// What was sent: only the same regions may use the text.
    pub clip: Clip,
    /// What came back.
    pub text: ClipText,
    /// The job that asked, where it was another one.
    pub reused_from: Option<JobId>,
}

/// What a job has cost so far, over all its attempts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JobUsage {
    /// Requests that were sent.
    pub requests: u64,
    /// Audio that the provider bills.
    pub billed_ms: u64,
}

impl Journal {
    /// Says how many clips the recording was cut into, and counts anew those whose saved text has `fingerprint`.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`].
    pub async fn set_clips_total(&self, lease: &Lease, fingerprint: &str, total: u32) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        let statement = fenced(
            "UPDATE jobs SET clips_total = $4, clips_done = (SELECT COUNT(*) FROM clips WHERE job_id = $1 AND fingerprint = $5)",
            lease,
            "",
        );
        let written = write.run(statement.bind(i64::from(total)).bind(fingerprint.to_owned())).await?;
        if written == 0 {
            return Err(JournalError::LeaseLost(lease.job_id.clone()));
        }
        write.commit().await
    }

    /// Counts a request of the job that is about to be sent and books it, within `budget` if there is one, so that it is
    /// known even when nobody lives to see the answer.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`]; [`JournalError::BudgetSpent`]: nothing is counted or booked, and the first time on
    /// that day there is an alert.
    pub async fn book_request(
        &self,
        lease: &Lease,
        booking: &Booking,
        budget: Option<Budget>,
    ) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        held(&mut write, lease).await?;
        let booked = usage::book(&mut write, booking, budget).await?;
        if let Booked::Yes = booked {
            let counted = sqlx::query("UPDATE jobs SET requests = requests + 1 WHERE id = $1")
                .bind(lease.job_id.as_str().to_owned());
            write.run(counted).await?;
        }
        write.commit().await?;
        booked.into_result()
    }

    /// Settles a request of a job that has no clip to save: [`Usage::settle`](crate::Usage::settle). Not fenced: what was
    /// sent was sent, whoever holds the job by now.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn settle_request(&self, booking: &Booking, settled: &Settlement) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        usage::settle(&mut write, booking, settled).await?;
        write.commit().await
    }

    /// Saves the answers for some clips, and what was billed for them. A clip that is saved already is replaced.
    ///
    /// A new text is progress: deaths before it no longer count against the job.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`].
    pub async fn save_clips(
        &self,
        lease: &Lease,
        fingerprint: &str,
        clips: &[(Clip, ClipText)],
    ) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        save(&mut write, lease, fingerprint, clips).await?;
        write.commit().await
    }

    /// Saves the answer for one clip, as [`save_clips`](Self::save_clips), and settles the request that brought it.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`]: nothing is settled either; [`settle_request`](Self::settle_request) still can.
    pub async fn save_clip(
        &self,
        lease: &Lease,
        fingerprint: &str,
        clip: &Clip,
        text: &ClipText,
        settled: Option<(&Booking, &Settlement)>,
    ) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        save(&mut write, lease, fingerprint, &[(clip.clone(), text.clone())]).await?;
        if let Some((booking, settled)) = settled {
            usage::settle(&mut write, booking, settled).await?;
        }
        write.commit().await
    }

    /// What is saved for `job` under `fingerprint`, in order of channel and place.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn saved_clips(&self, job: &JobId, fingerprint: &str) -> Result<Vec<SavedClip>, JournalError> {
        let rows =
            sqlx::query("SELECT * FROM clips WHERE job_id = $1 AND fingerprint = $2 ORDER BY channel, clip_index")
                .bind(job.as_str().to_owned())
                .bind(fingerprint.to_owned())
                .fetch_all(self.db.pool())
                .await;
        let db = &self.db;
        let saved = |found: &sqlx::any::AnyRow| {
            let channel = row::count(db, found, "channel")?;
            let channel = u16::try_from(channel).map_err(|error| JournalError::Unreadable {
                column: "channel",
                value: channel.to_string(),
                why: error.to_string(),
            })?;
            let key = ClipKey { channel, index: row::count(db, found, "clip_index")? };
            let regions = parsed(db, found, "regions", |text| serde_json::from_str(text))?;
            Ok(SavedClip {
                clip: Clip { key, regions },
                text: parsed(db, found, "text", |text| serde_json::from_str(text))?,
                reused_from: match column::<Option<String>>(db, found, "reused_from")? {
                    Some(_) => Some(parsed(db, found, "reused_from", JobId::parse)?),
                    None => None,
                },
            })
        };
        self.db.map(rows)?.iter().map(saved).collect()
    }

    /// What `job` has cost so far, what was sent before a crash included.
    ///
    /// # Errors
    /// [`JournalError::NoSuchJob`].
    pub async fn usage_of(&self, job: &JobId) -> Result<JobUsage, JournalError> {
        let found = sqlx::query("SELECT requests, billed_ms FROM jobs WHERE id = $1")
            .bind(job.as_str().to_owned())
            .fetch_optional(self.db.pool())
            .await;
        let found = self.db.map(found)?.ok_or_else(|| JournalError::NoSuchJob(job.clone()))?;
        let (requests, billed_ms): (i64, i64) =
            (column(&self.db, &found, "requests")?, column(&self.db, &found, "billed_ms")?);
        Ok(JobUsage { requests: requests.unsigned_abs(), billed_ms: billed_ms.unsigned_abs() })
    }
}

async fn save(
    write: &mut Write,
    lease: &Lease,
    fingerprint: &str,
    clips: &[(Clip, ClipText)],
) -> Result<(), JournalError> {
    held(write, lease).await?;
    let now_ms = write.db().now_ms();
    let (mut new, mut billed_ms) = (0_i64, 0_i64);
    for (clip, text) in clips {
        let there = sqlx::query("SELECT fingerprint FROM clips WHERE job_id = $1 AND channel = $2 AND clip_index = $3")
            .bind(lease.job_id.as_str().to_owned())
            .bind(i64::from(clip.key.channel))
            .bind(i64::from(clip.key.index));
        let before: Option<String> = match write.row(there).await? {
            Some(found) => Some(column(write.db(), &found, "fingerprint")?),
            None => None,
        };
        new += i64::from(before.as_deref() != Some(fingerprint));
        billed_ms += i64::try_from(text.billed_ms).unwrap_or(i64::MAX);
        let statement = sqlx::query(
            "INSERT INTO clips (job_id, channel, clip_index, fingerprint, regions, text, saved_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (job_id, channel, clip_index) DO UPDATE
             SET fingerprint = excluded.fingerprint, regions = excluded.regions, text = excluded.text, saved_at_ms = excluded.saved_at_ms, reused_from = NULL",
        )
        .bind(lease.job_id.as_str().to_owned())
        .bind(i64::from(clip.key.channel))
        .bind(i64::from(clip.key.index))
        .bind(fingerprint.to_owned())
        .bind(json("regions", &clip.regions)?)
        .bind(json("clip text", text)?)
        .bind(now_ms);
        write.run(statement).await?;
    }
    let counted = sqlx::query(
        "UPDATE jobs SET clips_done = clips_done + $1, billed_ms = billed_ms + $2, deaths = CASE WHEN $1 > 0 THEN 0 ELSE deaths END WHERE id = $3",
    )
    .bind(new)
    .bind(billed_ms)
    .bind(lease.job_id.as_str().to_owned());
    write.run(counted).await?;
    Ok(())
}
