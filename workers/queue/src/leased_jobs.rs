//! The jobs this process holds, so that their leases are kept alive and their work can be stopped.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use earmark_core::{JobId, Lease};
use tokio_util::sync::CancellationToken;

/// Why work on a job is stopped from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopCause {
    /// A person called the job off.
    Cancelled,
    /// The lease has gone to another worker, or could not be renewed.
    Lost,
    /// The process is going down.
    Shutdown,
    /// One try took too long.
    TimedOut,
}

/// The jobs this process holds.
#[derive(Debug, Default)]
pub struct LeasedJobs(Mutex<HashMap<JobId, LeasedJob>>);

#[derive(Debug)]
struct LeasedJob {
    lease: Lease,
    stop: CancellationToken,
    cause: Option<StopCause>,
}

impl LeasedJobs {
    /// From now on `lease` is renewed; the token is cancelled when the work must stop.
    pub fn add(&self, lease: &Lease) -> CancellationToken {
        let stop = CancellationToken::new();
        self.lock().insert(lease.job_id.clone(), LeasedJob { lease: lease.clone(), stop: stop.clone(), cause: None });
        stop
    }

    /// From now on `lease` is not renewed; says whether and why the work was stopped.
    pub fn remove(&self, lease: &Lease) -> Option<StopCause> {
        self.lock().remove(&lease.job_id).and_then(|job| job.cause)
    }

    /// All leases of this process.
    pub fn leases(&self) -> Vec<Lease> {
        self.lock().values().map(|job| job.lease.clone()).collect()
    }

    /// Stops the work on one job; the first cause counts.
    pub fn stop(&self, job_id: &JobId, cause: StopCause) {
        if let Some(job) = self.lock().get_mut(job_id) {
            job.cause.get_or_insert(cause);
            job.stop.cancel();
        }
    }

    /// Stops all work.
    pub fn stop_all(&self, cause: StopCause) {
        for job in self.lock().values_mut() {
            job.cause.get_or_insert(cause);
            job.stop.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, LeasedJob>> {
        // The map is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
