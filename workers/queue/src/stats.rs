//! What lies in the queue's streams, for people.

use std::time::Duration;

use earmark_core::Lane;
use earmark_redis::LinkError;
use serde_json::{Map, Value, json};

use crate::broker::Broker;
use crate::intake::{COUNTS, REJECTED};
use crate::line::Line;
use crate::outcomes::RESULTS;
use crate::streams::{INTAKE, key};

impl Broker {
    /// Entries in each stream: of the lanes those that no worker has leased yet (`lanes`), of producers those not yet
    /// journaled (`intake`), outcomes kept (`results`), refused entries kept (`rejected_kept`) and refused ever
    /// (`rejected`).
    ///
    /// # Errors
    /// [`LinkError::Redis`] when the server cannot be asked.
    pub async fn stats(&self) -> Result<Value, LinkError> {
        let line = Line::new(self.link().clone(), self.health().clone(), Duration::ZERO);
        let mut pipeline = redis::pipe();
        for stream in Lane::ALL.iter().map(|lane| key(*lane)).chain([INTAKE, RESULTS, REJECTED]) {
            pipeline.cmd("XLEN").arg(stream);
        }
        let mut lengths = line.send::<Vec<i64>>(&pipeline).await?.into_iter();
        let lanes: Map<String, Value> =
            Lane::ALL.iter().map(|lane| (lane.to_string(), json!(lengths.next().unwrap_or(0)))).collect();
        let mut next = || lengths.next().unwrap_or(0);
        let (intake, results, rejected_kept) = (next(), next(), next());
        let mut counts = redis::pipe();
        counts.cmd("HGET").arg(COUNTS).arg("rejected");
        let (rejected,): (Option<i64>,) = line.send(&counts).await?;
        Ok(json!({
            "lanes": lanes, "intake": intake, "results": results, "rejected_kept": rejected_kept,
            "rejected": rejected.unwrap_or(0),
        }))
    }
}
