//! When the queue as a whole is something to look at: work waits and nobody does it, the oldest job waits too long, too
//! many jobs are given up. Each is an alert that stands for as long as its cause does, and closes by itself.

use earmark_core::Tenant;

use super::Journal;
use super::pause::NOT_PAUSED;
use crate::JournalError;
use crate::alerts::{self, NewAlert};
use crate::database::{Write, column};

/// What these alerts are about: there is one of a kind.
const SUBJECT: &str = "queue";
/// Work waits, and no worker lives.
const NO_WORKER: &str = "workers.none";
/// The oldest job that could be taken has not been for too long.
const WAITING: &str = "jobs.waiting";
/// Too many jobs were given up within an hour.
const DYING: &str = "jobs.dying";
/// The time within which jobs that were given up are counted together.
const DYING_WITHIN_MS: i64 = 60 * 60 * 1000;
/// Jobs that are counted for a message, at most: a million take a server half a second.
const MOST_COUNTED: i64 = 10_000;

/// From when on something is to be looked at; none: never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertLimits {
    /// How long a job may be due while no worker lives, in milliseconds.
    pub no_worker_ms: Option<i64>,
    /// How long a job may be due and not be taken, in milliseconds.
    pub oldest_job_ms: Option<i64>,
    /// How many jobs may be given up within an hour.
    pub dead_per_hour: Option<u64>,
}

/// Looks at the queue again and again; one in each process, and whichever looks first raises or closes an alert.
pub struct Watch {
    journal: Journal,
    limits: AlertLimits,
    actor: String,
    /// At the last look no worker lived. Whoever asks right after the database was away hears of none: all need a moment to
    /// say that they live. So it takes two looks in a row.
    had_no_worker: bool,
    /// At the last look all was well, and nothing stood: while that is so, nobody searches the alerts.
    was_well: bool,
}

/// What a look changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchReport {
    /// Alerts that were raised.
    pub raised: Vec<NewAlert>,
    /// Kinds that were closed, each with why.
    pub closed: Vec<(&'static str, String)>,
}

/// How one of the things that are looked at stands.
enum Finding {
    /// It is to be looked at, for this reason.
    Bad(String),
    /// Neither: what stands goes on to stand.
    Unsure,
    /// It is well, for this reason.
    Well(String),
}

impl Watch {
    /// Looks at the queue of `journal`; what it does stands under the name of `actor`.
    pub fn new(journal: Journal, limits: AlertLimits, actor: String) -> Self {
        Self { journal, limits, actor, had_no_worker: false, was_well: false }
    }

    /// Looks once; raises what is to be raised and closes what is over. To be called about every ten seconds.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; the next look finds the same.
    pub async fn look(&mut self) -> Result<WatchReport, JournalError> {
        let found = self.findings().await;
        if found.is_err() {
            self.had_no_worker = false;
        }
        let found = found?;
        let is_well = found.iter().all(|(_, finding)| matches!(finding, Finding::Well(_)));
        if is_well && self.was_well {
            return Ok(WatchReport::default());
        }
        self.was_well = false;
        let standing = self.standing().await?;
        let is_news = |kind: &str, finding: &Finding| match finding {
            Finding::Bad(_) => !standing.iter().any(|stands| stands == kind),
            Finding::Unsure => false,
            Finding::Well(_) => standing.iter().any(|stands| stands == kind),
        };
        let mut report = WatchReport::default();
        let news: Vec<_> = found.into_iter().filter(|(kind, finding)| is_news(kind, finding)).collect();
        if news.is_empty() {
            self.was_well = is_well;
            return Ok(report);
        }
        let mut write = self.journal.db.write().await?;
        for (kind, finding) in news {
            match finding {
                Finding::Bad(message) => {
                    let alert = NewAlert { kind: kind.into(), message };
                    alerts::raise_about(&mut write, &Tenant::default(), None, SUBJECT, &alert).await?;
                    report.raised.push(alert);
                }
                Finding::Well(cause) => {
                    over(&mut write, kind, &self.actor, &cause).await?;
                    report.closed.push((kind, cause));
                }
                Finding::Unsure => {}
            }
        }
        write.commit().await?;
        self.was_well = is_well;
        Ok(report)
    }

    async fn findings(&mut self) -> Result<[(&'static str, Finding); 3], JournalError> {
        let due_for_ms = self.oldest_due_ms().await?;
        Ok([
            (NO_WORKER, self.workers(due_for_ms).await?),
            (WAITING, self.waiting(due_for_ms).await?),
            (DYING, self.dying().await?),
        ])
    }

    async fn workers(&mut self, due_for_ms: Option<i64>) -> Result<Finding, JournalError> {
        let Some(limit_ms) = self.limits.no_worker_ms else { return Ok(off()) };
        let Some(due_for_ms) = due_for_ms else {
            self.had_no_worker = false;
            return Ok(Finding::Well("no job is due".into()));
        };
        let count = self.journal.live_workers().await?;
        if count.live > 0 {
            self.had_no_worker = false;
            return Ok(Finding::Well("a worker is alive".into()));
        }
        let last = self.journal.last_worker().await?;
        let had_no_worker = std::mem::replace(&mut self.had_no_worker, true);
        if !had_no_worker || due_for_ms < limit_ms || last.as_ref().is_some_and(|last| last.seen_ago_ms < limit_ms) {
            return Ok(Finding::Unsure);
        }
        let last = last.map_or_else(String::new, |last| {
            format!("; the last, process {} on {}, was seen {} ago", last.pid, last.host, spoken(last.seen_ago_ms))
        });
        let jobs = self.due_jobs().await?;
        Ok(Finding::Bad(format!("no worker is alive and {jobs}, the oldest since {}{last}", spoken(due_for_ms))))
    }

    async fn waiting(&self, due_for_ms: Option<i64>) -> Result<Finding, JournalError> {
        let Some(limit_ms) = self.limits.oldest_job_ms else { return Ok(off()) };
        let Some(due_for_ms) = due_for_ms.filter(|due_for_ms| *due_for_ms > limit_ms) else {
            return Ok(Finding::Well(format!("no job is due for longer than {}", spoken(limit_ms))));
        };
        let count = self.journal.live_workers().await?;
        let jobs = self.due_jobs().await?;
        Ok(Finding::Bad(format!(
            "{jobs}, the oldest since {}; workers alive: {}, with slots: {}",
            spoken(due_for_ms),
            count.live,
            count.slots
        )))
    }

    async fn dying(&self) -> Result<Finding, JournalError> {
        let Some(limit) = self.limits.dead_per_hour else { return Ok(off()) };
        let db = &self.journal.db;
        let rows = sqlx::query(
            "SELECT COALESCE(error_code, '') AS code, COUNT(*) AS jobs FROM
               (SELECT error_code FROM jobs WHERE state = 'dead' AND finished_at_ms >= $1 ORDER BY finished_at_ms DESC LIMIT $2) AS given_up
             GROUP BY error_code ORDER BY jobs DESC, code",
        )
        .bind(db.now_ms() - DYING_WITHIN_MS)
        .bind(MOST_COUNTED.max(i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1))
        .fetch_all(db.pool())
        .await;
        let rows = db.map(rows)?;
        let (mut all, mut most) = (0, None);
        for found in &rows {
            let jobs = column::<i64>(db, found, "jobs")?.unsigned_abs();
            all += jobs;
            if most.is_none() {
                most = Some((column::<String>(db, found, "code")?, jobs));
            }
        }
        // Half of it, so that it does not come and go with every job.
        if all <= limit / 2 {
            return Ok(Finding::Well(format!("{all} jobs were given up within the last hour")));
        }
        match most {
            Some((code, jobs)) if all > limit => {
                Ok(Finding::Bad(format!("{all} jobs were given up within an hour, {jobs} of them with {code}")))
            }
            _ => Ok(Finding::Unsure),
        }
    }

    /// For how long the oldest job that could be taken has been due; none where nothing is due, or all of it is paused.
    async fn oldest_due_ms(&self) -> Result<Option<i64>, JournalError> {
        let db = &self.journal.db;
        let now_ms = db.now_ms();
        let statement = format!(
            "SELECT t.run_at_ms AS due FROM jobs t WHERE t.state = 'ready' AND t.run_at_ms <= $1 AND {NOT_PAUSED} ORDER BY t.run_at_ms LIMIT 1"
        );
        // Words of ours and a placeholder.
        let found = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(now_ms).fetch_optional(db.pool()).await;
        let due_ms = db.map(found)?.map(|found| column::<i64>(db, &found, "due")).transpose()?;
        Ok(due_ms.map(|due_ms| now_ms - due_ms))
    }

    /// How many jobs could be taken, in words.
    async fn due_jobs(&self) -> Result<String, JournalError> {
        let db = &self.journal.db;
        let statement = format!(
            "SELECT COUNT(*) AS jobs FROM
               (SELECT 1 AS one FROM jobs t WHERE t.state = 'ready' AND t.run_at_ms <= $1 AND {NOT_PAUSED} LIMIT $2) AS due"
        );
        // Words of ours and placeholders.
        let found = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(db.now_ms()).bind(MOST_COUNTED);
        let jobs: i64 = column(db, &db.map(found.fetch_one(db.pool()).await)?, "jobs")?;
        Ok(match jobs {
            1 => "1 job is due".into(),
            MOST_COUNTED.. => format!("{MOST_COUNTED} jobs or more are due"),
            jobs => format!("{jobs} jobs are due"),
        })
    }

    /// Kinds whose cause has not been over since they were raised, whether or not a person has seen to them.
    async fn standing(&self) -> Result<Vec<String>, JournalError> {
        let db = &self.journal.db;
        let rows = sqlx::query(
            "SELECT DISTINCT kind FROM alerts WHERE subject = $1 AND cause IS NULL AND kind IN ($2, $3, $4)",
        )
        .bind(SUBJECT)
        .bind(NO_WORKER)
        .bind(WAITING)
        .bind(DYING)
        .fetch_all(db.pool())
        .await;
        db.map(rows)?.iter().map(|found| column(db, found, "kind")).collect()
    }
}

/// Closes what stands of `kind`. What a person has seen to keeps that name and hears the cause: from now on the same again
/// is news.
async fn over(write: &mut Write, kind: &str, actor: &str, cause: &str) -> Result<(), JournalError> {
    let statement = sqlx::query(
        "UPDATE alerts SET acked_at_ms = COALESCE(acked_at_ms, $1), acked_by = COALESCE(acked_by, $2), cause = $3
         WHERE kind = $4 AND subject = $5 AND cause IS NULL",
    )
    .bind(write.db().now_ms())
    .bind(actor.to_owned())
    .bind(cause.to_owned())
    .bind(kind.to_owned())
    .bind(SUBJECT);
    write.run(statement).await?;
    Ok(())
}

fn off() -> Finding {
    Finding::Well("this is not looked at any more".into())
}

/// A length of time in one unit.
fn spoken(ms: i64) -> String {
    let secs = ms.max(0) / 1000;
    match secs {
        0..120 => format!("{secs} s"),
        120..7_200 => format!("{} min", secs / 60),
        _ => format!("{} h", secs / 3600),
    }
}
