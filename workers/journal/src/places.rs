//! Places that jobs need and that may be away: a store's bucket, a host, a folder. While one is away nothing is asked of
//! it but by one job at a time, over all processes; the others wait, at no cost, and wake together when it answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use earmark_core::{JobId, Problem, Tenant, rfc3339};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::JournalError;
use crate::alerts::{self, NewAlert};
use crate::database::{Database, Write, column, places as placeholders, storable};
use crate::jobs::Journal;

/// The kind of the alert that a place is away.
const AWAY: &str = "place.away";
/// Who closes it.
const ACTOR: &str = "system:places";
/// Jobs remembered for each place; after that all are forgotten, and get another try for nothing.
const FAILED_JOBS: usize = 1000;
/// Places of which something is remembered; a stranger may name any number of hosts.
const PLACES: usize = 10_000;
/// Hosts of the web that are away at the same time (those beyond are their jobs' own fault), and places woken for at once.
const MOST_AWAY: usize = 50;
/// How far the clocks of two machines may be apart before one's answer is taken for older than the other's failure.
const SKEW_MS: i64 = 5_000;

/// How patient this process is with places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Failures in a row, whichever jobs they befell, after which a place is away.
    pub failures: u32,
    /// Between two tries at a place that is not away yet, and the shortest time between two probes.
    pub first_ms: i64,
    /// The longest time between two probes; until then it is a tenth of the time that the place is away.
    pub longest_ms: i64,
    /// How long a probe may take before another job may probe too.
    pub probe_ms: i64,
    /// How long a place must have refused one single job, while no other asked, before that costs the job tries.
    pub alone_ms: i64,
    /// A waiting job looks by itself after this long, whoever forgot to wake it.
    pub rest_ms: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { failures: 3, first_ms: 2_000, longest_ms: 15_000, probe_ms: 30_000, alone_ms: 900_000, rest_ms: 300_000 }
    }
}

/// A place that is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwayPlace {
    /// As people know it: a bucket and its endpoint, a host, a folder and its machine.
    pub name: String,
    /// Code of the failure.
    pub code: String,
    /// The failure in words.
    pub message: String,
    /// What can be done about it.
    pub hint: Option<String>,
    /// Since when it is away.
    pub since_ms: i64,
    /// When it is asked again.
    pub until_ms: i64,
    /// How often it was asked in vain since.
    pub tries: u64,
    /// Jobs that wait for it; counted by [`Places::all`] alone.
    pub jobs_waiting: u64,
}

/// Whether a job may be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pass {
    /// Go on; the job is the probe of these places, for all others.
    Open(Vec<String>),
    /// Wait: this place is away.
    Away(AwayPlace),
}

/// What befell a job at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspect {
    /// It would have befallen any other job too: nobody listens, the key is wrong, the disk is full.
    Place,
    /// It may be this job's recording: the answer broke off, or did not come, or is a gateway's.
    PlaceOrRecording,
    /// It may be this job's recording, and more so: the place answered, with an error of its own.
    Answered,
}

/// What becomes of a job after a failure of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It waits at most this long, at no cost, and is woken before if the place answers.
    Waits(i64),
    /// It was the job's own: the place serves others. It costs a try.
    Costs,
}

/// The places in the database, and what this process knows of them. Clones share both.
#[derive(Debug, Clone)]
pub struct Places {
    db: Database,
    pace: Pace,
    known: Arc<Mutex<HashMap<String, Known>>>,
}

/// What this process has seen of a place since it answered here last.
#[derive(Debug, Default)]
struct Known {
    /// Failures in a row.
    failures: u32,
    /// Whether it was away when it was last asked.
    was_away: bool,
    /// Answers ever.
    answers: u64,
    /// Jobs that failed there.
    failed: HashMap<JobId, FailedJob>,
    /// When a job was last woken to be the probe.
    woken_at_ms: i64,
}

/// A job that failed at a place.
#[derive(Debug)]
struct FailedJob {
    /// How many answers there were before.
    answers: u64,
    /// The place serves others, and nobody else has failed there since.
    is_alone: bool,
}

impl Places {
    /// The places of `db`.
    pub fn new(db: Database) -> Self {
        Self::with_pace(db, Pace::default())
    }

    /// The same with another patience.
    pub fn with_pace(db: Database, pace: Pace) -> Self {
        Self { db, pace, known: Arc::default() }
    }

    /// How long a job waits for a place at most before it looks by itself.
    pub fn rest(&self) -> Duration {
        Duration::from_millis(self.pace.rest_ms.unsigned_abs())
    }

    /// Every place that is away, by name.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn all(&self) -> Result<Vec<AwayPlace>, JournalError> {
        let rows = sqlx::query(
            "SELECT p.*, (SELECT COUNT(*) FROM jobs j WHERE j.waits_for = p.name AND j.state = 'ready') AS jobs_waiting
             FROM places p ORDER BY p.name",
        );
        let rows = rows.fetch_all(self.db.pool()).await;
        self.db.map(rows)?.iter().map(|row| place(&self.db, row)).collect()
    }

    /// The place called `name`, if it is away.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn away(&self, name: &str) -> Result<Option<AwayPlace>, JournalError> {
        Ok(self.away_among(&[name.to_owned()]).await?.pop())
    }

    /// Those of `names` that are away, by name.
    async fn away_among(&self, names: &[String]) -> Result<Vec<AwayPlace>, JournalError> {
        let statement = format!(
            "SELECT p.*, CAST(0 AS BIGINT) AS jobs_waiting FROM places p WHERE p.name IN (VALUES {}) ORDER BY p.name",
            placeholders(names.len(), 1)
        );
        // Placeholders only; every value is bound.
        let query = names.iter().fold(sqlx::query(AssertSqlSafe(statement)), |query, name| query.bind(name.clone()));
        let rows = query.fetch_all(self.db.pool()).await;
        self.db.map(rows)?.iter().map(|row| place(&self.db, row)).collect()
    }

    /// Whether a job that needs the places called `names` may be begun. Where one that is away is to be asked again, this
    /// job is the one that asks, of all processes: it tells [`failed`](Self::failed) or [`answered`](Self::answered).
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn pass(&self, names: &[String]) -> Result<Pass, JournalError> {
        if names.is_empty() {
            return Ok(Pass::Open(Vec::new()));
        }
        let away = self.away_among(names).await?;
        for place in &away {
            self.known().entry(place.name.clone()).or_default().was_away = true;
        }
        let now_ms = self.db.now_ms();
        // What is not to be asked yet first: a probe that is taken and not asked keeps all others from asking.
        let last = away.iter().max_by_key(|place| place.until_ms);
        if let Some(place) = last.filter(|place| place.until_ms > now_ms) {
            return Ok(Pass::Away(place.clone()));
        }
        Ok(match self.claim(&away, now_ms).await? {
            Some(place) => Pass::Away(place.clone()),
            None => Pass::Open(away.into_iter().map(|place| place.name).collect()),
        })
    }

    /// `job` failed at the place called `name` with `problem`; `is_probe` if it was let through as the probe. Says what
    /// becomes of the job. Opens the place's circuit, with an alert, when it has failed often enough.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn failed(
        &self,
        name: &str,
        problem: &Problem,
        job: &JobId,
        suspect: Suspect,
        is_probe: bool,
    ) -> Result<Fate, JournalError> {
        let place = self.away(name).await?;
        let is_the_jobs = match suspect {
            Suspect::Place => false,
            Suspect::PlaceOrRecording => self.serves_others(name, job),
            Suspect::Answered => self.serves_others(name, job) || self.is_alone(place.as_ref(), job).await?,
        };
        let failures = self.count_failure(name, job, place.is_some(), is_the_jobs);
        match place {
            Some(place) if is_probe => self.put_off(&place, problem).await?,
            Some(_) => {}
            None if is_the_jobs || failures < self.pace.failures => {
                return Ok(if is_the_jobs { Fate::Costs } else { Fate::Waits(self.jittered(self.pace.first_ms)) });
            }
            None if self.open(name, problem).await? => {}
            None => return Ok(Fate::Costs),
        }
        Ok(if is_the_jobs { Fate::Costs } else { Fate::Waits(self.pace.rest_ms) })
    }

    /// The place called `name` answered `job`, which asked at `asked_at_ms`. If it was away it is so no more: all jobs that
    /// wait for it are due, and its alert is closed. Gives how many jobs that were.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn answered(&self, name: &str, job: &JobId, asked_at_ms: i64) -> Result<u64, JournalError> {
        let may_be_away = {
            let mut places = self.known();
            // What no failure was seen of here needs no look: its probe sees to it.
            let Some(known) = places.get_mut(name) else { return Ok(0) };
            let may_be_away = known.failures > 0 || known.was_away;
            known.answers += 1;
            known.failures = 0;
            known.failed.remove(job);
            if known.failed.is_empty() && !may_be_away {
                places.remove(name);
            }
            may_be_away
        };
        if !may_be_away {
            return Ok(0);
        }
        let woken = self.close(name, asked_at_ms, "it answers again").await?;
        if let Some(woken) = woken {
            tracing::info!(place = name, jobs = woken, "a place that was away answers again");
        }
        Ok(woken.unwrap_or(0))
    }

    /// Wakes one job for each place that is to be asked again, to ask for all; `journal` says whose turn it may be. To be
    /// called about every second by whoever works; many may.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn wake_probes(&self, journal: &Journal) -> Result<u64, JournalError> {
        let now_ms = self.db.now_ms();
        let mut woken = 0;
        let mut places = self.all().await?;
        places.retain(|place| place.until_ms <= now_ms);
        // Those that are overdue most; the others have the next call.
        places.sort_by_key(|place| place.until_ms);
        let mut turns = 0;
        for place in places {
            if place.jobs_waiting == 0 {
                // It may be on its way between being leased and asking.
                if place.until_ms < now_ms - 2 * self.pace.probe_ms {
                    self.close(&place.name, i64::MAX, "no job waits for it any more").await?;
                }
                continue;
            }
            if turns < MOST_AWAY && self.may_wake(&place.name, now_ms) {
                turns += 1;
                woken += self.wake_one(&place.name, journal, now_ms).await?;
            }
        }
        if woken > 0 {
            self.db.tell_ready();
        }
        Ok(woken)
    }

    /// Whether another job may be woken: the last one had its time to be leased.
    fn may_wake(&self, name: &str, now_ms: i64) -> bool {
        let mut places = self.known();
        let known = places.entry(name.into()).or_default();
        let may = known.woken_at_ms + 2 * self.pace.first_ms <= now_ms;
        if may {
            known.woken_at_ms = now_ms;
        }
        may
    }

    async fn wake_one(&self, name: &str, journal: &Journal, now_ms: i64) -> Result<u64, JournalError> {
        let mut write = self.db.write().await?;
        // The one that has waited longest since it last asked. It stands where it stood before.
        let statement = format!(
            "UPDATE jobs SET run_at_ms = accepted_at_ms WHERE state = 'ready' AND id = (
               SELECT t.id FROM jobs t WHERE t.state = 'ready' AND t.waits_for = $1 AND t.run_at_ms > $2 AND {}
               ORDER BY t.run_at_ms, t.id LIMIT 1{})",
            journal.may_take(),
            self.db.skip_locked()
        );
        // Words of ours only; every value is bound.
        let woken = write.run(sqlx::query(AssertSqlSafe(statement)).bind(name.to_owned()).bind(now_ms)).await?;
        write.commit().await?;
        Ok(woken)
    }

    /// Takes the probes of `places`, by name, all or none; gives one that another has, if there is one.
    async fn claim<'a>(&self, places: &'a [AwayPlace], now_ms: i64) -> Result<Option<&'a AwayPlace>, JournalError> {
        if places.is_empty() {
            return Ok(None);
        }
        let mut write = self.db.write().await?;
        for place in places {
            let statement = sqlx::query("UPDATE places SET until_ms = $1 WHERE name = $2 AND until_ms = $3")
                .bind(now_ms + self.pace.probe_ms)
                .bind(place.name.clone())
                .bind(place.until_ms);
            if write.run(statement).await? == 0 {
                return Ok(Some(place));
            }
        }
        write.commit().await?;
        Ok(None)
    }

    /// Counts a failure of `job`; gives how many there were in a row.
    fn count_failure(&self, name: &str, job: &JobId, is_away: bool, is_the_jobs: bool) -> u32 {
        let mut places = self.known();
        if places.len() >= PLACES {
            places.clear();
        }
        let known = places.entry(name.into()).or_default();
        if known.was_away && !is_away {
            // It answered another process meanwhile, or nobody waited for it any more, which is no answer to anybody.
            known.failures = 0;
        }
        known.was_away = is_away;
        // What is the job's own says nothing of the place; what is not shows that no other was alone in failing.
        if !is_the_jobs {
            known.failures = known.failures.saturating_add(1);
            known.failed.values_mut().for_each(|failed| failed.is_alone = false);
        }
        if known.failed.len() >= FAILED_JOBS {
            known.failed.clear();
        }
        known.failed.insert(job.clone(), FailedJob { answers: known.answers, is_alone: is_the_jobs });
        known.failures
    }

    /// Whether others were answered here since `job` failed there, and none failed.
    fn serves_others(&self, name: &str, job: &JobId) -> bool {
        let places = self.known();
        let Some(known) = places.get(name) else { return false };
        known.failed.get(job).is_some_and(|failed| failed.is_alone || known.answers > failed.answers)
    }

    /// Whether `place` is away for long and nobody but `job` was there.
    async fn is_alone(&self, place: Option<&AwayPlace>, job: &JobId) -> Result<bool, JournalError> {
        let Some(place) = place.filter(|place| place.since_ms + self.pace.alone_ms <= self.db.now_ms()) else {
            return Ok(false);
        };
        let others = sqlx::query("SELECT id FROM jobs WHERE waits_for = $1 AND id <> $2 LIMIT 1")
            .bind(place.name.clone())
            .bind(job.as_str().to_owned())
            .fetch_optional(self.db.pool())
            .await;
        Ok(self.db.map(others)?.is_none())
    }

    /// The probe of `place` was in vain.
    async fn put_off(&self, place: &AwayPlace, problem: &Problem) -> Result<(), JournalError> {
        let now_ms = self.db.now_ms();
        let wait_ms = ((now_ms - place.since_ms) / 10).clamp(self.pace.first_ms, self.pace.longest_ms);
        let mut write = self.db.write().await?;
        let statement = sqlx::query(
            "UPDATE places SET until_ms = $1, tries = tries + 1, code = $2, message = $3, hint = $4 WHERE name = $5",
        )
        .bind(now_ms + self.jittered(wait_ms))
        .bind(problem.code.clone())
        .bind(storable(&problem.message))
        .bind(problem.hint.as_deref().map(storable))
        .bind(place.name.clone());
        write.run(statement).await?;
        write.commit().await
    }

    /// From now on the place called `name` is away; one alert, whoever comes first. False where too many hosts are away.
    async fn open(&self, name: &str, problem: &Problem) -> Result<bool, JournalError> {
        let now_ms = self.db.now_ms();
        let mut write = self.db.write().await?;
        if is_one_too_many(&mut write, name).await? {
            return Ok(false);
        }
        let statement = sqlx::query(
            "INSERT INTO places (name, code, message, hint, since_ms, until_ms) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(name.to_owned())
        .bind(problem.code.clone())
        .bind(storable(&problem.message))
        .bind(problem.hint.as_deref().map(storable))
        .bind(now_ms)
        .bind(now_ms + self.jittered(self.pace.first_ms));
        if write.run(statement).await? > 0 {
            let since = rfc3339(now_ms);
            let message = format!("{name} is away since {since}, its jobs wait: {}", problem.message);
            let alert = NewAlert { kind: AWAY.into(), message };
            alerts::raise_about(&mut write, &Tenant::default(), None, name, &alert).await?;
            tracing::error!(target: alerts::ALERT_LOG, kind = AWAY, code = %problem.code, "alert: {name} is away, its jobs wait: {}", problem.message);
        }
        write.commit().await?;
        self.known().entry(name.into()).or_default().was_away = true;
        Ok(true)
    }

    /// The place called `name` is away no more, if it was so before `asked_at_ms`; gives how many jobs are due by that, and
    /// none where it was not away.
    async fn close(&self, name: &str, asked_at_ms: i64, cause: &str) -> Result<Option<u64>, JournalError> {
        let mut write = self.db.write().await?;
        // In doubt it is back: if it is not, its next failures show it.
        let before_ms = asked_at_ms.saturating_add(if self.db.is_shared() { SKEW_MS } else { 0 });
        // First: whoever puts a job off for it at this moment holds the row until that job waits (`put_off_for`).
        let gone = sqlx::query("DELETE FROM places WHERE name = $1 AND since_ms <= $2");
        if write.run(gone.bind(name.to_owned()).bind(before_ms)).await? == 0 {
            return Ok(None);
        }
        let woken = wake_all(&mut write, name).await?;
        alerts::close_about(&mut write, AWAY, name, ACTOR, cause).await?;
        write.commit().await?;
        self.known().entry(name.into()).or_default().was_away = false;
        self.db.tell_ready();
        Ok(Some(woken))
    }

    /// Between three quarters and all of `wait_ms`: not all processes ask at the same moment.
    fn jittered(&self, wait_ms: i64) -> i64 {
        wait_ms - fastrand::i64(0..=wait_ms / 4)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        // It is whole after every statement.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes all jobs due that wait for the place called `name`, where they stood before; gives how many.
async fn wake_all(write: &mut Write, name: &str) -> Result<u64, JournalError> {
    // In order, so that two who do this do not wait for each other.
    let statement = format!(
        "UPDATE jobs SET run_at_ms = CASE WHEN run_at_ms > accepted_at_ms THEN accepted_at_ms ELSE run_at_ms END, waits_for = NULL
         WHERE state = 'ready' AND id IN (SELECT id FROM jobs WHERE state = 'ready' AND waits_for = $1 ORDER BY id{})",
        write.db().for_update()
    );
    // Words and placeholders of ours only; every value is bound.
    write.run(sqlx::query(AssertSqlSafe(statement)).bind(name.to_owned())).await
}

/// Whether the place called `name` is a host of the web, which any stranger may name, and enough others are away.
async fn is_one_too_many(write: &mut Write, name: &str) -> Result<bool, JournalError> {
    if !name.starts_with("https://") && !name.starts_with("http://") {
        return Ok(false);
    }
    let others = "SELECT name FROM places WHERE (name LIKE 'https://%' OR name LIKE 'http://%') AND name <> $1";
    Ok(write.rows(sqlx::query(others).bind(name.to_owned())).await?.len() >= MOST_AWAY)
}

fn place(db: &Database, row: &AnyRow) -> Result<AwayPlace, JournalError> {
    Ok(AwayPlace {
        name: column(db, row, "name")?,
        code: column(db, row, "code")?,
        message: column(db, row, "message")?,
        hint: column(db, row, "hint")?,
        since_ms: column(db, row, "since_ms")?,
        until_ms: column(db, row, "until_ms")?,
        tries: column::<i64>(db, row, "tries")?.unsigned_abs(),
        jobs_waiting: column::<i64>(db, row, "jobs_waiting")?.unsigned_abs(),
    })
}
