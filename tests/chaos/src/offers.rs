//! Producers: each offers its jobs until it sees them journaled. What a killed Redis lost is offered again, with the
//! same key.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::fleet::Fleet;
use crate::journal::Outside;
use crate::plan::{Offer, Plan, Way};

/// What was offered and is not journaled yet is offered again after this.
const AGAIN: Duration = Duration::from_secs(4);
/// How long Redis may take to answer a producer.
const PATIENCE: Duration = Duration::from_secs(2);

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
    pub async fn all(&self, start: Instant) -> usize {
        let mut made = 0;
        // Offered and not seen in the journal, by key.
        let mut open: BTreeMap<String, (Offer, Instant)> = BTreeMap::new();
        let mut due = self.plan.offers.iter().peekable();
        while due.peek().is_some() || !open.is_empty() {
            if let Some((_, offers)) = due.next_if(|(at, _)| start.elapsed() >= *at) {
                made += self.offer(offers).await;
                open.extend(offers.iter().map(|offer| (offer.key(), (offer.clone(), Instant::now()))));
            }
            let rows = self.outside.rows("SELECT key FROM jobs WHERE key IS NOT NULL").await;
            let journaled: HashSet<String> = rows.iter().map(|row| sqlx::Row::get(row, "key")).collect();
            open.retain(|key, _| !journaled.contains(key));
            let late: Vec<Offer> =
                open.values().filter(|(_, at)| at.elapsed() > AGAIN).map(|(offer, _)| offer.clone()).collect();
            if !late.is_empty() {
                made += self.offer(&late).await;
                for offer in late {
                    open.insert(offer.key(), (offer, Instant::now()));
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        made
    }

    /// Makes each offer in its way. What fails is made again later, for it is not journaled then.
    async fn offer(&self, offers: &[Offer]) -> usize {
        let by_stream = |offer: &&Offer| self.redis_url.is_some() && offer.way != Way::Manifest;
        let by_manifest = |offer: &&Offer| self.redis_url.is_none() || matches!(offer.way, Way::Manifest | Way::Both);
        let streamed: Vec<&Offer> = offers.iter().filter(by_stream).collect();
        let listed: Vec<&Offer> = offers.iter().filter(by_manifest).collect();
        if !streamed.is_empty() {
            // Redis may be down.
            let _ = tokio::time::timeout(PATIENCE, self.stream(&streamed)).await;
        }
        if !listed.is_empty() {
            self.submit(&listed).await;
        }
        streamed.len() + listed.len()
    }

    async fn stream(&self, offers: &[&Offer]) -> redis::RedisResult<()> {
        let url = self.redis_url.as_deref().unwrap();
        let mut redis: MultiplexedConnection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
        for offer in offers {
            for _ in 0..if offer.way == Way::Twice { 2 } else { 1 } {
                let mut entry = redis::cmd("XADD");
                entry.arg("earmark:intake").arg("*").arg("uri").arg(&self.uris[offer.number]);
                entry.arg("tenant").arg(offer.tenant).arg("lane").arg(offer.lane).arg("key").arg(offer.key());
                entry.exec_async(&mut redis).await?;
            }
        }
        Ok(())
    }

    async fn submit(&self, offers: &[&Offer]) {
        let line = |offer: &&Offer| {
            let uri = &self.uris[offer.number];
            json!({"uri": uri, "tenant": offer.tenant, "lane": offer.lane, "key": offer.key()}).to_string()
        };
        let lines: Vec<String> = offers.iter().map(line).collect();
        let manifest = self.folder.join(format!("manifest-{}", offers[0].number));
        std::fs::write(&manifest, lines.join("\n")).unwrap();
        let mut command = self.fleet.lock().await.command(&["submit", "--manifest", manifest.to_str().unwrap()]);
        // The database may be away: then it fails, and is made again.
        let _ = tokio::task::spawn_blocking(move || command.output().unwrap()).await;
    }
}
