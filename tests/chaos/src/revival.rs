//! How soon work goes on after an outage: from its end until the next job is leased, and until the next one is done.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::{AnyConnection, Connection, Row};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::scale::Outage;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(50);
/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The times after the outages of one kind.
#[derive(Debug, Default, Clone)]
pub struct Times {
    /// Until the next lease, the shortest first.
    pub leased: Vec<Duration>,
    /// Until the next job that is done, the shortest first.
    pub done: Vec<Duration>,
}

/// Outages that have ended, and what was seen since.
#[derive(Default)]
pub struct Revival {
    open: Mutex<Vec<Open>>,
    times: Mutex<BTreeMap<Outage, Times>>,
}

/// An outage after which nothing was leased yet, or nothing done.
struct Open {
    outage: Outage,
    ended: Instant,
    /// What the first look after its end saw.
    before: Option<Seen>,
    is_leased: bool,
    is_done: bool,
}

/// Leases so far and jobs done, over all jobs.
#[derive(Clone, Copy)]
struct Seen {
    leases: i64,
    done: i64,
}

impl Revival {
    /// Notes that an outage has just ended.
    pub async fn ended(&self, outage: Outage) {
        let open = Open { outage, ended: Instant::now(), before: None, is_leased: false, is_done: false };
        self.open.lock().await.push(open);
    }

    /// Looks after every outage's end, until dropped: over a connection of its own, which is made again when it breaks.
    pub async fn watch(&self, url: &str) {
        let mut connection: Option<AnyConnection> = None;
        loop {
            sleep(EVERY).await;
            if self.open.lock().await.is_empty() {
                continue;
            }
            let look = timeout(PATIENCE, async {
                let mut session = match connection.take() {
                    Some(session) => session,
                    None => AnyConnection::connect(url).await.ok()?,
                };
                let seen = look(&mut session).await.ok()?;
                Some((session, seen))
            });
            if let Ok(Some((session, seen))) = look.await {
                connection = Some(session);
                self.note(seen).await;
            }
        }
    }

    async fn note(&self, seen: Seen) {
        let mut times = self.times.lock().await;
        self.open.lock().await.retain_mut(|open| {
            let before = *open.before.get_or_insert(seen);
            let after = open.ended.elapsed();
            let times = times.entry(open.outage).or_default();
            if !open.is_leased && seen.leases > before.leases {
                open.is_leased = true;
                times.leased.push(after);
            }
            if !open.is_done && seen.done > before.done {
                open.is_done = true;
                times.done.push(after);
            }
            !(open.is_leased && open.is_done)
        });
    }

    /// All times so far.
    pub async fn times(&self) -> BTreeMap<Outage, Times> {
        let mut times = self.times.lock().await.clone();
        for times in times.values_mut() {
            times.leased.sort();
            times.done.sort();
        }
        times
    }
}

async fn look(session: &mut AnyConnection) -> Result<Seen, sqlx::Error> {
    let statement = "SELECT CAST(COALESCE(SUM(lease_epoch), 0) AS BIGINT) AS leases, COUNT(CASE WHEN state = 'done' THEN 1 END) AS done FROM jobs";
    let row = sqlx::query(statement).fetch_one(session).await?;
    Ok(Seen { leases: row.try_get("leases")?, done: row.try_get("done")? })
}
