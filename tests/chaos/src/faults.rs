//! What goes wrong, made to happen.

use std::collections::BTreeMap;
use std::time::Duration;

use earmark_servers::Rates;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::backends::Backends;
use crate::fleet::Fleet;
use crate::journal::Outside;
use crate::outages;
use crate::plan::{Fault, Plan};
use crate::recovery::Recovery;
use crate::revival::Revival;
use crate::scale::Outage;

/// How often the store fails while it does.
const BURST: Rates = Rates { errors: 0.33, cuts: 0.25 };

/// What was really done.
#[derive(Debug, Default, Clone)]
pub struct Done {
    /// Workers that were killed.
    pub kills: usize,
    /// Engines that were killed.
    pub engine_kills: usize,
    /// Workers that were stopped for longer than their leases.
    pub stops: usize,
    /// Times that Redis was killed.
    pub redis_kills: usize,
    /// Times that Redis was flushed.
    pub flushes: usize,
    /// Bursts of the store's errors.
    pub store_bursts: usize,
    /// Times that PostgreSQL was killed.
    pub database_kills: usize,
    /// Outages, by their kind.
    pub outages: BTreeMap<Outage, usize>,
}

/// Carries the plan's faults out in their time.
pub async fn carry_out(
    plan: &Plan,
    start: Instant,
    backends: &Mutex<Backends>,
    fleet: &Mutex<Fleet>,
    outside: &Outside,
    (recovery, revival): (&Recovery, &Revival),
) -> Done {
    let mut done = Done::default();
    for (at, fault) in &plan.faults {
        tokio::time::sleep_until(start + *at).await;
        let backends = &mut *backends.lock().await;
        match *fault {
            Fault::KillWorker(which) => {
                let killed = fleet.lock().await.kill(which);
                if let Some(pid) = killed {
                    done.kills += 1;
                    // Before another process can have its number.
                    let asked = recovery.killed(pid, outside);
                    let _ = timeout(Duration::from_millis(300), asked).await;
                    fleet.lock().await.start_again(pid);
                }
            }
            Fault::KillEngine(which) => done.engine_kills += fleet.lock().await.kill_engine(which),
            Fault::StopWorker(which) => {
                fleet.lock().await.stop(which);
                done.stops += 1;
            }
            Fault::ContinueWorker => fleet.lock().await.go_on(),
            Fault::RedisDown => {
                if let Some(redis) = &mut backends.redis {
                    redis.stop();
                    done.redis_kills += 1;
                }
            }
            Fault::RedisUp => {
                if let Some(redis) = &mut backends.redis {
                    tokio::task::block_in_place(|| redis.start_again());
                }
            }
            Fault::FlushRedis => {
                if let Some(redis) = &backends.redis {
                    // It may be down.
                    let flushed = timeout(Duration::from_secs(1), flush(redis.url())).await;
                    done.flushes += usize::from(matches!(flushed, Ok(Ok(()))));
                }
            }
            Fault::StoreFails => {
                if let Some(store) = &backends.store {
                    store.faults().at_random(plan.seed, BURST);
                    done.store_bursts += 1;
                }
            }
            Fault::StoreWorks => {
                if let Some(store) = &backends.store {
                    store.faults().clear();
                }
            }
            Fault::DatabaseDown => {
                if let Some(postgres) = &mut backends.postgres {
                    tokio::task::block_in_place(|| postgres.stop());
                    done.database_kills += 1;
                }
            }
            Fault::DatabaseUp => {
                if let Some(postgres) = &mut backends.postgres {
                    tokio::task::block_in_place(|| postgres.start_again());
                }
            }
            Fault::Begin(outage) => {
                if outages::begin(outage, backends).await {
                    *done.outages.entry(outage).or_default() += 1;
                }
            }
            Fault::End(outage) => {
                outages::end(outage, backends).await;
                if done.outages.contains_key(&outage) {
                    revival.ended(outage).await;
                }
            }
        }
    }
    done
}

async fn flush(url: String) -> redis::RedisResult<()> {
    let mut redis = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    redis::cmd("FLUSHALL").exec_async(&mut redis).await
}
