//! A request is booked while it waits for its permit, and taken back when it is not sent.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use earmark_asr::{AsrError, ClipLimits, ClipRequest, Hearing, LanguageChoice, NotHearing, Sound, Transcriber};
use earmark_core::{ClipText, Engine, Lane, SystemClock, Tenant, TimePrecision};
use earmark_permits::{Asker, Permit, PermitPool, Pool, PoolOptions};
use earmark_pipeline::{Account, Ask, AskError, Books};
use earmark_storage::{Accounts, Database, Journal, Usage, UsageFilter};
use time::UtcOffset;
use tokio_util::sync::CancellationToken;

/// Hears nothing, and bills it.
struct Deaf;

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
        Ok(ClipText {
            language: None,
            segments: Vec::new(),
            time_precision: TimePrecision::Segment,
            dropped: Vec::new(),
            billed_ms: request.sound.duration_ms(),
            refused: None,
        })
    }
}

/// An account with one permit, and who holds it.
struct Office {
    account: Arc<Account>,
    permit: Permit,
}

impl Office {
    async fn open() -> Self {
        let clock = Arc::new(SystemClock);
        let database = Database::open("sqlite::memory:", clock.clone()).await.unwrap();
        database.migrate().await.unwrap();
        let books = Arc::new(Books {
            journal: Journal::new(database.clone()),
            usage: Usage::new(database.clone()),
            states: Accounts::new(database),
            clock,
            day_offset: UtcOffset::UTC,
            budget: None,
            budgets: HashMap::new(),
        });
        let pool = Pool::in_memory(PoolOptions::new("a/m", 1));
        let permit = pool.acquire(&Asker { lane: Lane::Call, tenant: tenant() }).await;
        let account = Account::new("a".into(), Arc::new(Deaf), Arc::new(pool), 0.06, books);
        Self { account: Arc::new(account), permit }
    }

    /// Asks for a second of sound.
    fn ask(&self, abandon: &CancellationToken) -> tokio::task::JoinHandle<Result<(), AskError>> {
        let (account, abandon) = (self.account.clone(), abandon.clone());
        tokio::spawn(async move {
            let sound = Sound::of(vec![0.1; 16_000].into());
            let ask = Ask {
                tenant: &tenant(),
                lane: Lane::Call,
                lease: None,
                request: ClipRequest::new(sound, LanguageChoice::Fixed("zh".into()), "one".into()),
                preceding: &|| None,
                hearing: &NotHearing,
                abandon: &abandon,
            };
            account.ask(&ask).await.map(|_| ())
        })
    }

    /// Requests, seconds of audio, answers and price of all that is booked.
    async fn booked(&self) -> (u64, u64, u64, i64) {
        let rows = self.account.books.usage.rows(&UsageFilter::default()).await.unwrap();
        let row = rows.first();
        row.map_or((0, 0, 0, 0), |row| (row.requests, row.audio_ms / 1000, row.answered, row.price_micro_cny))
    }

    /// Waits until that much is booked.
    async fn until_booked(&self, expected: (u64, u64, u64, i64)) {
        while self.booked().await != expected {
            tokio::task::yield_now().await;
        }
    }
}

fn tenant() -> Tenant {
    Tenant::parse("bank").unwrap()
}

#[tokio::test]
async fn a_request_is_booked_while_it_waits_and_settled_when_it_had_its_turn() {
    let office = Office::open().await;
    let asking = office.ask(&CancellationToken::new());
    office.until_booked((1, 1, 0, 1000)).await;
    let Office { account, permit } = office;
    drop(permit);
    asking.await.unwrap().unwrap();
    let rows = account.books.usage.rows(&UsageFilter::default()).await.unwrap();
    assert_eq!((rows[0].requests, rows[0].answered, rows[0].price_micro_cny), (1, 1, 1000));
}

#[tokio::test]
async fn a_request_that_is_not_sent_is_taken_back() {
    let office = Office::open().await;
    let abandon = CancellationToken::new();
    let asking = office.ask(&abandon);
    office.until_booked((1, 1, 0, 1000)).await;
    abandon.cancel();
    assert!(matches!(asking.await.unwrap(), Err(AskError::Abandoned)));
    office.until_booked((0, 0, 0, 0)).await;

    // The whole work may be dropped as well.
    let asking = office.ask(&CancellationToken::new());
    office.until_booked((1, 1, 0, 1000)).await;
    asking.abort();
    office.until_booked((0, 0, 0, 0)).await;
}

#[tokio::test]
async fn an_account_that_is_paused_while_a_request_waits_gets_nothing_and_books_nothing() {
    let office = Office::open().await;
    let asking = office.ask(&CancellationToken::new());
    office.until_booked((1, 1, 0, 1000)).await;
    office.account.books.states.pause("a", None, "person", "moving house", "cli").await.unwrap();
    let Office { account, permit } = office;
    drop(permit);
    assert!(matches!(asking.await.unwrap(), Err(AskError::Paused { .. })));
    let office =
        Office { permit: account.permits.acquire(&Asker { lane: Lane::Call, tenant: tenant() }).await, account };
    office.until_booked((0, 0, 0, 0)).await;
}
