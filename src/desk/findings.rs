//! Findings, and what reviewers said of them.

use earmark_journal::{JournalError, Verdicts};

use super::Desk;
use super::views::{FindingPage, FindingView, VerdictView, place_of};

pub use earmark_core::Verdict;
pub use earmark_journal::{FindingPlace, Judged, JudgedFilter, NewVerdict};

/// The place that `next` of an earlier page names; none for any other text.
pub fn place(text: &str) -> Option<FindingPlace> {
    place_of(text)
}

impl Desk {
    /// Findings that `filter` lets through with what was said of them last, the latest jobs first.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn findings(&self, filter: &JudgedFilter) -> Result<FindingPage, JournalError> {
        let found = Verdicts::new(self.app.database.clone()).list(filter).await?;
        let is_full = u64::try_from(found.len()).is_ok_and(|count| count == u64::from(filter.limit));
        let next = found.last().filter(|_| is_full).map(earmark_journal::JudgedFinding::place);
        Ok(FindingPage { findings: found.into_iter().map(FindingView::from).collect(), next })
    }

    /// Puts a verdict on record under the name of `actor`; it takes the place of an earlier one.
    ///
    /// # Errors
    /// [`JournalError::NoSuchJob`], [`JournalError::NoSuchFinding`], [`JournalError::TextTooLong`].
    pub async fn judge(&self, new: NewVerdict, actor: &str) -> Result<VerdictView, JournalError> {
        let verdict = Verdicts::new(self.app.database.clone()).judge(&new, actor).await?;
        Ok(VerdictView { job_id: new.job_id, finding_id: new.finding_id, verdict })
    }
}
