//! What lies in the queue's streams, for people.

use std::time::Duration;

use earmark_core::{Failure, Lane, Problem};
use earmark_redis::LinkError;
use serde_json::{Map, Value, json};

use crate::broker::Broker;
use crate::connection::Connection;
use crate::keys::{COUNTS, INTAKE, REJECTED, RESULTS};
use crate::streams::lane_stream;

/// Written to see whether anything can be.
const PROBE: &str = "earmark:doctor:stats";
/// How long it stays.
const PROBE_MS: u64 = 1_000;

impl Broker {
    /// Entries in each stream: of the lanes those that no worker has leased yet (`lanes`), of producers those not yet
    /// journaled (`intake`), outcomes kept (`results`), refused entries kept (`rejected_kept`) and refused ever
    /// (`rejected`); what is wrong with the server though it can be asked (`problem`).
    ///
    /// # Errors
    /// [`Problem`] when the server cannot be asked, or a key holds something else.
    pub async fn stats(&self) -> Result<Value, Problem> {
        let connection = Connection::new(self.link().clone(), self.health().clone(), Duration::ZERO);
        match self.counted(&connection).await {
            Ok(mut counts) => {
                if let (Some(problem), Some(counts)) = (self.unwritable(&connection).await, counts.as_object_mut()) {
                    counts.insert("problem".into(), json!(problem));
                }
                Ok(counts)
            }
            Err(error) if error.refusal() == Some("WRONGTYPE") => {
                Err(connection.other_keys().await.into_iter().next().unwrap_or_else(|| error.problem()))
            }
            Err(error) => Err(error.problem()),
        }
    }

    /// Why nothing can be written; none where something can.
    async fn unwritable(&self, connection: &Connection) -> Option<Problem> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("SET").arg(PROBE).arg("").arg("PX").arg(PROBE_MS).ignore();
        connection.send::<()>(&pipeline).await.err().map(|error| error.problem())
    }

    async fn counted(&self, connection: &Connection) -> Result<Value, LinkError> {
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
