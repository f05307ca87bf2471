//! Parts that go away, are full or take no writes, made to.

use sqlx::{Connection, Executor};

use crate::backends::{Backends, DATABASE};
use crate::scale::Outage;

/// Has an outage begin; false where there is no such part in this run.
pub async fn begin(outage: Outage, backends: &mut Backends) -> bool {
    match outage {
        Outage::Store => match &mut backends.store {
            Some(store) => store.stop().await,
            None => return false,
        },
        Outage::Provider => match &mut backends.provider {
            Some(provider) => provider.stop().await,
            None => return false,
        },
        Outage::Database => match &mut backends.postgres {
            Some(postgres) => tokio::task::block_in_place(|| postgres.stop()),
            None => return false,
        },
        Outage::Redis => match &mut backends.redis {
            Some(redis) => redis.stop(),
            None => return false,
        },
        Outage::ReadOnly if backends.postgres.is_some() => read_only(backends).await,
        Outage::ReadOnly => return false,
        Outage::FullDisk => return fill(backends).await,
        Outage::FullRedis => match &backends.redis {
            Some(redis) => {
                let memory: String = redis.ask(&["INFO", "memory"]).await;
                let used = memory.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
                // Nothing that ends by itself, a client's buffer, makes room.
                let bound = (used.trim().parse::<u64>().unwrap() / 10 * 9).to_string();
                redis.tell(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
                redis.tell(&["CONFIG", "SET", "maxmemory", &bound]).await;
            }
            None => return false,
        },
    }
    true
}

/// Has it end; what was there is there again when this returns.
pub async fn end(outage: Outage, backends: &mut Backends) {
    match outage {
        Outage::Store => {
            if let Some(store) = &mut backends.store {
                store.start_again().await;
            }
        }
        Outage::Provider => {
            if let Some(provider) = &mut backends.provider {
                // A client that looks for it may have its port as its own for a moment.
                while provider.start_again().await.is_err() {
                    tokio::task::yield_now().await;
                }
            }
        }
        Outage::Database => {
            if let Some(postgres) = &mut backends.postgres {
                tokio::task::block_in_place(|| postgres.start_again());
            }
        }
        Outage::Redis => {
            if let Some(redis) = &mut backends.redis {
                tokio::task::block_in_place(|| redis.start_again());
            }
        }
        // The sessions that were opened meanwhile stay as they are.
        Outage::ReadOnly if backends.postgres.is_some() => set_read_only(backends, "off").await,
        Outage::ReadOnly => {}
        Outage::FullDisk => {
            if let Some(disk) = &backends.disk {
                disk.make_room();
            }
        }
        Outage::FullRedis => {
            if let Some(redis) = &backends.redis {
                redis.tell(&["CONFIG", "SET", "maxmemory", "0"]).await;
            }
        }
    }
}

async fn set_read_only(backends: &Backends, setting: &str) {
    let mut session = backends.maintenance().await.unwrap();
    let statement = format!("ALTER DATABASE {DATABASE} SET default_transaction_read_only = {setting}");
    session.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    session.close().await.unwrap();
}

/// New sessions may not write, and there are no others.
async fn read_only(backends: &Backends) {
    set_read_only(backends, "on").await;
    let mut session = backends.maintenance().await.unwrap();
    let statement = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{DATABASE}'");
    session.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    session.close().await.unwrap();
}

/// Fills the journal's disk, and leaves SQLite no room in the log that it has.
async fn fill(backends: &Backends) -> bool {
    let Some(disk) = &backends.disk else { return false };
    if backends.postgres.is_none() {
        let mut file = sqlx::AnyConnection::connect(&backends.database_url()).await.unwrap();
        // Somebody may write just now: then the log stays as long as it is.
        let _ = file.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
        let _ = file.close().await;
    }
    disk.fill();
    true
}
