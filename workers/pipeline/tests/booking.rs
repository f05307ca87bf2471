//! A request is booked as it is sent, not while it waits; under a budget, before.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use earmark_asr::{AsrError, ClipLimits, ClipRequest, Hearing, LanguageChoice, NotHearing, Sound, Transcriber};
use earmark_core::{ClipText, Engine, Lane, SystemClock, Tenant, TimePrecision};
use earmark_journal::{Accounts, Budget, Database, Journal, Usage, UsageFilter};
use earmark_permits::{Asker, Permit, Pool, PoolOptions};
use earmark_pipeline::{Ledger, ProviderAccount, Request, RequestError};
use time::UtcOffset;
use tokio_util::sync::CancellationToken;

/// Hears nothing, and bills it; counts how often it was asked.
#[derive(Default)]
struct Deaf {
    asked: AtomicUsize,
}

#[async_trait]
impl Transcriber for Deaf {
    fn engine(&self) -> Engine {
        Engine { name: "deaf".into(), model: "m".into(), version: "1".into() }
    }

    fn limits(&self) -> ClipLimits {
        ClipLimits { max_ms: 28_000, in_flight: 1, takes_files: true }
    }

    fn billed_ms(&self, duration_ms: u64) -> u64 {
        duration_ms
    }

    async fn transcribe(&self, request: ClipRequest, _: &dyn Hearing) -> Result<ClipText, AsrError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if request.request_id == "never" {
            std::future::pending::<()>().await;
        }
        Ok(ClipText {
            language: None,
            segments: Vec::new(),
            time_precision: TimePrecision::Segment,
            dropped: Vec::new(),
            billed_ms: request.sound.duration_ms(),
            refused: None,
            other_language: None,
        })
    }
}

/// An account with one permit.
struct Office {
    account: Arc<ProviderAccount>,
    deaf: Arc<Deaf>,
}

impl Office {
    async fn open(budget: Option<Budget>) -> Self {
        let clock = Arc::new(SystemClock);
        let database = Database::open("sqlite::memory:", clock.clone()).await.unwrap();
        database.migrate().await.unwrap();
        let ledger = Arc::new(Ledger {
            journal: Journal::new(database.clone()),
            usage: Usage::new(database.clone()),
            states: Accounts::new(database),
            clock,
            day_offset: UtcOffset::UTC,
            budget,
            budgets: HashMap::new(),
        });
        let (pool, deaf) = (Pool::in_memory(PoolOptions::new("a/m", 1)), Arc::new(Deaf::default()));
        let account = ProviderAccount::new("a".into(), deaf.clone(), Arc::new(pool), 0.06, ledger);
        Self { account: Arc::new(account), deaf }
    }

    async fn permit(&self) -> Permit {
        self.account.permits.acquire(&Asker { lane: Lane::Call, tenant: tenant() }).await
    }

    /// Asks for a second of sound.
    fn ask(&self, request_id: &str, abandon: &CancellationToken) -> tokio::task::JoinHandle<Result<(), RequestError>> {
        let (account, abandon, request_id) = (self.account.clone(), abandon.clone(), request_id.to_owned());
        tokio::spawn(async move {
            let sound = Sound::of(vec![0.1; 16_000].into());
            let request = Request {
                tenant: &tenant(),
                lane: Lane::Call,
                lease: None,
                clip: ClipRequest::new(sound, LanguageChoice::Fixed("zh".into()), request_id),
                preceding: &|| None,
                hearing: &NotHearing,
                abandon: &abandon,
            };
            account.transcribe(&request).await.map(|_| ())
        })
    }

    fn asked(&self) -> usize {
        self.deaf.asked.load(Ordering::Relaxed)
    }

    /// Requests, answers and price of all that is booked.
    async fn booked(&self) -> (u64, u64, i64) {
        let rows = self.account.ledger.usage.rows(&UsageFilter::default()).await.unwrap();
        rows.first().map_or((0, 0, 0), |row| (row.requests, row.answered, row.price_micro_cny))
    }

    /// Returns once so many wait for a permit.
    async fn until_waiting(&self, count: usize) {
        while self.account.permits.status().waiting != count {
            tokio::task::yield_now().await;
        }
    }
}

fn tenant() -> Tenant {
    Tenant::parse("bank").unwrap()
}

#[tokio::test]
async fn what_waits_is_not_booked_and_what_is_sent_is() {
    let office = Office::open(None).await;
    let permit = office.permit().await;
    let (given_up, asking) = (CancellationToken::new(), office.ask("one", &CancellationToken::new()));
    let leaving = office.ask("two", &given_up);
    office.until_waiting(2).await;
    assert_eq!(office.booked().await, (0, 0, 0));
    given_up.cancel();
    assert!(matches!(leaving.await.unwrap(), Err(RequestError::Abandoned)));
    drop(permit);
    asking.await.unwrap().unwrap();
    assert_eq!((office.booked().await, office.asked()), ((1, 1, 1000), 1));
}

#[tokio::test]
async fn a_request_whose_answer_nobody_saw_stays_booked() {
    let office = Office::open(None).await;
    let asking = office.ask("never", &CancellationToken::new());
    while office.booked().await != (1, 0, 1000) {
        tokio::task::yield_now().await;
    }
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    assert_eq!(office.booked().await, (1, 0, 1000));
    // It may still run where it was sent: its place stays taken.
    assert_eq!(office.account.permits.status().in_flight, 1);
}

#[tokio::test]
async fn over_the_budget_nothing_is_sent() {
    let office = Office::open(Some(Budget { limit_micro_cny: 1500 })).await;
    office.ask("one", &CancellationToken::new()).await.unwrap().unwrap();
    let refused = office.ask("two", &CancellationToken::new()).await.unwrap();
    assert!(matches!(refused, Err(RequestError::Budget { .. })), "{refused:?}");
    assert_eq!((office.booked().await, office.asked()), ((1, 1, 1000), 1));
}

#[tokio::test]
async fn an_account_that_is_paused_while_a_request_waits_gets_nothing_and_books_nothing() {
    let office = Office::open(None).await;
    let permit = office.permit().await;
    let asking = office.ask("one", &CancellationToken::new());
    office.until_waiting(1).await;
    office.account.ledger.states.pause("a", None, "person", "moving house", "cli").await.unwrap();
    drop(permit);
    assert!(matches!(asking.await.unwrap(), Err(RequestError::Paused { .. })));
    assert_eq!((office.booked().await, office.asked()), ((0, 0, 0), 0));
}
