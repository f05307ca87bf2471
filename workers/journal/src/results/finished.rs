//! Where results are written and read: [`ResultStore`], what it takes and gives.

use async_trait::async_trait;
use earmark_core::audit::AuditEvent;
use earmark_core::{Artifact, Finding, JobId, Lease, Report, Severity, Tenant};

use super::ReviewHold;
use crate::JournalError;
use crate::alerts::NewAlert;

/// Everything that is written when a job is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The report as it is to be stored.
    pub report: Report,
    /// Files that lie in the output already.
    pub artifacts: Vec<Artifact>,
    /// Decisions on the way, in order. `job.done` is added behind them when it is not among them.
    pub audit: Vec<AuditEvent>,
    /// What someone has to look at.
    pub alerts: Vec<NewAlert>,
}

/// Which findings to list. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// Of this tenant only; none for everybody's.
    pub tenant: Option<Tenant>,
    /// Of this rule.
    pub rule_id: Option<String>,
    /// At least this grave.
    pub min_severity: Option<Severity>,
    /// Those of rules on trial, too.
    pub with_shadow: bool,
    /// Of jobs finished at this instant or later.
    pub since_ms: Option<i64>,
    /// At most this many; 0 for 100.
    pub limit: u32,
}

/// A finding and its job.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundIn {
    /// The job in whose recording it was found.
    pub job_id: JobId,
    /// The tenant it belongs to.
    pub tenant: Tenant,
    /// When the job was done.
    pub finished_at_ms: i64,
    /// What was found.
    pub finding: Finding,
}

/// Where results are written and read.
#[async_trait]
pub trait ResultStore: Send + Sync {
    /// Writes report, findings, artifacts, audit entries, messages and the job's end in one transaction, or nothing.
    /// Repeating it with the same lease after it went well does nothing.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`] when the job is not the lease's any more.
    async fn finish(&self, lease: &Lease, finished: &Finished) -> Result<(), JournalError>;

    /// The report of `job` as it was written; none while there is none.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    async fn report(&self, job: &JobId) -> Result<Option<Report>, JournalError>;

    /// The report of `job` with the findings that count now: where rules judged it again, theirs, and a warning
    /// `findings_replayed` that says so. None while there is none.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    async fn current_report(&self, job: &JobId) -> Result<Option<Report>, JournalError>;

    /// Where the artifacts of `job` lie, by name.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    async fn artifacts(&self, job: &JobId) -> Result<Vec<Artifact>, JournalError>;

    /// Whether the result of `job` is or was held back; none for one that never was.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    async fn review_hold(&self, job: &JobId) -> Result<Option<ReviewHold>, JournalError>;

    /// Those of `jobs` whose result is or was held back.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    async fn review_holds(&self, jobs: &[JobId]) -> Result<Vec<(JobId, ReviewHold)>, JournalError>;

    /// Releases the held result of `job` on record, and has its outcome told like that of any job.
    ///
    /// # Errors
    /// [`JournalError::NotHeld`] when it is not held, [`JournalError::NoSuchJob`].
    async fn release_held(&self, job: &JobId, by: &str, note: Option<&str>) -> Result<(), JournalError>;

    /// Findings over many jobs, the latest jobs first; those of rules on trial only where they are asked for.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    async fn findings(&self, filter: &FindingFilter) -> Result<Vec<FoundIn>, JournalError>;
}
