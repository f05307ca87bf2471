//! Producers: each offers its jobs until it sees them journaled. What a killed Redis lost, what a full one refused and
//! what the shell could not submit is offered again, with the same key.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::fleet::Fleet;
use crate::journal::Outside;
use crate::plan::{Offer, Plan, Way};

/// What was offered and is not journaled yet is offered again after this.
const AGAIN: Duration = Duration::from_secs(4);
/// What was refused is offered again after this.
const REFUSED: Duration = Duration::from_millis(500);
/// How long Redis, or the database, may take to answer a producer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What Redis answers at its `maxmemory`.
const FULL: &str = "OOM";

/// How many offers were made.
#[derive(Debug, Default, Clone, Copy)]
pub struct Made {
    /// All, those made again with them.
    pub all: usize,
    /// Entries that a full Redis refused.
    pub refused: usize,
}

/// An offer that is not seen in the journal yet.
struct Open {
    offer: Offer,
    /// When it is made again.
    again: Instant,
}

/// The producers' side of a run.
pub struct Offers<'a> {
    /// What is offered when.
    pub plan: &'a Plan,
    /// By number of the job.
    pub uris: &'a [String],
    /// Redis, where there is one.
    pub redis_url: Option<String>,
    /// Where manifests are written.
    pub folder: &'a Path,
    /// Who can submit.
    pub fleet: &'a Mutex<Fleet>,
    /// Who has seen what is journaled.
    pub outside: &'a Outside,
}

impl Offers<'_> {
    /// Offers all jobs of the plan in their time, and returns once all are journaled; how many offers were made.
    pub async fn all(&self, start: Instant) -> Made {
        let mut made = Made::default();
        let mut open: BTreeMap<String, Open> = BTreeMap::new();
        let mut due = self.plan.offers.iter().peekable();
        // Submits that run: one that waits for the database holds nobody up.
        let mut submits = JoinSet::new();
        while due.peek().is_some() || !open.is_empty() {
            while submits.try_join_next().is_some() {}
            let mut now: Vec<Offer> = Vec::new();
            if let Some((_, offers)) = due.next_if(|(at, _)| start.elapsed() >= *at) {
                now.extend(offers.iter().cloned());
            }
            if let Ok(Ok(rows)) =
                timeout(PATIENCE, self.outside.try_rows("SELECT key FROM jobs WHERE key IS NOT NULL")).await
            {
                let journaled: HashSet<String> = rows.iter().map(|row| sqlx::Row::get(row, "key")).collect();
                open.retain(|key, _| !journaled.contains(key));
            }
            let is_free = submits.is_empty();
            let late = open.values().filter(|open| open.again < Instant::now());
            // One that is being submitted is not submitted once more meanwhile.
            now.extend(late.filter(|open| is_free || self.is_streamed(&open.offer)).map(|open| open.offer.clone()));
            self.offer(&now, &mut submits, &mut open, &mut made).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        made
    }

    fn is_streamed(&self, offer: &Offer) -> bool {
        self.redis_url.is_some() && offer.way != Way::Manifest
    }

    /// Makes each offer in its way. What fails is made again later, for it is not journaled then.
    async fn offer(
        &self,
        offers: &[Offer],
        submits: &mut JoinSet<()>,
        open: &mut BTreeMap<String, Open>,
        made: &mut Made,
    ) {
        let by_manifest = |offer: &&Offer| !self.is_streamed(offer) || offer.way == Way::Both;
        let streamed: Vec<&Offer> = offers.iter().filter(|offer| self.is_streamed(offer)).collect();
        let listed: Vec<&Offer> = offers.iter().filter(by_manifest).collect();
        made.all += streamed.len() + listed.len();
        for offer in &listed {
            // Again with the first look after its submit has ended, if that was in vain.
            open.insert(offer.key(), Open { offer: (*offer).clone(), again: Instant::now() + REFUSED });
        }
        if !listed.is_empty() {
            self.submit(&listed, submits).await;
        }
        let mut taken = 0;
        if !streamed.is_empty() {
            // Redis may be down, or full.
            match timeout(PATIENCE, self.stream(&streamed, &mut taken)).await {
                Ok(Err(error)) if error.code() == Some(FULL) => made.refused += streamed.len() - taken,
                _ => {}
            }
        }
        for (number, offer) in streamed.into_iter().enumerate() {
            let again = Instant::now() + if number < taken { AGAIN } else { REFUSED };
            open.insert(offer.key(), Open { offer: offer.clone(), again });
        }
    }

    /// Writes entries; `taken` counts the offers that Redis has taken.
    async fn stream(&self, offers: &[&Offer], taken: &mut usize) -> redis::RedisResult<()> {
        let url = self.redis_url.as_deref().unwrap();
        let mut redis: MultiplexedConnection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
        for offer in offers {
            for _ in 0..if offer.way == Way::Twice { 2 } else { 1 } {
                let mut entry = redis::cmd("XADD");
                entry.arg("earmark:intake").arg("*").arg("uri").arg(&self.uris[offer.number]);
                entry.arg("tenant").arg(offer.tenant).arg("lane").arg(offer.lane).arg("key").arg(offer.key());
                entry.exec_async(&mut redis).await?;
            }
            *taken += 1;
        }
        Ok(())
    }

    async fn submit(&self, offers: &[&Offer], submits: &mut JoinSet<()>) {
        let line = |offer: &&Offer| {
            let uri = &self.uris[offer.number];
            json!({"uri": uri, "tenant": offer.tenant, "lane": offer.lane, "key": offer.key()}).to_string()
        };
        let lines: Vec<String> = offers.iter().map(line).collect();
        let manifest = self.folder.join(format!("manifest-{}", offers[0].number));
        std::fs::write(&manifest, lines.join("\n")).unwrap();
        let mut command = self.fleet.lock().await.command(&["submit", "--manifest", manifest.to_str().unwrap()]);
        // The database may be away: then it fails, and is made again.
        submits.spawn_blocking(move || drop(command.output().unwrap()));
    }
}
