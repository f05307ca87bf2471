//! An account at the provider, and what was used of it.

use earmark_core::{JobId, Tenant};
use earmark_journal::UsageRow;
use serde::Serialize;

use super::yuan;

/// An account: its limits, whether it is open, and what was used today.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccountView {
    /// Its name in the configuration.
    pub account: String,
    /// Its tier in the provider's words; none for the built-in engine and for one that is configured no more.
    pub tier: Option<String>,
    /// Requests at a time by configuration; none where there is no tier.
    pub limit: Option<usize>,
    /// Requests at a time after adaptation; none where the permits' store did not answer in time.
    pub limit_now: Option<usize>,
    /// Requests under way, over all processes; none as above.
    pub in_flight: Option<usize>,
    /// Requests that wait for a permit, over all processes; none as above.
    pub waiting: Option<usize>,
    /// `open`, `cooling` or `paused`.
    pub state: String,
    /// When it opens by itself, RFC 3339; none where it is open, or waits for a person.
    pub until: Option<String>,
    /// Code of what stopped it; none while it is open.
    pub code: Option<String>,
    /// What stopped it, in words; none while it is open.
    pub why: Option<String>,
    /// Who changed its state last; none for one that was never stopped.
    pub changed_by: Option<String>,
    /// What was used of it since its day began.
    pub today: Today,
}

/// What was used of an account on one day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Today {
    /// The day, `YYYY-MM-DD`.
    pub day: String,
    /// Requests booked, answered or not.
    pub requests: u64,
    /// Audio sent, in milliseconds.
    pub audio_ms: u64,
    /// Audio billed, in milliseconds.
    pub billed_ms: u64,
    /// What it costs, in yuan.
    pub price_cny: f64,
}

/// What was used on a day by a tenant of an account, or by one job of theirs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UsageView {
    /// The day, `YYYY-MM-DD`.
    pub day: String,
    /// The tenant whose jobs sent them.
    pub tenant: Tenant,
    /// The account's name.
    pub account: String,
    /// The job; none in sums over jobs, and for requests without one.
    pub job_id: Option<JobId>,
    /// Requests and what they cost.
    #[serde(flatten)]
    pub spent: Spent,
    /// Latency of the answered requests together, in milliseconds.
    pub latency_ms: u64,
}

/// Requests and what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spent {
    /// Requests booked, answered or not.
    pub requests: u64,
    /// Requests among them that were answered without an error.
    pub answered: u64,
    /// Audio sent, in milliseconds.
    pub audio_ms: u64,
    /// Audio billed, in milliseconds.
    pub billed_ms: u64,
    /// What it costs, in yuan.
    pub price_cny: f64,
}

impl Spent {
    /// All of `rows` together.
    pub fn by<'a>(rows: impl IntoIterator<Item = &'a UsageRow>) -> Self {
        let (mut spent, mut micro_cny) = (Self::default(), 0);
        for row in rows {
            spent.requests += row.requests;
            spent.answered += row.answered;
            spent.audio_ms += row.audio_ms;
            spent.billed_ms += row.billed_ms;
            micro_cny += row.price_micro_cny;
        }
        Self { price_cny: yuan(micro_cny), ..spent }
    }
}

impl From<UsageRow> for UsageView {
    fn from(row: UsageRow) -> Self {
        let spent = Spent::by([&row]);
        Self {
            day: row.day,
            tenant: row.tenant,
            account: row.account,
            job_id: row.job_id,
            spent,
            latency_ms: row.latency_ms,
        }
    }
}

/// Rows of usage and their sum.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageReport {
    /// By day, tenant, account and, where that was asked for, job.
    pub rows: Vec<UsageView>,
    /// All rows together.
    pub total: Spent,
}
