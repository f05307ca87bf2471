//! Usage: what was sent, for whom, on which account, and what it cost; and the budgets it must stay within.
//!
//! A request is booked before it is sent, at the price it will have, and settled at the true one when it is answered.
//! When nobody lives to see the answer the booking stays: the provider may have billed it.

use std::fmt::Write as _;

use earmark_core::{JobId, Tenant};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::JournalError;
use crate::alerts::{self, NewAlert};
use crate::database::{Database, Query, Write, column, parsed};

/// Days that a mean latency is taken over, today included.
const LATENCY_DAYS: i64 = 7;
const DAY_MS: i64 = 86_400_000;

/// A request about to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// The day it counts to, `YYYY-MM-DD`; its settlement too, even after midnight.
    pub day: String,
    /// The tenant who pays for it.
    pub tenant: Tenant,
    /// On which account.
    pub account: String,
    /// For which job; none for a request of the served API.
    pub job_id: Option<JobId>,
    /// Audio that is sent.
    pub audio_ms: u64,
    /// What it will cost, in millionths of a yuan.
    pub price_micro_cny: i64,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Audio that the provider bills.
    pub billed_ms: u64,
    /// What it cost, in millionths of a yuan; 0 for one that was refused.
    pub price_micro_cny: i64,
    /// From the first byte sent to the last one read.
    pub latency_ms: u64,
    /// Whether there was an answer, and no error.
    pub is_answered: bool,
}

/// What a tenant may spend on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// In millionths of a yuan.
    pub limit_micro_cny: i64,
}

/// Which usage to sum. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// On this day, `YYYY-MM-DD`, or later.
    pub since_day: Option<String>,
    /// Of this tenant only; none for everybody's.
    pub tenant: Option<Tenant>,
    /// On which account.
    pub account: Option<String>,
    /// A row per job, instead of one for all jobs of a day, tenant and account.
    pub by_job: bool,
}

/// Sums of a day, a tenant and an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The day that it counts to, `YYYY-MM-DD`.
    pub day: String,
    /// The tenant who pays.
    pub tenant: Tenant,
    /// On which account.
    pub account: String,
    /// For which job; none in sums over jobs and for requests without one.
    pub job_id: Option<JobId>,
    /// Requests that were booked, answered or not.
    pub requests: u64,
    /// Requests among them that were answered without an error.
    pub answered: u64,
    /// Audio in the requests, as it was sent.
    pub audio_ms: u64,
    /// Audio in the answers, as the provider bills it.
    pub billed_ms: u64,
    /// Price: the true one of what is settled, the expected one of what is not. In millionths of a yuan.
    pub price_micro_cny: i64,
    /// Latency of the answered requests together.
    pub latency_ms: u64,
}

/// The usage in the database. Clones share it.
#[derive(Debug, Clone)]
pub struct Usage {
    db: Database,
}

impl Usage {
    /// The usage of `db`.
    pub fn new(db: Database) -> Self {
        Self { db }
    }

    /// Books a request without a job, within `budget` if there is one.
    ///
    /// # Errors
    /// [`JournalError::BudgetSpent`]: nothing is booked, and the first time on that day there is an alert.
    pub async fn book(&self, booking: &Booking, budget: Option<Budget>) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        let booked = book(&mut write, booking, budget).await?;
        write.commit().await?;
        booked.into_result()
    }

    /// Replaces what `booking` was expected to cost by what it cost. Once for each booking.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn settle(&self, booking: &Booking, settlement: &Settlement) -> Result<(), JournalError> {
        let mut write = self.db.write().await?;
        settle(&mut write, booking, settlement).await?;
        write.commit().await
    }

    /// Sums per day, tenant and account (and job), in that order.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn rows(&self, filter: &UsageFilter) -> Result<Vec<UsageRow>, JournalError> {
        let mut values = vec![filter.since_day.clone().unwrap_or_default()];
        let mut conditions = String::new();
        let equal = [("tenant", filter.tenant.as_ref().map(ToString::to_string)), ("account", filter.account.clone())];
        for (name, value) in equal {
            if let Some(value) = value {
                values.push(value);
                let _ = write!(conditions, " AND {name} = ${}", values.len());
            }
        }
        let (job, group) =
            if filter.by_job { ("job_id", "day, tenant, account, job_id") } else { ("''", "day, tenant, account") };
        let mut sums = String::new();
        for name in ["requests", "answered", "audio_ms", "billed_ms", "price_micro_cny", "latency_ms"] {
            // PostgreSQL sums BIGINT to NUMERIC.
            let _ = write!(sums, ", CAST(SUM({name}) AS BIGINT) AS {name}");
        }
        let statement = format!(
            "SELECT day, tenant, account, {job} AS job_id{sums} FROM usage WHERE day >= $1{conditions} GROUP BY {group} ORDER BY {group}"
        );
        // Column names and placeholders only; every value is bound.
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for value in values {
            query = query.bind(value);
        }
        let rows = query.fetch_all(self.db.pool()).await;
        self.db.map(rows)?.iter().map(|found| usage_row(&self.db, found)).collect()
    }

    /// How long answered requests on `account` took in the last seven days, in the mean; none when there were none.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn mean_latency_ms(&self, account: &str) -> Result<Option<u64>, JournalError> {
        let found = sqlx::query(
            "SELECT CAST(COALESCE(SUM(latency_ms), 0) AS BIGINT) AS latency_ms, CAST(COALESCE(SUM(answered), 0) AS BIGINT) AS answered
             FROM usage WHERE day >= $1 AND account = $2",
        )
        .bind(day_of(self.db.now_ms() - (LATENCY_DAYS - 1) * DAY_MS))
        .bind(account.to_owned())
        .fetch_one(self.db.pool())
        .await;
        let found = self.db.map(found)?;
        let (latency_ms, answered) = (sum(&self.db, &found, "latency_ms")?, sum(&self.db, &found, "answered")?);
        Ok(latency_ms.checked_div(answered))
    }
}

/// What became of a wish to book. A refusal has to be committed too: its alert is in the transaction.
#[must_use]
pub(crate) enum Booked {
    Yes,
    No(JournalError),
}

impl Booked {
    pub(crate) fn into_result(self) -> Result<(), JournalError> {
        match self {
            Self::Yes => Ok(()),
            Self::No(refusal) => Err(refusal),
        }
    }
}

/// Books `booking` within `budget`.
pub(crate) async fn book(write: &mut Write, booking: &Booking, budget: Option<Budget>) -> Result<Booked, JournalError> {
    // Writing the row first makes other bookings of this tenant wait, on every database.
    let taken = sqlx::query(
        "INSERT INTO spending (day, tenant) VALUES ($1, $2)
         ON CONFLICT (day, tenant) DO UPDATE SET alerted = spending.alerted RETURNING price_micro_cny, alerted",
    );
    let found = write
        .row(of_day(taken, booking))
        .await?
        .ok_or_else(|| JournalError::Database { place: write.db().place(), source: sqlx::Error::RowNotFound })?;
    let spent_micro_cny: i64 = column(write.db(), &found, "price_micro_cny")?;
    if let Some(Budget { limit_micro_cny }) = budget
        && spent_micro_cny.saturating_add(booking.price_micro_cny) > limit_micro_cny
    {
        let refusal = JournalError::BudgetSpent {
            tenant: booking.tenant.clone(),
            day: booking.day.clone(),
            spent_micro_cny,
            limit_micro_cny,
        };
        if column::<i64>(write.db(), &found, "alerted")? == 0 {
            raise_alert(write, booking, &refusal).await?;
        }
        return Ok(Booked::No(refusal));
    }
    spend(write, booking, booking.price_micro_cny).await?;
    let statement = sqlx::query(
        "INSERT INTO usage (day, tenant, account, job_id, requests, audio_ms, price_micro_cny) VALUES ($1, $2, $3, $4, 1, $5, $6)
         ON CONFLICT (day, tenant, account, job_id) DO UPDATE
         SET requests = usage.requests + 1, audio_ms = usage.audio_ms + excluded.audio_ms,
             price_micro_cny = usage.price_micro_cny + excluded.price_micro_cny",
    );
    let statement = of_row(statement, booking).bind(stored(booking.audio_ms)).bind(booking.price_micro_cny);
    write.run(statement).await?;
    Ok(Booked::Yes)
}

/// Replaces what `booking` was expected to cost by what it cost.
pub(crate) async fn settle(write: &mut Write, booking: &Booking, settlement: &Settlement) -> Result<(), JournalError> {
    let correction = settlement.price_micro_cny - booking.price_micro_cny;
    // First what the day has cost, as a booking does. What was never booked was never counted as spent.
    let spent = sqlx::query(
        "UPDATE spending SET price_micro_cny = price_micro_cny + $5 WHERE day = $1 AND tenant = $2
         AND EXISTS (SELECT 1 FROM usage u WHERE u.day = $1 AND u.tenant = $2 AND u.account = $3 AND u.job_id = $4)",
    );
    write.run(of_row(spent, booking).bind(correction)).await?;
    let statement = sqlx::query(
        "UPDATE usage SET answered = answered + $5, billed_ms = billed_ms + $6, price_micro_cny = price_micro_cny + $7, latency_ms = latency_ms + $8
         WHERE day = $1 AND tenant = $2 AND account = $3 AND job_id = $4",
    );
    // An error comes back fast and says nothing about how long an answer takes.
    let latency_ms = if settlement.is_answered { settlement.latency_ms } else { 0 };
    let statement = of_row(statement, booking)
        .bind(i64::from(settlement.is_answered))
        .bind(stored(settlement.billed_ms))
        .bind(correction)
        .bind(stored(latency_ms));
    write.run(statement).await?;
    Ok(())
}

async fn spend(write: &mut Write, booking: &Booking, price_micro_cny: i64) -> Result<(), JournalError> {
    let statement =
        sqlx::query("UPDATE spending SET price_micro_cny = price_micro_cny + $3 WHERE day = $1 AND tenant = $2");
    write.run(of_day(statement, booking).bind(price_micro_cny)).await?;
    Ok(())
}

async fn raise_alert(write: &mut Write, booking: &Booking, refusal: &JournalError) -> Result<(), JournalError> {
    let alert = NewAlert { kind: "budget.spent".into(), message: refusal.to_string() };
    // Of one day, however often it is found to be spent.
    alerts::raise_about(write, &booking.tenant, None, &booking.day, &alert).await?;
    let statement = sqlx::query("UPDATE spending SET alerted = 1 WHERE day = $1 AND tenant = $2");
    write.run(of_day(statement, booking)).await?;
    Ok(())
}

/// Binds `$1` and `$2` of a statement with day and tenant.
fn of_day<'q>(statement: Query<'q>, booking: &Booking) -> Query<'q> {
    statement.bind(booking.day.clone()).bind(booking.tenant.as_str().to_owned())
}

/// Binds `$1` to `$4` of a statement with day, tenant, account and job.
fn of_row<'q>(statement: Query<'q>, booking: &Booking) -> Query<'q> {
    let job = booking.job_id.as_ref().map_or(String::new(), ToString::to_string);
    of_day(statement, booking).bind(booking.account.clone()).bind(job)
}

fn usage_row(db: &Database, found: &AnyRow) -> Result<UsageRow, JournalError> {
    let job_id = parsed(db, found, "job_id", |text| match text {
        "" => Ok(None),
        id => JobId::parse(id).map(Some),
    })?;
    Ok(UsageRow {
        day: column(db, found, "day")?,
        tenant: parsed(db, found, "tenant", Tenant::parse)?,
        account: column(db, found, "account")?,
        job_id,
        requests: sum(db, found, "requests")?,
        answered: sum(db, found, "answered")?,
        audio_ms: sum(db, found, "audio_ms")?,
        billed_ms: sum(db, found, "billed_ms")?,
        price_micro_cny: column(db, found, "price_micro_cny")?,
        latency_ms: sum(db, found, "latency_ms")?,
    })
}

/// A sum that is never negative.
fn sum(db: &Database, found: &AnyRow, name: &'static str) -> Result<u64, JournalError> {
    let value: i64 = column(db, found, name)?;
    u64::try_from(value).map_err(|error| JournalError::Unreadable {
        column: name,
        value: value.to_string(),
        why: error.to_string(),
    })
}

fn stored(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The day in UTC. Bookings may count days from another midnight, which a mean does not feel.
pub(crate) fn day_of(ms: i64) -> String {
    let mut day = earmark_core::rfc3339(ms);
    day.truncate("YYYY-MM-DD".len());
    day
}
