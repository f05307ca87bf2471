//! Deaths of holders that count against a job, and when they are too many.

use earmark_core::audit::AuditKind;
use earmark_core::{Job, Lease, Problem};

use super::Journal;
use super::fence::fenced;
use crate::JournalError;

/// A job whose holder died this many times without a new clip in between is given up.
pub const QUARANTINE_DEATHS: u32 = 3;
/// Back-off after the first death; doubled with each further one.
const FIRST_DELAY_MS: i64 = 2_000;

/// How long a job waits after its holders died or hung `deaths` times, in milliseconds.
pub(super) fn delay_ms(deaths: u32) -> i64 {
    FIRST_DELAY_MS << deaths.saturating_sub(1).min(8)
}

/// What is told of a job whose holders died; `how` the last one did.
pub(super) fn quarantine_problem(job: &Job, how: &str) -> Problem {
    let where_to = match job.clips_total {
        Some(total) => format!("{} of {total} clips were transcribed", job.clips_done),
        None => "the recording was not yet cut into clips".into(),
    };
    Problem {
        code: AuditKind::JobQuarantined.as_str().into(),
        message: format!(
            "{} workers died, went silent or hung in a row while they held the job, the last one {how}; {where_to}",
            job.deaths
        ),
        hint: Some("look at the recording by itself, then `earmark jobs retry` it".into()),
    }
}

impl Journal {
    /// Says whether the job's recording can be the cause if its holder dies now. With every new lease it cannot, until the
    /// holder says that it is at the recording: a worker leases many jobs at once, and a death then is none of theirs.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`] when the job has moved on.
    pub async fn set_blameless(&self, lease: &Lease, is_blameless: bool) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        let statement = fenced("UPDATE jobs SET is_blameless = $4", lease, "").bind(i64::from(is_blameless));
        if write.run(statement).await? == 0 {
            return Err(JournalError::LeaseLost(lease.job_id.clone()));
        }
        write.commit().await
    }
}
