//! Which ready jobs lie in a server's queue, and which are next to be put there.
//!
//! A job that was put there carries a mark with an end. The mark only saves work: a job delivered twice is leased once,
//! and one whose mark was made by a process that died before it could deliver is free again when the mark runs out.

use earmark_core::{JobId, Lane, Tenant};
use sqlx::AssertSqlSafe;

use super::Journal;
use crate::JournalError;
use crate::database::{Write, column, parsed};

/// Ids per statement; SQLite allows 32 766 values, PostgreSQL 65 535.
const IDS: usize = 500;

/// Tenants with a job to be put in lane `$1` at instant `$2`, those whose turn it is first, at most `$3`.
fn tenants(journal: &Journal) -> String {
    format!(
        "
    SELECT t.tenant AS tenant FROM turns t
    WHERE t.lane = $1 AND {}
      AND EXISTS (SELECT 1 FROM jobs j WHERE j.state = 'ready' AND j.lane = t.lane AND j.tenant = t.tenant AND j.run_at_ms <= $2
                  AND (j.queued_until_ms IS NULL OR j.queued_until_ms <= $2))
    ORDER BY t.served, t.tenant LIMIT $3",
        journal.may_take()
    )
}

impl Journal {
    /// Marks up to `room` jobs of `lane` that are due as queued for `mark_ms` and gives them in the order in which they
    /// are to be delivered: tenants in turn, within a tenant the highest priority, then the longest due. Several processes
    /// may do so at once: none gets a job of another.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; then nothing was marked.
    pub async fn queue_due(&self, lane: Lane, room: usize, mark_ms: i64) -> Result<Vec<JobId>, JournalError> {
        let now_ms = self.db.now_ms();
        // Looking costs no turn to write, and mostly there is nothing.
        // Words of ours only.
        let tenants = sqlx::query(AssertSqlSafe(tenants(self)))
            .bind(lane.as_str())
            .bind(now_ms)
            .bind(i64::try_from(room).unwrap_or(i64::MAX))
            .fetch_all(self.db.pool())
            .await;
        let mut tenants = self
            .db
            .map(tenants)?
            .iter()
            .map(|row| parsed(&self.db, row, "tenant", Tenant::parse))
            .collect::<Result<Vec<_>, _>>()?;
        if tenants.is_empty() || room == 0 {
            return Ok(Vec::new());
        }
        let mut write = self.db.write().await?;
        let mut dealt: Vec<(Tenant, JobId)> = Vec::new();
        while dealt.len() < room && !tenants.is_empty() {
            let left = room - dealt.len();
            // The first in turn get what cannot be divided.
            let (each, over) = (left / tenants.len(), left % tenants.len());
            let mut hands = Vec::with_capacity(tenants.len());
            for (place, tenant) in tenants.into_iter().enumerate() {
                let share = (each + usize::from(place < over)).min(self.room_of(&mut write, &tenant, now_ms).await?);
                if share > 0 {
                    let jobs = mark(&mut write, lane, &tenant, share, now_ms, mark_ms).await?;
                    hands.push((tenant, share, jobs));
                }
            }
            dealt.extend(in_turn(&hands));
            // Who had fewer than their share have no more.
            tenants =
                hands.into_iter().filter(|(_, share, jobs)| jobs.len() == *share).map(|(tenant, ..)| tenant).collect();
        }
        advance_turns(&mut write, lane, &dealt).await?;
        write.commit().await?;
        Ok(dealt.into_iter().map(|(_, job)| job).collect())
    }

    /// How many more jobs of `tenant` may be put in streams before it has as many as it may have leased.
    async fn room_of(&self, write: &mut Write, tenant: &Tenant, now_ms: i64) -> Result<usize, JournalError> {
        let Some(cap) = self.caps.of(tenant) else { return Ok(usize::MAX) };
        let under_way = sqlx::query(
            "SELECT COUNT(*) AS jobs FROM jobs WHERE tenant = $1 AND (state = 'leased' OR (state = 'ready' AND queued_until_ms > $2))",
        );
        let found = write.row(under_way.bind(tenant.as_str().to_owned()).bind(now_ms)).await?;
        let jobs = found.map(|found| column::<i64>(&self.db, &found, "jobs")).transpose()?.unwrap_or_default();
        Ok(usize::try_from(i64::from(cap) - jobs).unwrap_or(0))
    }

    /// Gives the marks of `jobs`, as far as they are ready, another end: `mark_ms` from now. With 0 they may be queued
    /// again at once.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn mark_queued(&self, jobs: &[JobId], mark_ms: i64) -> Result<(), JournalError> {
        let until_ms = self.db.now_ms() + mark_ms;
        for jobs in jobs.chunks(IDS) {
            let places: Vec<String> = (2..).take(jobs.len()).map(|place| format!("${place}")).collect();
            let statement =
                format!("UPDATE jobs SET queued_until_ms = $1 WHERE state = 'ready' AND id IN ({})", places.join(", "));
            // Placeholders only; every value is bound.
            let mut query = sqlx::query(AssertSqlSafe(statement)).bind(until_ms);
            for job in jobs {
                query = query.bind(job.as_str().to_owned());
            }
            let mut write = self.db.write().await?;
            write.run(query).await?;
            write.commit().await?;
        }
        Ok(())
    }

    /// Forgets that jobs are queued, for the queue has forgotten them too; gives how many they were.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn forget_queued(&self) -> Result<u64, JournalError> {
        let mut write = self.db.write().await?;
        let forgotten = write
            .run(sqlx::query(
                "UPDATE jobs SET queued_until_ms = NULL WHERE state = 'ready' AND queued_until_ms IS NOT NULL",
            ))
            .await?;
        write.commit().await?;
        Ok(forgotten)
    }
}

/// Marks up to `share` jobs of `tenant`; those that another process is just taking are left to it.
async fn mark(
    write: &mut Write,
    lane: Lane,
    tenant: &Tenant,
    share: usize,
    now_ms: i64,
    mark_ms: i64,
) -> Result<Vec<JobId>, JournalError> {
    let skip_locked = write.db().skip_locked();
    let statement = format!(
        "UPDATE jobs SET queued_until_ms = $5 WHERE state = 'ready' AND id IN (
             SELECT id FROM jobs WHERE state = 'ready' AND lane = $1 AND tenant = $2 AND run_at_ms <= $3
                AND (queued_until_ms IS NULL OR queued_until_ms <= $3)
             ORDER BY priority DESC, run_at_ms, id LIMIT $4{skip_locked})
         RETURNING id, priority, run_at_ms"
    );
    // Words of ours only.
    let query = sqlx::query(AssertSqlSafe(statement))
        .bind(lane.as_str())
        .bind(tenant.as_str().to_owned())
        .bind(now_ms)
        .bind(i64::try_from(share).unwrap_or(i64::MAX))
        .bind(now_ms + mark_ms);
    let mut jobs = Vec::new();
    for row in write.rows(query).await? {
        let (priority, run_at_ms): (i64, i64) =
            (column(write.db(), &row, "priority")?, column(write.db(), &row, "run_at_ms")?);
        jobs.push((std::cmp::Reverse(priority), run_at_ms, parsed(write.db(), &row, "id", JobId::parse)?));
    }
    // RETURNING promises no order.
    jobs.sort();
    Ok(jobs.into_iter().map(|(_, _, job)| job).collect())
}

/// A job of each, then again a job of each, as long as there are any.
fn in_turn(hands: &[(Tenant, usize, Vec<JobId>)]) -> Vec<(Tenant, JobId)> {
    let longest = hands.iter().map(|(_, _, jobs)| jobs.len()).max().unwrap_or(0);
    let round =
        |at: usize| hands.iter().filter_map(move |(tenant, _, jobs)| Some((tenant.clone(), jobs.get(at)?.clone())));
    (0..longest).flat_map(round).collect()
}

/// Whoever was dealt a job last has the last turn.
async fn advance_turns(write: &mut Write, lane: Lane, dealt: &[(Tenant, JobId)]) -> Result<(), JournalError> {
    // In one order in all processes, so that none waits for another in a circle.
    let last: std::collections::BTreeMap<&Tenant, usize> =
        dealt.iter().enumerate().map(|(place, (tenant, _))| (tenant, place + 1)).collect();
    if last.is_empty() {
        return Ok(());
    }
    let most = sqlx::query("SELECT MAX(served) AS served FROM turns WHERE lane = $1").bind(lane.as_str());
    let most: i64 = match write.row(most).await? {
        Some(row) => column::<Option<i64>>(write.db(), &row, "served")?.unwrap_or(0),
        None => 0,
    };
    for (tenant, place) in last {
        let served = sqlx::query("UPDATE turns SET served = $1 WHERE lane = $2 AND tenant = $3")
            .bind(most + i64::try_from(place).unwrap_or(0))
            .bind(lane.as_str())
            .bind(tenant.as_str().to_owned());
        write.run(served).await?;
    }
    Ok(())
}
