//! Where the processes of a contract test meet, and waiting for what they do.

use std::sync::Arc;
use std::time::Duration;

use earmark_core::{Lane, SystemClock, Tenant};
use earmark_journal::{Database, SharedDocuments};
use earmark_permits::{Asker, MemoryStore, Pool, PoolOptions};
use earmark_servers::{PostgresServer, RedisServer};
use tempfile::TempDir;

/// The key of every pool under test.
pub const KEY: &str = "account/model";

/// A store to be shared by pools that stand for processes.
pub enum Ground {
    Memory(Arc<MemoryStore>),
    Sql(TempDir),
    Postgres(PostgresServer),
    Redis(RedisServer),
}

impl Ground {
    pub async fn memory() -> Self {
        Self::Memory(Arc::default())
    }

    pub async fn sql() -> Self {
        let folder = tempfile::tempdir().unwrap();
        open(&folder).await.migrate().await.unwrap();
        Self::Sql(folder)
    }

    pub async fn postgres() -> Self {
        let server = PostgresServer::start();
        open_at(&server.url()).await.migrate().await.unwrap();
        Self::Postgres(server)
    }

    pub async fn redis() -> Self {
        Self::Redis(RedisServer::start())
    }

    /// A process of its own: nothing but the store is shared.
    pub async fn process(&self, options: &PoolOptions) -> Pool {
        match self {
            Self::Memory(store) => Pool::on(Arc::clone(store), options.clone()),
            Self::Sql(folder) => Pool::in_database(open(folder).await, options.clone()),
            Self::Postgres(server) => Pool::in_database(open_at(&server.url()).await, options.clone()),
            Self::Redis(server) => Pool::in_redis(&server.url(), options.clone()).unwrap(),
        }
    }

    /// Makes the store forget who holds what.
    pub async fn forget(&self, options: &PoolOptions) {
        match self {
            Self::Memory(store) => store.forget(i64::try_from(options.lease.as_millis()).unwrap()),
            Self::Sql(folder) => make_unreadable(open(folder).await).await,
            Self::Postgres(server) => make_unreadable(open_at(&server.url()).await).await,
            Self::Redis(server) => server.tell(&["FLUSHALL"]).await,
        }
    }
}

async fn open(folder: &TempDir) -> Database {
    open_at(&format!("sqlite:{}", folder.path().join("earmark.db").display())).await
}

async fn open_at(url: &str) -> Database {
    Database::open(url, Arc::new(SystemClock)).await.unwrap()
}

async fn make_unreadable(database: Database) {
    SharedDocuments::new(database).update(KEY, |_, _| ("?".into(), ())).await.unwrap();
}

/// `limit` permits, with times that a test can wait for and a busy machine can keep.
pub fn options(limit: usize) -> PoolOptions {
    PoolOptions {
        lease: Duration::from_secs(3),
        renew_every: Duration::from_millis(500),
        give_up_after: Duration::from_secs(2),
        ..PoolOptions::new(KEY, limit)
    }
}

pub fn asker(lane: Lane, tenant: &str) -> Asker {
    Asker { lane, tenant: Tenant::parse(tenant).unwrap() }
}

/// Waits for what must come.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), wait).await.is_ok(), "not within a minute: {what}");
}
