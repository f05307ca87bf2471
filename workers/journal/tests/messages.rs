//! What the message of a job's end says.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::MessageKind;
use earmark_journal::{HoldingView, JobView, ResultStore};
use support::*;

on_both!(the_message_of_an_end_tells_of_the_job_what_every_door_tells);

async fn the_message_of_an_end_tells_of_the_job_what_every_door_tells(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let job = stores.journal.accept(&new_job("a"), "cli").await.unwrap().job;
    let (_, lease) = stores.journal.lease_job(&job.id, &worker("w"), LEASE_MS).await.unwrap().unwrap();
    stores.results.finish(&lease, &finished(&job)).await.unwrap();
    let found = stores.journal.standing(&job.id).await.unwrap();
    let told = serde_json::to_value(JobView::new(found.job, found.standing, HoldingView::default())).unwrap();
    let messages = stores.outbox.due(10, 1000).await.unwrap();
    let done = messages.iter().find(|message| message.kind == MessageKind::JobDone).unwrap();
    for (name, value) in told.as_object().unwrap() {
        assert_eq!(&done.payload[name], value, "{name}");
    }
    assert_eq!(done.payload["findings"], 1);
}
