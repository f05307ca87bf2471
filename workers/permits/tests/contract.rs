//! What every pool promises, on every store.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use earmark_core::Lane;
use earmark_permits::{Permit, PermitPool, Pool, PoolOptions};
use futures::FutureExt;
use futures::future::join_all;
use support::{Ground, asker, options, until};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, timeout};

macro_rules! contract {
    ($($promise:ident),+ $(,)?) => {
        mod memory { $(
            #[tokio::test(start_paused = true)]
            async fn $promise() { super::$promise(super::Ground::memory().await).await; }
        )+ }
        mod sql { $(
            #[tokio::test]
            async fn $promise() { super::$promise(super::Ground::sql().await).await; }
        )+ }
        mod postgres { $(
            #[tokio::test]
            async fn $promise() { super::$promise(super::Ground::postgres().await).await; }
        )+ }
        mod redis { $(
            #[tokio::test]
            async fn $promise() { super::$promise(super::Ground::redis().await).await; }
        )+ }
    };
}

contract!(
    never_more_in_flight_than_the_limit_and_fences_rise,
    urgent_lanes_first_tenants_in_turn_first_come_first_served,
    a_reserved_place_goes_to_its_lane,
    who_stops_waiting_takes_no_place_along,
    a_killed_holders_place_is_back_after_its_lease_and_not_before,
    a_place_left_stays_until_its_lease_ends,
    throttled_halves_once_and_recovers,
    after_a_flush_holders_keep_their_places_and_nobody_is_granted_one_for_a_lease,
    a_place_is_handed_to_another_process_without_waiting_for_a_poll,
    closing_gives_everything_back,
);

async fn never_more_in_flight_than_the_limit_and_fences_rise(ground: Ground) {
    let in_flight = AtomicUsize::new(0);
    let most = AtomicUsize::new(0);
    let fences = Mutex::new(Vec::new());
    let mut pools = Vec::new();
    for _ in 0..3 {
        pools.push(ground.process(&options(3)).await);
    }
    let work = |pool: Pool, number: usize| {
        let (in_flight, most, fences) = (&in_flight, &most, &fences);
        async move {
            let asker = asker(Lane::ALL[number % 3], if number.is_multiple_of(2) { "a" } else { "b" });
            for _ in 0..8 {
                let permit = pool.acquire(&asker).await;
                most.fetch_max(in_flight.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                fences.lock().unwrap().push(permit.fence());
                sleep(Duration::from_millis(2)).await;
                assert!(!permit.lost().is_cancelled());
                in_flight.fetch_sub(1, Ordering::SeqCst);
            }
        }
    };
    let all = join_all((0..24).map(|number| work(pools[number % 3].clone(), number)));
    timeout(Duration::from_secs(60), all).await.unwrap();
    assert_eq!(most.into_inner(), 3);
    let fences = fences.into_inner().unwrap();
    assert_eq!(fences.iter().collect::<BTreeSet<_>>().len(), 24 * 8, "no fence twice");
    let later = pools[0].acquire(&asker(Lane::Call, "a")).await;
    assert!(fences.iter().all(|fence| *fence < later.fence()));
}

/// Starts to wait, and goes on when the store knows.
async fn wait(pool: &Pool, lane: Lane, tenant: &'static str, name: &'static str, served: &Served, count: usize) {
    let (pool_of_task, sender) = (pool.clone(), served.clone());
    tokio::spawn(async move {
        let permit = pool_of_task.acquire(&asker(lane, tenant)).await;
        let _ = sender.send((name, permit));
    });
    until("waiting", || pool.status().waiting == count).await;
}

type Served = UnboundedSender<(&'static str, Permit)>;

async fn next(served: &mut UnboundedReceiver<(&'static str, Permit)>) -> (&'static str, Permit) {
    timeout(Duration::from_secs(60), served.recv()).await.unwrap().unwrap()
}

async fn urgent_lanes_first_tenants_in_turn_first_come_first_served(ground: Ground) {
    let (one, two) = (ground.process(&options(1)).await, ground.process(&options(1)).await);
    let held = one.acquire(&asker(Lane::Call, "x")).await;
    let (sender, mut served) = unbounded_channel();
    wait(&one, Lane::Archive, "a", "archive", &sender, 1).await;
    wait(&one, Lane::Call, "a", "a1", &sender, 2).await;
    wait(&two, Lane::Call, "a", "a2", &sender, 3).await;
    wait(&one, Lane::Call, "a", "a3", &sender, 4).await;
    wait(&two, Lane::Call, "b", "b1", &sender, 5).await;
    wait(&one, Lane::Call, "x", "x1", &sender, 6).await;
    wait(&two, Lane::Webhook, "a", "webhook", &sender, 7).await;
    drop(held);
    let mut order = Vec::new();
    for _ in 0..7 {
        order.push(next(&mut served).await.0);
    }
    assert_eq!(order, ["webhook", "a1", "b1", "x1", "a2", "a3", "archive"]);
}

async fn a_reserved_place_goes_to_its_lane(ground: Ground) {
    let (one, two) = (ground.process(&options(3)).await, ground.process(&options(3)).await);
    let webhook = asker(Lane::Webhook, "a");
    let mut held = vec![one.acquire(&webhook).await, one.acquire(&webhook).await, two.acquire(&webhook).await];
    let (sender, mut served) = unbounded_channel();
    wait(&two, Lane::Webhook, "a", "webhook", &sender, 1).await;
    wait(&one, Lane::Archive, "a", "archive", &sender, 2).await;
    wait(&two, Lane::Call, "a", "call", &sender, 3).await;
    let mut order = Vec::new();
    let mut kept = Vec::new();
    while let Some(permit) = held.pop() {
        drop(permit);
        let (name, permit) = next(&mut served).await;
        order.push(name);
        kept.push(permit);
    }
    assert_eq!(order, ["call", "archive", "webhook"]);
}

async fn who_stops_waiting_takes_no_place_along(ground: Ground) {
    let (one, two) = (ground.process(&options(2)).await, ground.process(&options(2)).await);
    let call = asker(Lane::Call, "a");
    let impatient = (0..120_u64).map(|number| {
        let pool = if number % 2 == 0 { &one } else { &two };
        let call = &call;
        async move {
            sleep(Duration::from_millis(number)).await;
            // Some are granted a permit at the very moment they go.
            let _ = timeout(Duration::from_millis(number % 4), pool.acquire(call)).await;
        }
    });
    join_all(impatient).await;
    let both = async { (one.acquire(&call).await, two.acquire(&call).await) };
    let _both = timeout(Duration::from_secs(60), both).await.expect("two places are free");
    until("nobody waits", || one.status().waiting == 0 && two.status().waiting == 0).await;
}

async fn a_killed_holders_place_is_back_after_its_lease_and_not_before(ground: Ground) {
    let options = PoolOptions { dead_holder_grace: Duration::from_millis(500), ..options(1) };
    let (doomed, other) = (ground.process(&options).await, ground.process(&options).await);
    let asked_at = Instant::now();
    let _held = doomed.acquire(&asker(Lane::Call, "a")).await;
    doomed.kill();
    let permit = timeout(Duration::from_secs(60), other.acquire(&asker(Lane::Call, "a"))).await;
    assert!(permit.is_ok());
    // Two clocks count here, one of them in whole milliseconds.
    assert!(asked_at.elapsed() + Duration::from_millis(10) >= options.lease + options.dead_holder_grace);
}

async fn a_place_left_stays_until_its_lease_ends(ground: Ground) {
    let options = options(1);
    let pool = ground.process(&options).await;
    let asked_at = Instant::now();
    pool.acquire(&asker(Lane::Call, "a")).await.leave();
    let again = timeout(Duration::from_secs(60), pool.acquire(&asker(Lane::Call, "a"))).await;
    assert!(again.is_ok());
    assert!(asked_at.elapsed() + Duration::from_millis(10) >= options.lease);
}

async fn throttled_halves_once_and_recovers(ground: Ground) {
    let options = PoolOptions { recover_every: Duration::from_millis(1500), ..options(4) };
    let (one, two) = (ground.process(&options).await, ground.process(&options).await);
    let call = asker(Lane::Call, "a");
    let first = one.acquire(&call).await;
    one.throttled();
    two.throttled();
    one.throttled();
    until("halved", || one.status().limit_now == 2 && two.status().limit_now == 2).await;
    let second = two.acquire(&call).await;
    let third = timeout(Duration::from_secs(60), two.acquire(&call)).await.expect("one more place has come back");
    assert!(two.status().limit_now >= 3);
    let fourth = timeout(Duration::from_secs(60), one.acquire(&call)).await.expect("all have come back");
    assert_eq!((one.status().limit_now, one.status().in_flight, one.limit()), (4, 4, 4));
    drop((first, second, third, fourth));
}

async fn after_a_flush_holders_keep_their_places_and_nobody_is_granted_one_for_a_lease(ground: Ground) {
    let options = options(2);
    let (one, two) = (ground.process(&options).await, ground.process(&options).await);
    let held = one.acquire(&asker(Lane::Call, "a")).await;
    let flushed_at = Instant::now();
    ground.forget(&options).await;
    let second = timeout(Duration::from_secs(60), two.acquire(&asker(Lane::Call, "b"))).await.unwrap();
    assert!(flushed_at.elapsed() + Duration::from_millis(10) >= options.lease);
    assert!(!held.lost().is_cancelled());
    assert_eq!(two.status().in_flight, 2, "the holder is known again");
    assert!(second.fence() > held.fence());
}

async fn a_place_is_handed_to_another_process_without_waiting_for_a_poll(ground: Ground) {
    // Past the hold-off of a store that begins.
    drop(ground.process(&options(1)).await.acquire(&asker(Lane::Call, "a")).await);
    // With such a lease the polls are half a minute apart.
    let patient = PoolOptions { lease: Duration::from_secs(600), ..PoolOptions::new(support::KEY, 1) };
    let (one, two) = (ground.process(&patient).await, ground.process(&patient).await);
    for _ in 0..10 {
        let call = asker(Lane::Call, "a");
        let held = one.acquire(&call).await;
        let other = two.acquire(&call);
        tokio::pin!(other);
        assert!((&mut other).now_or_never().is_none());
        until("waiting", || two.status().waiting == 1).await;
        drop(held);
        drop(timeout(Duration::from_secs(20), other).await.expect("handed over"));
    }
}

async fn closing_gives_everything_back(ground: Ground) {
    let options = options(2);
    let (one, two) = (ground.process(&options).await, ground.process(&options).await);
    let call = asker(Lane::Call, "a");
    drop(one.acquire(&call).await);
    let held = one.acquire(&call).await;
    one.close().await;
    assert!(held.lost().is_cancelled());
    let _first = two.acquire(&call).await;
    assert_eq!(two.status().in_flight, 2, "what the provider may be at still counts");
    assert!(timeout(Duration::from_secs(60), two.acquire(&call)).await.is_ok(), "until its lease ends");
    assert!(one.acquire(&call).now_or_never().is_none());
}

#[tokio::test]
async fn without_redis_nobody_is_granted_a_permit_and_with_it_all_goes_on() {
    let Ground::Redis(mut server) = Ground::redis().await else { unreachable!() };
    let pool = Pool::in_redis(&server.url(), options(2)).unwrap();
    let call = asker(Lane::Call, "a");
    let held = pool.acquire(&call).await;
    server.stop();
    until("unreachable", || !pool.status().is_reachable).await;
    let waiting = pool.acquire(&call);
    tokio::pin!(waiting);
    assert!((&mut waiting).now_or_never().is_none());
    timeout(Duration::from_secs(60), held.lost().cancelled()).await.expect("lost when it cannot be renewed");
    server.start_again();
    let started_at = Instant::now();
    let permit = timeout(Duration::from_secs(60), waiting).await.unwrap();
    assert!(permit.fence() > held.fence(), "though the server has forgotten all");
    assert!(started_at.elapsed() + Duration::from_millis(10) + options(2).renew_every >= options(2).lease);
}

#[tokio::test]
async fn a_holder_keeps_its_place_over_a_restart_of_redis() {
    let Ground::Redis(mut server) = Ground::redis().await else { unreachable!() };
    let patient = PoolOptions { give_up_after: Duration::from_secs(20), ..options(1) };
    let pool = Pool::in_redis(&server.url(), patient.clone()).unwrap();
    let held = pool.acquire(&asker(Lane::Call, "a")).await;
    server.stop();
    server.start_again();
    let other = Pool::in_redis(&server.url(), patient).unwrap();
    until("known again", || other.status().in_flight == 1).await;
    assert!(!held.lost().is_cancelled());
    drop(held);
    let _next = timeout(Duration::from_secs(60), other.acquire(&asker(Lane::Call, "a"))).await.unwrap();
}

#[tokio::test]
async fn a_policy_that_throws_keys_away_is_told() {
    let Ground::Redis(server) = Ground::redis().await else { unreachable!() };
    let store = earmark_permits::RedisStore::open(&server.url(), support::KEY).unwrap();
    assert_eq!(store.examine().await.unwrap(), []);
    server.tell(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    let found = store.examine().await.unwrap();
    assert!(found.len() == 1 && found[0].problem.message.contains("allkeys-lru"), "{found:?}");
    let _: Arc<dyn earmark_permits::Store> = Arc::new(store);
}

#[tokio::test]
async fn a_full_redis_and_one_that_tells_nothing_of_itself_give_permits_too() {
    let Ground::Redis(server) = Ground::redis().await else { unreachable!() };
    server.tell(&["CONFIG", "SET", "maxmemory", "1"]).await;
    server.tell(&["ACL", "SETUSER", "eve", "on", ">pw", "~earmark:*", "&earmark:*", "+@all", "-info"]).await;
    let url = format!("redis://eve:pw@127.0.0.1:{}/", server.port());
    let (one, two) = (Pool::in_redis(&url, options(1)).unwrap(), Pool::in_redis(&url, options(1)).unwrap());
    let call = asker(Lane::Call, "a");
    let held = timeout(Duration::from_secs(60), one.acquire(&call)).await.unwrap();
    assert!(two.acquire(&call).now_or_never().is_none());
    drop(held);
    let _next = timeout(Duration::from_secs(60), two.acquire(&call)).await.unwrap();
}
