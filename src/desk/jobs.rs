//! Jobs: which there are, where each stands, its history; tried again, or called off.

use std::collections::HashMap;

use earmark_core::audit::AuditEntry;
use earmark_core::{Disposition, Failure, Fault, Job, JobId, RecordingUri};
use earmark_journal::{JournalError, Readdressed};

use super::Desk;
use super::submit::{Look, Offer, OfferError};
use super::views::{JobPage, JobView};

pub use earmark_journal::{CalledOff, CancelOutcome, JobFilter, StandingJob};

/// Why a job is not tried again by another address.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// That is no recording's address.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// It names another recording.
    #[error("{offered} is not the recording of job {job}, which is {of}")]
    Another {
        /// The job.
        job: JobId,
        /// Its recording.
        of: RecordingUri,
        /// What was given.
        offered: RecordingUri,
    },
    /// What the database says.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Failure for RetryError {
    fn code(&self) -> &'static str {
        match self {
            Self::Offer(error) => error.code(),
            Self::Another { .. } => "job.another_recording",
            Self::Journal(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Offer(error) => error.hint(),
            Self::Another { .. } => {
                Some("host, path and what names the object stay, the signature may be another; else submit it".into())
            }
            Self::Journal(error) => error.hint(),
        }
    }

    fn disposition(&self) -> Disposition {
        Disposition::Fail
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Offer(error) => error.fault(),
            Self::Another { .. } => Fault::Caller,
            Self::Journal(error) => error.fault(),
        }
    }
}

impl Desk {
    /// Jobs that `filter` lets through, the newest first.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<JobPage, JournalError> {
        let found = self.app.journal.standings(filter).await?;
        let is_full = u64::try_from(found.len()).is_ok_and(|count| count == u64::from(filter.limit));
        let next = found.last().filter(|_| is_full).map(|last| last.job.id.clone());
        let ids: Vec<JobId> = found.iter().map(|found| found.job.id.clone()).collect();
        let mut holdings: HashMap<_, _> = self.app.results.review_holds(&ids).await?.into_iter().collect();
        let view = |found: StandingJob| {
            let holding = holdings.remove(&found.job.id);
            JobView::new(found.job, found.standing, holding.into())
        };
        Ok(JobPage { jobs: found.into_iter().map(view).collect(), next })
    }

    /// How many jobs `filter` lets through, whatever its limit.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn count_jobs(&self, filter: &JobFilter) -> Result<u64, JournalError> {
        self.app.journal.count(filter).await
    }

    /// Makes the dead and cancelled jobs that `filter` lets through ready again, a batch at a time, and tells `done` of each.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; what was told stays so.
    pub async fn retry_all(
        &self,
        filter: &JobFilter,
        actor: &str,
        done: &mut (dyn FnMut(&[JobId]) + Send),
    ) -> Result<(), JournalError> {
        self.app.journal.retry_all(filter, actor, done).await
    }

    /// Calls the jobs off that `filter` lets through and that have not ended, a batch at a time, and tells `done` of each.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; what was told stays so.
    pub async fn cancel_all(
        &self,
        filter: &JobFilter,
        actor: &str,
        done: &mut (dyn FnMut(&[CalledOff]) + Send),
    ) -> Result<(), JournalError> {
        self.app.journal.cancel_all(filter, actor, done).await
    }

    /// The job with this id.
    ///
    /// # Errors
    /// [`JournalError::NoSuchJob`].
    pub async fn job(&self, id: &JobId) -> Result<JobView, JournalError> {
        let found = self.app.journal.standing(id).await?;
        Ok(JobView::new(found.job, found.standing, self.app.results.review_hold(id).await?.into()))
    }

    /// Where the job with this id stands, and nothing else: for whoever asks again and again.
    ///
    /// # Errors
    /// [`JournalError::NoSuchJob`].
    pub async fn standing(&self, id: &JobId) -> Result<StandingJob, JournalError> {
        self.app.journal.standing(id).await
    }

    /// What is on record of the job with this id, in order.
    ///
    /// # Errors
    /// [`JournalError`] when the log cannot be read.
    pub async fn history(&self, id: &JobId) -> Result<Vec<AuditEntry>, JournalError> {
        self.app.audit.of_job(id).await
    }

    /// Makes a dead or cancelled job ready again, on record under the name of `actor`.
    ///
    /// # Errors
    /// [`JournalError::NoSuchJob`], [`JournalError::NotRetriable`].
    pub async fn retry(&self, id: &JobId, actor: &str) -> Result<Job, JournalError> {
        self.app.journal.retry(id, actor).await
    }

    /// Has a job that is not done fetched from where `offer` says, which is the same recording by another address, and
    /// makes it ready again; on record under the name of `actor`.
    ///
    /// # Errors
    /// [`RetryError`], every variant.
    pub async fn retry_from(&self, id: &JobId, offer: Offer, actor: &str) -> Result<Job, RetryError> {
        // No file takes another's place: what is not on the web is one place, which needs no look.
        let offered = offer.into_job(&Look::anywhere(|_| None))?;
        match self.app.journal.retry_from(id, &offered.location, &offered.options.parts, actor).await? {
            Readdressed::Done(job) => Ok(*job),
            Readdressed::Another(job) => Err(RetryError::Another { job: job.id, of: job.uri, offered: offered.uri }),
        }
    }

    /// Calls a job off, on record under the name of `actor`; one that is being worked on ends within seconds.
    ///
    /// # Errors
    /// [`JournalError::NoSuchJob`].
    pub async fn cancel(&self, id: &JobId, actor: &str) -> Result<CancelOutcome, JournalError> {
        self.app.journal.cancel(id, actor).await
    }
}
