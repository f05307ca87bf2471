//! Accounts at a provider, and the built-in engine as one: a recogniser, the permits that it allows, and what its use
//! costs. Each tenant uses one.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use earmark_asr::Transcriber;
use earmark_core::Tenant;
use earmark_permits::PermitPool;

use crate::circuit_breaker::CircuitBreaker;
use crate::ledger::Ledger;

/// Millionths of a yuan in one.
const MICRO: f64 = 1_000_000.0;

/// One key at a provider, or the built-in engine.
pub struct ProviderAccount {
    /// Its name in the configuration.
    pub name: String,
    /// Who listens.
    pub transcriber: Arc<dyn Transcriber>,
    /// How many requests at a time.
    pub permits: Arc<dyn PermitPool>,
    /// What a minute of audio costs, in yuan; 0 for the built-in engine.
    pub price_cny_per_minute: f64,
    /// Where requests are booked.
    pub ledger: Arc<Ledger>,
    pub(crate) circuit_breaker: CircuitBreaker,
    /// Jobs that have clips to send.
    jobs: AtomicUsize,
}

/// Which tenant uses which account.
#[derive(Clone)]
pub struct ProviderAccounts {
    /// For tenants that are bound to no other.
    pub usual: Arc<ProviderAccount>,
    /// Tenants bound to an account.
    pub bound: HashMap<Tenant, Arc<ProviderAccount>>,
    /// Who transcribes what a provider refuses.
    pub fallback: Option<Arc<ProviderAccount>>,
}

impl ProviderAccounts {
    /// The account that `tenant` uses.
    pub fn of(&self, tenant: &Tenant) -> &Arc<ProviderAccount> {
        self.bound.get(tenant).unwrap_or(&self.usual)
    }

    /// Every account once, the fallback left out.
    pub fn all(&self) -> Vec<Arc<ProviderAccount>> {
        let mut all = vec![self.usual.clone()];
        for account in self.bound.values() {
            if !all.iter().any(|other| other.name == account.name) {
                all.push(account.clone());
            }
        }
        all
    }
}

impl ProviderAccount {
    /// An account that nobody uses yet.
    pub fn new(
        name: String,
        transcriber: Arc<dyn Transcriber>,
        permits: Arc<dyn PermitPool>,
        price_cny_per_minute: f64,
        ledger: Arc<Ledger>,
    ) -> Self {
        let (circuit_breaker, jobs) = (CircuitBreaker::default(), AtomicUsize::new(0));
        Self { name, transcriber, permits, price_cny_per_minute, ledger, circuit_breaker, jobs }
    }

    /// What `billed_ms` cost, in millionths of a yuan.
    pub fn price_micro_cny(&self, billed_ms: u64) -> i64 {
        #[expect(clippy::as_conversions, reason = "milliseconds of a recording are far below 2^53")]
        let minutes = billed_ms as f64 / 60_000.0;
        #[expect(clippy::as_conversions, reason = "saturating, and rounded before")]
        let price = (minutes * self.price_cny_per_minute * MICRO).round() as i64;
        price
    }

    /// Clips that one job should have ready or under way: together the jobs of this process keep every permit busy with
    /// half as many clips waiting, and no more, for each holds its sound in memory.
    pub fn share(&self) -> usize {
        let limit = self.permits.limit();
        let jobs = self.jobs.load(Ordering::Relaxed).max(1);
        (limit + limit / 2 + 1).div_ceil(jobs).max(2)
    }

    /// To be held by a job while it has clips to send.
    pub(crate) fn join(&self) -> Sharing<'_> {
        self.jobs.fetch_add(1, Ordering::Relaxed);
        Sharing(&self.jobs)
    }
}

/// A job's part in its account's permits.
pub(crate) struct Sharing<'a>(&'a AtomicUsize);

impl Drop for Sharing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
