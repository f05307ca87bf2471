//! Where requests and their prices are booked, by day and against which budget.

use std::collections::HashMap;
use std::sync::Arc;

use earmark_core::{Clock, Tenant};
use earmark_journal::{Accounts as AccountStates, Budget, Journal, Usage};
use time::{OffsetDateTime, UtcOffset};

/// Where requests and their prices are written down, and by which day.
pub struct Ledger {
    /// Requests of jobs.
    pub journal: Journal,
    /// Other requests.
    pub usage: Usage,
    /// Which account may be used.
    pub states: AccountStates,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where a day begins.
    pub day_offset: UtcOffset,
    /// What a tenant may spend a day; none for no limit.
    pub budget: Option<Budget>,
    /// Tenants with a budget of their own, or with none.
    pub budgets: HashMap<Tenant, Option<Budget>>,
}

impl Ledger {
    /// The day it is, as YYYY-MM-DD, and when the next begins, in milliseconds since the epoch.
    pub fn day(&self) -> (String, i64) {
        let now = OffsetDateTime::from_unix_timestamp(self.clock.now_ms().div_euclid(1000))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            .to_offset(self.day_offset);
        let next = now.date().next_day().unwrap_or(time::Date::MAX).midnight().assume_offset(self.day_offset);
        (now.date().to_string(), next.unix_timestamp() * 1000)
    }

    pub(crate) fn budget_of(&self, tenant: &Tenant) -> Option<Budget> {
        self.budgets.get(tenant).copied().unwrap_or(self.budget)
    }
}
