//! What the message of a job's end says.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::{Action, MessageKind, rfc3339};
use earmark_journal::{HoldingView, JobView, ResultStore};
use serde_json::json;
use support::*;

on_both!(
    the_message_of_an_end_tells_of_the_job_what_every_door_tells,
    the_messages_of_a_held_result_say_since_when_and_who_released_it,
);

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

async fn the_messages_of_a_held_result_say_since_when_and_who_released_it(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let job = stores.journal.accept(&new_job("a"), "cli").await.unwrap().job;
    let (_, lease) = stores.journal.lease_job(&job.id, &worker("w"), LEASE_MS).await.unwrap().unwrap();
    let mut held = finished(&job);
    held.report.findings[0].actions = vec![Action::Block];
    stores.results.finish(&lease, &held).await.unwrap();
    let other = stores.journal.accept(&new_job("b"), "cli").await.unwrap().job;
    let holds = stores.results.review_holds(&[other.id, job.id.clone()]).await.unwrap();
    assert_eq!(holds, [(job.id.clone(), stores.results.review_hold(&job.id).await.unwrap().unwrap())]);
    stores.results.release_held(&job.id, "cli:ann", None).await.unwrap();
    let messages = stores.outbox.due(10, 1000).await.unwrap();
    let told: Vec<_> = messages.iter().filter(|message| message.kind == MessageKind::JobDone).collect();
    let since = rfc3339(START_MS);
    assert_eq!(told.len(), 2);
    let (done, released) = (&told[0].payload, &told[1].payload);
    assert_eq!((&done["held"], &done["held_since"], &done["released_at"]), (&json!(true), &json!(since), &json!(null)));
    assert_eq!((&released["held"], &released["held_since"]), (&json!(false), &json!(since)));
    assert_eq!((&released["released_by"], &released["released_at"]), (&json!("cli:ann"), &json!(since)));
}
