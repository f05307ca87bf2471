//! Results: report, transcript, artifacts, and those that a rule holds back for review.

use earmark_core::{Artifact, Job, JobId, Report};
use earmark_journal::JournalError;

use super::Desk;
use super::views::{HoldingView, ReleasedView};

pub use earmark_pipeline::render::Format;

/// What there is of a job's result.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredResult {
    /// A report, with the findings that count now, and whether it is held back.
    Report(Box<Report>, HoldingView),
    /// None; the job says why.
    None(Box<Job>),
}

impl Desk {
    /// The result of the job with this id.
    ///
    /// # Errors
    /// [`JournalError::NoSuchJob`].
    pub async fn result(&self, id: &JobId) -> Result<StoredResult, JournalError> {
        let results = &self.app.results;
        match results.current_report(id).await? {
            Some(report) => {
                let holding = HoldingView::from(results.review_hold(id).await?);
                Ok(StoredResult::Report(Box::new(report), holding))
            }
            None => Ok(StoredResult::None(Box::new(self.app.journal.get(id).await?))),
        }
    }

    /// Where the artifacts of the job with this id lie, by name.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn artifacts(&self, id: &JobId) -> Result<Vec<Artifact>, JournalError> {
        self.app.results.artifacts(id).await
    }

    /// Releases a held result on record, and has its outcome told like that of any job.
    ///
    /// # Errors
    /// [`JournalError::NotHeld`], [`JournalError::NoSuchJob`].
    pub async fn release(&self, id: &JobId, by: &str, note: Option<&str>) -> Result<ReleasedView, JournalError> {
        self.app.results.release_held(id, by, note).await?;
        let holding = HoldingView::from(self.app.results.review_hold(id).await?);
        Ok(ReleasedView { job_id: id.clone(), holding })
    }
}
