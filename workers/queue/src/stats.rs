//! What lies in the queue's streams, for people.

use std::time::Duration;

use earmark_core::Lane;
use earmark_redis::LinkError;
use serde_json::{Map, Value, json};

use crate::broker::Broker;
use crate::connection::Connection;
use crate::intake::{COUNTS, REJECTED};
use crate::outcomes::RESULTS;
use crate::streams::{INTAKE, lane_stream};

impl Broker {
    /// Entries in each stream: of the lanes those that no worker has leased yet (`lanes`), of producers those not yet
    /// journaled (`intake`), outcomes kept (`results`), refused entries kept (`rejected_kept`) and refused ever
    /// (`rejected`).
    ///
    /// # Errors
    /// [`LinkError::Redis`] when the server cannot be asked.
    pub async fn stats(&self) -> Result<Value, LinkError> {
        let connection = Connection::new(self.link().clone(), self.health().clone(), Duration::ZERO);
        let mut pipeline = redis::pipe();
        for stream in Lane::ALL.iter().map(|lane| lane_stream(*lane)).chain([INTAKE, RESULTS, REJECTED]) {
            pipeline.cmd("XLEN").arg(stream);
        }
        pipeline.cmd("HGET").arg(COUNTS).arg("rejected");
        // Without a count nobody was refused yet.
        let mut numbers = connection.send::<Vec<Option<i64>>>(&pipeline).await?.into_iter();
        let mut next = || numbers.next().flatten().unwrap_or(0);
        let lanes: Map<String, Value> = Lane::ALL.iter().map(|lane| (lane.to_string(), json!(next()))).collect();
        let (intake, results, rejected_kept, rejected) = (next(), next(), next(), next());
        Ok(json!({
            "lanes": lanes, "intake": intake, "results": results, "rejected_kept": rejected_kept,
            "rejected": rejected,
        }))
    }
}
