//! What is told of a job before its result is there.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_storage::{OutboxKind, StorageError};
use serde_json::json;
use support::*;

on_both!(only_the_holder_of_a_job_tells_of_it_early,);

async fn only_the_holder_of_a_job_tells_of_it_early(ground: Ground) {
    let stores = Stores::on(&ground).await;
    stores.journal.accept(&new_job("call"), "cli:me").await.unwrap();
    let (job, lease) =
        stores.journal.lease_next(&worker("a"), earmark_core::Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    let told = json!({ "rule_id": "guarantee", "start_ms": 100 });
    stores.journal.tell_early(&lease, &told).await.unwrap();
    let messages = stores.outbox.due(10, 1000).await.unwrap();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(
        (messages[0].kind, &messages[0].payload, &messages[0].job_id),
        (OutboxKind::FindingEarly, &told, &Some(job.id))
    );

    stores.journal.release(&lease, "shutdown").await.unwrap();
    let late = stores.journal.tell_early(&lease, &told).await;
    assert!(matches!(late, Err(StorageError::LeaseLost(_))), "{late:?}");
    assert_eq!(stores.outbox.backlog().await.unwrap().waiting, 1);
}
