//! The pool of one process, at paused time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::Duration;

use earmark_core::{Lane, Tenant};
use earmark_permits::{Asker, PermitPool, Pool, PoolOptions};
use futures::FutureExt;

fn asker(lane: Lane) -> Asker {
    Asker { lane, tenant: Tenant::default() }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_permit_goes_to_the_most_urgent_lane() {
    let pool = Pool::in_memory(PoolOptions::new("test/model", 2));
    let first = pool.acquire(&asker(Lane::Call)).await;
    let _second = pool.acquire(&asker(Lane::Call)).await;
    let mut archive = Box::pin(async { (Lane::Archive, pool.acquire(&asker(Lane::Archive)).await) });
    let mut webhook = Box::pin(async { (Lane::Webhook, pool.acquire(&asker(Lane::Webhook)).await) });
    assert!((&mut archive).now_or_never().is_none() && (&mut webhook).now_or_never().is_none());
    drop(first);
    let (lane, permit) = tokio::select! { got = &mut archive => got, got = &mut webhook => got };
    assert_eq!(lane, Lane::Webhook);
    let waited = tokio::time::timeout(Duration::from_secs(60), &mut archive).await;
    assert!(waited.is_err(), "two permits are held");
    assert_eq!((pool.status().in_flight, pool.status().waiting), (2, 1));
    drop(permit);
    let (_, permit) = archive.await;
    assert!(!permit.lost().is_cancelled());
}
