//! The streams alone, on a real Redis: what bites there does not bite here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::sync::Arc;
use std::time::Duration;

use earmark_core::Lane;
use earmark_queue::{Entry, Health, Openings, Streams};
use earmark_redis::Link;
use earmark_servers::{RedisServer, within};
use redis::FromRedisValue;

struct Ground {
    redis: RedisServer,
}

impl Ground {
    fn new() -> Self {
        Self { redis: RedisServer::start() }
    }

    fn streams(&self, consumer: &str) -> Arc<Streams> {
        let link = Arc::new(Link::parse(&self.redis.url()).unwrap());
        Arc::new(Streams::new(link, Arc::new(Health::default()), consumer))
    }

    async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.redis.ask(words).await
    }

    async fn length(&self, lane: Lane) -> u64 {
        self.ask(&["XLEN", &format!("earmark:lane:{lane}")]).await
    }

    async fn pending(&self, lane: Lane) -> u64 {
        let told: Vec<redis::Value> = self.ask(&["XPENDING", &format!("earmark:lane:{lane}"), "earmark"]).await;
        redis::from_redis_value(told[0].clone()).unwrap()
    }

    async fn consumers(&self, lane: Lane) -> usize {
        let told: Vec<redis::Value> =
            self.ask(&["XINFO", "CONSUMERS", &format!("earmark:lane:{lane}"), "earmark"]).await;
        told.len()
    }
}

fn names(jobs: &[&str]) -> Vec<String> {
    jobs.iter().map(|job| (*job).to_owned()).collect()
}

async fn take(streams: &Streams, room: usize) -> Option<Entry> {
    streams.take(&Openings::all(room)).await.unwrap()
}

async fn take_job(streams: &Streams) -> String {
    take(streams, 1).await.expect("there is one").job
}

#[tokio::test]
async fn lanes_are_read_in_order_of_urgency_and_no_more_than_there_is_room_for() {
    let ground = Ground::new();
    let streams = ground.streams("a");
    for (lane, jobs) in [(Lane::Archive, ["z1", "z2"]), (Lane::Call, ["c1", "c2"]), (Lane::Webhook, ["w1", "w2"])] {
        streams.push(lane, &names(&jobs)).await.unwrap();
    }
    assert_eq!(take(&streams, 3).await.unwrap().job, "w1");
    // Two more were read with it, the rest left to others.
    assert_eq!((ground.pending(Lane::Webhook).await, ground.pending(Lane::Call).await), (2, 1));
    assert_eq!(ground.pending(Lane::Archive).await, 0);
    for job in ["w2", "c1", "c2", "z1", "z2"] {
        assert_eq!(take_job(&streams).await, job);
    }
    assert!(take(&streams, 1).await.is_none());
}

#[tokio::test]
async fn what_is_acknowledged_leaves_neither_entry_nor_pending() {
    let ground = Ground::new();
    let streams = ground.streams("a");
    let jobs: Vec<String> = (0..500).map(|job| job.to_string()).collect();
    streams.push(Lane::Call, &jobs).await.unwrap();
    while let Some(entry) = take(&streams, 7).await {
        streams.acknowledge(entry);
    }
    streams.close().await;
    assert_eq!((ground.length(Lane::Call).await, ground.pending(Lane::Call).await), (0, 0));
}

#[tokio::test]
async fn whoever_waits_hears_of_a_new_entry_while_the_other_connection_goes_on() {
    let ground = Ground::new();
    let (streams, pusher) = (ground.streams("a"), ground.streams("b"));
    assert!(take(&streams, 1).await.is_none());
    let open = Openings::all(1);
    let heard = async {
        streams.wait_for_entry(&open).await;
        take_job(&streams).await
    };
    let pushed = async {
        // The server is at the waiting read; this answer does not wait for it.
        assert_eq!(streams.reclaim(Duration::from_secs(30)).await.unwrap(), 0);
        pusher.push(Lane::Archive, &names(&["late"])).await.unwrap();
        std::future::pending::<()>().await;
    };
    let job = tokio::select! {
        job = heard => job,
        () = pushed => unreachable!(),
        () = streams.maintain() => unreachable!(),
    };
    assert_eq!(job, "late");
}

#[tokio::test]
async fn what_a_dead_reader_left_is_put_back_and_what_is_acknowledged_is_not() {
    let ground = Ground::new();
    let (dead, alive) = (ground.streams("dead"), ground.streams("alive"));
    dead.push(Lane::Call, &names(&["left", "leased"])).await.unwrap();
    assert_eq!(take_job(&dead).await, "left");
    let leased = take(&dead, 1).await.unwrap();
    dead.acknowledge(leased);
    tokio::select! {
        () = dead.maintain() => {}
        () = async { while ground.length(Lane::Call).await > 1 {} } => {}
    }
    assert_eq!(alive.reclaim(Duration::from_secs(30)).await.unwrap(), 0, "it may be about to take the lease");
    assert_eq!(alive.reclaim(Duration::ZERO).await.unwrap(), 1);
    assert_eq!(take_job(&alive).await, "left");
    assert!(take(&alive, 1).await.is_none());
}

#[tokio::test]
async fn a_consumer_with_something_pending_is_never_removed_and_an_empty_one_is() {
    let ground = Ground::new();
    let (holder, empty, live) = (ground.streams("holder"), ground.streams("empty"), ground.streams("live"));
    holder.push(Lane::Call, &names(&["one"])).await.unwrap();
    assert_eq!(take_job(&holder).await, "one");
    assert!(take(&empty, 1).await.is_none());
    for consumer in ["empty", "live"] {
        ground.redis.tell(&["XGROUP", "CREATECONSUMER", "earmark:lane:call", "earmark", consumer]).await;
    }
    ground.redis.tell(&["ZADD", "earmark:workers", "1", "live"]).await;
    assert_eq!(ground.consumers(Lane::Call).await, 3);
    assert_eq!(live.remove_consumers(Duration::from_secs(60)).await.unwrap(), 0, "they were there a moment ago");
    live.remove_consumers(Duration::ZERO).await.unwrap();
    assert_eq!((ground.consumers(Lane::Call).await, ground.pending(Lane::Call).await), (2, 1));
    assert_eq!(live.reclaim(Duration::ZERO).await.unwrap(), 1);
    assert_eq!(take_job(&live).await, "one");
}

#[tokio::test]
async fn after_a_flush_the_groups_are_made_again_from_the_beginning() {
    let ground = Ground::new();
    let (streams, pusher) = (ground.streams("a"), ground.streams("b"));
    assert!(take(&streams, 1).await.is_none());
    ground.redis.tell(&["FLUSHALL"]).await;
    pusher.push(Lane::Call, &names(&["before the group"])).await.unwrap();
    assert_eq!(take_job(&streams).await, "before the group");
}

#[tokio::test]
async fn what_was_read_before_the_connection_broke_is_read_again() {
    let ground = Ground::new();
    let streams = ground.streams("a");
    streams.push(Lane::Call, &names(&["one", "two", "three"])).await.unwrap();
    assert_eq!(take(&streams, 3).await.unwrap().job, "one");
    ground.redis.tell(&["CLIENT", "KILL", "TYPE", "normal"]).await;
    // Two are held here; the answer that told of them might as well have been lost.
    let mut jobs = vec![take_job(&streams).await, take_job(&streams).await];
    loop {
        match streams.take(&Openings::all(1)).await {
            Ok(Some(entry)) => jobs.push(entry.job),
            Ok(None) => break,
            Err(error) => assert_eq!(error.refusal(), None, "the connection broke, nothing else"),
        }
    }
    jobs.sort();
    jobs.dedup();
    assert_eq!(jobs, ["one", "three", "two"]);
}

#[tokio::test]
async fn what_is_held_at_the_end_is_handed_to_others() {
    let ground = Ground::new();
    let (ending, other) = (ground.streams("ending"), ground.streams("other"));
    ending.push(Lane::Webhook, &names(&["one", "two"])).await.unwrap();
    assert_eq!(take(&ending, 2).await.unwrap().job, "one");
    ending.close().await;
    let mut jobs = [take_job(&other).await, take_job(&other).await];
    jobs.sort();
    assert_eq!(jobs, ["one", "two"]);
}

#[tokio::test]
async fn an_entry_without_a_slot_goes_back_after_a_second() {
    let ground = Ground::new();
    let (full, other) = (ground.streams("full"), ground.streams("other"));
    full.push(Lane::Call, &names(&["one", "two"])).await.unwrap();
    assert_eq!(take(&full, 2).await.unwrap().job, "one");
    assert!(take(&other, 1).await.is_none());
    tokio::select! {
        () = full.maintain() => {}
        () = within("the entry to go back", async { while ground.pending(Lane::Call).await > 1 {} }) => {}
    }
    assert_eq!(take_job(&other).await, "two");
}
