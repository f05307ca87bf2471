//! The queue: how it stands, who works on it, and pauses of lanes and tenants.

use earmark_core::{Lane, Tenant};
use earmark_journal::JournalError;

use super::Desk;
use super::views::{PausedView, QueueView, ResumedView, StreamsView};

pub use earmark_journal::{Backlog, Pause, QueueStats, SeenWorker, WorkerCount, WorkerProcess};

impl Desk {
    /// The queue at a glance.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; streams that cannot be asked are part of the answer.
    pub async fn queue(&self) -> Result<QueueView, JournalError> {
        let stats = self.app.journal.stats().await?;
        let streams = match &self.app.broker {
            Some(broker) => Some(match broker.stats().await {
                Ok(counts) => serde_json::from_value(counts)
                    .map_or_else(|error| StreamsView::Unknown { error: error.to_string() }, StreamsView::Counted),
                Err(problem) => StreamsView::Unknown { error: problem.message },
            }),
            None => None,
        };
        Ok(QueueView { stats, streams, places_away: self.places_away().await? })
    }

    /// Has no more jobs taken of `lane` (none: of any) and `tenant` (none: of any), on record under the name of `actor`.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn pause(
        &self,
        lane: Option<Lane>,
        tenant: Option<&Tenant>,
        actor: &str,
    ) -> Result<PausedView, JournalError> {
        let is_new = self.app.journal.pause(lane, tenant, actor).await?;
        Ok(PausedView { is_new, pauses: self.pauses().await? })
    }

    /// Lifts the pauses of `lane`, of `tenant`, of both or, where none is named, all of them; on record under the name of
    /// `actor`.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn resume(
        &self,
        lane: Option<Lane>,
        tenant: Option<&Tenant>,
        actor: &str,
    ) -> Result<ResumedView, JournalError> {
        let lifted = self.app.journal.resume(lane, tenant, actor).await?;
        Ok(ResumedView { lifted, pauses: self.pauses().await? })
    }

    /// All that is paused.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn pauses(&self) -> Result<Vec<Pause>, JournalError> {
        self.app.journal.pauses().await
    }

    /// Worker processes that live.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn live_workers(&self) -> Result<WorkerCount, JournalError> {
        self.app.journal.live_workers().await
    }

    /// The worker that was seen last, alive or not; none where there never was one.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn last_worker(&self) -> Result<Option<SeenWorker>, JournalError> {
        self.app.journal.last_worker().await
    }
}
