//! What the dead leave behind: leases that ran out, and those of processes that are gone.

use earmark_core::{JobId, JobState, Mover, Problem, Transition, WorkerId};
use serde_json::json;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::fence::Locked;
use super::quarantine::{QUARANTINE_DEATHS, delay_ms, quarantine_problem};
use super::states::{self, Again};
use super::{Journal, row};
use crate::JournalError;
use crate::database::{Database, Write, column, parsed};
use crate::worker_lock::dead_workers;

/// Jobs looked up at a time.
const BATCH: usize = 100;
/// Where this machine's clock and the server's are further apart, what workers say by the one and leases by the other cannot
/// be compared.
const SKEW_MS: u64 = 5_000;

/// What a sweep or a recovery did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Jobs that may be taken again.
    pub freed: Vec<JobId>,
    /// Jobs given up because their workers died over and over.
    pub quarantined: Vec<JobId>,
    /// Jobs whose cancellation was waiting for a holder that is gone.
    pub cancelled: Vec<JobId>,
}

impl SweepReport {
    /// Nothing had to be done.
    pub fn is_empty(&self) -> bool {
        self.freed.is_empty() && self.quarantined.is_empty() && self.cancelled.is_empty()
    }
}

/// How a holder was found dead.
#[derive(Clone, Copy)]
enum Death {
    /// Its lease ran out: it may hang.
    Silent,
    /// Its lock is free: it is gone.
    Gone,
}

impl Death {
    fn how(self) -> &'static str {
        match self {
            Self::Silent => "went silent",
            Self::Gone => "died",
        }
    }
}

impl Journal {
    /// Takes back leases that ran out, and those of dead processes on this machine. Safe to run in every process.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; what was taken back before stays so.
    pub async fn sweep(&self) -> Result<SweepReport, JournalError> {
        let mut report = SweepReport::default();
        self.free_dead(&mut report).await?;
        loop {
            let expired = self.expired().await?;
            let mut is_over = expired.len() < BATCH;
            for id in &expired {
                let now_ms = self.db.now_ms();
                // Another sweeper's, where it has gone on meanwhile.
                let is_ours = self.take_back(id, "lease_until_ms < $2", now_ms, Death::Silent, &mut report).await?;
                is_over |= !is_ours;
            }
            if is_over {
                break;
            }
        }
        self.log(&report);
        Ok(report)
    }

    /// Frees the leases of processes on this machine that are dead, at once, whatever time they had left.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; what was freed before stays so.
    pub async fn recover(&self) -> Result<SweepReport, JournalError> {
        let mut report = SweepReport::default();
        self.free_dead(&mut report).await?;
        self.log(&report);
        Ok(report)
    }

    async fn free_dead(&self, report: &mut SweepReport) -> Result<(), JournalError> {
        let Some(folder) = self.db.runtime_folder() else { return Ok(()) };
        let rows =
            sqlx::query("SELECT DISTINCT lease_owner FROM jobs WHERE state = 'leased'").fetch_all(self.db.pool()).await;
        let owners = self
            .db
            .map(rows)?
            .iter()
            .map(|found| column::<String>(&self.db, found, "lease_owner").map(|id| WorkerId::stored(&id)))
            .collect::<Result<Vec<_>, _>>()?;
        for dead in dead_workers(&folder, &owners) {
            let held = sqlx::query("SELECT id FROM jobs WHERE state = 'leased' AND lease_owner = $1")
                .bind(dead.id.as_str().to_owned())
                .fetch_all(self.db.pool())
                .await;
            for id in ids(&self.db, &self.db.map(held)?)? {
                self.take_back(&id, "lease_owner = $2", dead.id.as_str().to_owned(), Death::Gone, report).await?;
            }
            // Its row stays as one that did not stop in order.
            dead.buried();
        }
        Ok(())
    }

    /// Some jobs whose leases ran out, the longest gone first. Looking costs no turn to write, and mostly there is nothing.
    async fn expired(&self) -> Result<Vec<JobId>, JournalError> {
        let rows = sqlx::query(
            "SELECT id FROM jobs WHERE state = 'leased' AND lease_until_ms < $1 ORDER BY lease_until_ms LIMIT $2",
        )
        .bind(self.db.now_ms())
        .bind(i64::try_from(BATCH).unwrap_or(i64::MAX))
        .fetch_all(self.db.pool())
        .await;
        ids(&self.db, &self.db.map(rows)?)
    }

    /// Takes job `id` back, if it is still leased and `condition` holds with `$2`; tells whether it did. One transaction a
    /// job: with those of several tenants in one, sweepers and holders could wait for each other's audit chains.
    async fn take_back<'q, T>(
        &self,
        id: &JobId,
        condition: &str,
        value: T,
        death: Death,
        report: &mut SweepReport,
    ) -> Result<bool, JournalError>
    where
        T: sqlx::Encode<'q, sqlx::Any> + sqlx::Type<sqlx::Any> + Send + 'q,
    {
        let mut write = self.db.write().await?;
        let skip = self.db.skip_locked();
        let statement = format!("SELECT * FROM jobs WHERE id = $1 AND state = 'leased' AND {condition}{skip}");
        // Words of ours only; every value is bound.
        let held = sqlx::query(AssertSqlSafe(statement)).bind(id.as_str().to_owned()).bind(value);
        let Some(found) = write.row(held).await? else { return Ok(false) };
        take_back(&mut write, &found, death, report).await?;
        write.commit().await?;
        Ok(true)
    }

    fn log(&self, report: &SweepReport) {
        for id in &report.quarantined {
            tracing::error!(job.id = %id, "job was given up: its workers died over and over while they held it");
        }
        if !report.freed.is_empty() {
            tracing::warn!(jobs = report.freed.len(), "took jobs back from workers that died or went silent");
            self.tell_ready();
        }
    }
}

fn ids(db: &Database, rows: &[AnyRow]) -> Result<Vec<JobId>, JournalError> {
    rows.iter().map(|found| parsed(db, found, "id", JobId::parse)).collect()
}

/// Takes one leased job back. The attempt is not counted: deaths have a count of their own.
async fn take_back(
    write: &mut Write,
    found: &AnyRow,
    death: Death,
    report: &mut SweepReport,
) -> Result<(), JournalError> {
    let mut job = row::job(write.db(), found)?;
    let owner: String = column(write.db(), found, "lease_owner")?;
    let is_spared = match death {
        Death::Silent => lives(write, &owner, column(write.db(), found, "lease_until_ms")?).await?,
        Death::Gone => false,
    };
    let counted = sqlx::query(
        "UPDATE jobs SET is_blameless = CASE WHEN $3 = 1 THEN 1 ELSE is_blameless END,
           deaths = deaths + CASE WHEN $3 = 1 THEN 0 ELSE 1 - is_blameless END
         WHERE id = $1 AND lease_epoch = $2 AND state = 'leased' RETURNING deaths, is_blameless",
    )
    .bind(job.id.as_str().to_owned())
    .bind(column::<i64>(write.db(), found, "lease_epoch")?)
    .bind(i64::from(is_spared));
    let Some(counted) = write.row(counted).await? else { return Ok(()) };
    job.deaths = row::count(write.db(), &counted, "deaths")?;
    let job = Locked::by(Mover::Sweeper, job);
    let actor = "sweeper";

    if job.is_cancel_requested {
        states::call_off(write, &job, actor).await?;
        report.cancelled.push(job.id.clone());
        return Ok(());
    }
    let is_blameless = column::<i64>(write.db(), &counted, "is_blameless")? != 0;
    if job.deaths >= QUARANTINE_DEATHS && !is_blameless {
        states::quarantine(write, &job, actor, &quarantine_problem(&job, death.how())).await?;
        report.quarantined.push(job.id.clone());
        return Ok(());
    }
    let delay_ms = match death {
        Death::Gone => 0,
        Death::Silent => delay_ms(job.deaths),
    };
    let run_at_ms = write.db().now_ms() + delay_ms;
    let problem = lost_holder_problem(&owner, death);
    let payload = json!({ "worker": owner, "deaths": job.deaths, "run_at_ms": run_at_ms, "code": problem.code });
    let again =
        Again { run_at_ms, attempt: job.attempt.saturating_sub(1), problem: Some(&problem), waits_for: None, payload };
    let state = states::make_ready(write, &job, Transition::PutOff, actor, again).await?;
    debug_assert_eq!(state, JobState::Ready);
    report.freed.push(job.id.clone());
    Ok(())
}

/// Whether `owner` has said since its lease ended that it lives: then the database was away for longer than the lease, and no
/// recording is to blame. Beside a file nothing is ever away for one alone.
async fn lives(write: &mut Write, owner: &str, lease_until_ms: i64) -> Result<bool, JournalError> {
    if !write.db().is_shared() || write.shared_now_ms().await?.abs_diff(write.db().now_ms()) > SKEW_MS {
        return Ok(false);
    }
    let seen = sqlx::query("SELECT id FROM workers WHERE id = $1 AND stopped_at_ms IS NULL AND seen_at_ms > $2")
        .bind(owner.to_owned())
        .bind(lease_until_ms);
    Ok(write.row(seen).await?.is_some())
}

fn lost_holder_problem(owner: &str, death: Death) -> Problem {
    match death {
        Death::Silent => Problem {
            code: "worker.silent".into(),
            message: format!("worker {owner} let the lease run out"),
            hint: None,
        },
        Death::Gone => Problem {
            code: "worker.died".into(),
            message: format!("worker {owner} died while it held the job"),
            hint: None,
        },
    }
}
