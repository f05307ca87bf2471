//! The queue on a Redis that is full, that holds something else at a key, or that is another database's.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use earmark_core::{JobState, Lane};
use earmark_journal::{Fault, Seam};
use earmark_servers::{RedisServer, within};
use support::{Fleet, Process};

/// The fields of an entry by name.
type Entry = (String, HashMap<String, String>);

async fn turns_out(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

/// Sends one command; the word of a refusal.
async fn tried(redis: &RedisServer, words: &[&str]) -> Result<redis::Value, String> {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let answer = redis::cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await;
    answer.map_err(|error| error.code().unwrap_or_default().to_owned())
}

/// Leaves room for two MiB, which is the server's own least change.
async fn limit(redis: &RedisServer) {
    let told: String = redis.ask(&["INFO", "memory"]).await;
    let used = told.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    let most = used.trim().parse::<u64>().unwrap() + (2 << 20);
    redis.tell(&["CONFIG", "SET", "maxmemory", &most.to_string()]).await;
}

/// Adds entries until the server refuses; gives their ids. `of` gives the fields of each.
async fn fill(redis: &RedisServer, of: impl Fn(usize) -> Vec<String>) -> Vec<String> {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut ids = Vec::new();
    loop {
        let mut command = redis::cmd("XADD");
        command.arg("earmark:intake").arg("*").arg(of(ids.len()));
        match command.query_async::<String>(&mut connection).await {
            Ok(id) => ids.push(id),
            Err(error) => {
                assert_eq!(error.code(), Some("OOM"));
                return ids;
            }
        }
    }
}

fn offer(at: usize) -> Vec<String> {
    let metadata = format!(r#"{{"at": {at}, "note": "{}"}}"#, "x".repeat(4000));
    ["uri", &format!("s3://calls/{at}.wav"), "key", &format!("k{at}"), "metadata", &metadata].map(str::to_owned).into()
}

fn no_offer(at: usize) -> Vec<String> {
    let note = "x".repeat(4000);
    ["url", &format!("s3://calls/{at}.wav"), "tenant", "acme", "key", &format!("k{at}"), "note", &note]
        .map(str::to_owned)
        .into()
}

/// Producers can add, and do.
async fn takes_entries(fleet: &Fleet) {
    let adding = async {
        while tried(&fleet.redis, &["XADD", "earmark:intake", "*", "uri", "s3://calls/late.wav", "key", "late"])
            .await
            .is_err()
        {}
    };
    within("room for a producer", adding).await;
}

async fn results(fleet: &Fleet, count: usize) -> Vec<Entry> {
    fleet.until(&["XRANGE", "earmark:results", "-", "+"], |entries: &Vec<Entry>| entries.len() >= count).await
}

#[tokio::test]
async fn a_full_server_with_and_without_the_group_is_drained_and_every_entry_is_a_job_and_has_an_outcome() {
    for has_group in [false, true] {
        let fleet = Fleet::new().await;
        limit(&fleet.redis).await;
        if has_group {
            fleet.redis.tell(&["XGROUP", "CREATE", "earmark:intake", "earmark", "0", "MKSTREAM"]).await;
        }
        let ids = fill(&fleet.redis, offer).await;
        assert!(ids.len() > 100, "{}", ids.len());
        let process = Process::start(&fleet, 4);
        takes_entries(&fleet).await;
        within("the word that it is full", turns_out(|| process.broker.health().problem().is_some())).await;
        assert_eq!(process.broker.health().problem().unwrap().code, "redis.full");
        fleet.until(&["XLEN", "earmark:intake"], |length: &usize| *length == 0).await;
        let told = results(&fleet, ids.len() + 1).await;
        let told: HashMap<&str, &str> =
            told.iter().map(|(_, outcome)| (outcome["intake_id"].as_str(), outcome["state"].as_str())).collect();
        assert!(ids.iter().all(|id| told.get(id.as_str()) == Some(&"cancelled")), "group: {has_group}");
        assert_eq!(fleet.handled.lock().unwrap().len(), ids.len() + 1, "none twice");
        assert_eq!(fleet.ask::<usize>(&["HGET", "earmark:counts", "accepted"]).await, ids.len() + 1);
        let raising = async { while fleet.outbox.alerts(None, false, 10).await.unwrap().is_empty() {} };
        within("an alert", raising).await;
        let alerts = fleet.outbox.alerts(None, false, 10).await.unwrap();
        assert_eq!((alerts.len(), alerts[0].kind.as_str()), (1, "queue.full"), "{alerts:?}");
        let closing = async { while !fleet.outbox.alerts(None, true, 10).await.unwrap().is_empty() {} };
        within("the alert to close", closing).await;
        process.stop().await;
    }
}

#[tokio::test]
async fn a_server_full_of_what_is_no_offer_is_drained_and_every_entry_is_put_aside_and_answered() {
    let fleet = Fleet::new().await;
    limit(&fleet.redis).await;
    let ids = fill(&fleet.redis, no_offer).await;
    let process = Process::start(&fleet, 1);
    fleet.until(&["XLEN", "earmark:intake"], |length: &usize| *length == 0).await;
    // Enough for all of them: what is put aside takes as much as before.
    fleet.redis.tell(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let told = results(&fleet, ids.len()).await;
    let mut answered: Vec<&str> = told.iter().map(|(_, outcome)| outcome["intake_id"].as_str()).collect();
    answered.sort_unstable();
    answered.dedup();
    assert_eq!(answered.len(), ids.len());
    for (_, outcome) in &told {
        let fields = ["job_id", "tenant", "state", "error_code"].map(|field| outcome[field].as_str());
        assert_eq!(fields, ["", "acme", "rejected", "job.malformed"]);
        assert!(outcome["key"].starts_with('k') && outcome["reason"].contains("`url` is no field"), "{outcome:?}");
    }
    let aside: Vec<Entry> = fleet.ask(&["XRANGE", "earmark:rejected", "-", "+", "COUNT", "1"]).await;
    assert_eq!((&aside[0].1["intake_id"], aside[0].1["note"].len()), (&ids[0], 4000));
    assert_eq!(fleet.ask::<usize>(&["HGET", "earmark:counts", "rejected"]).await, ids.len());
    process.stop().await;
}

#[tokio::test]
async fn a_server_that_others_have_filled_still_hands_jobs_out_and_tells_of_their_ends_when_it_has_room() {
    let fleet = Fleet::new().await;
    limit(&fleet.redis).await;
    while tried(&fleet.redis, &["RPUSH", "another:list", &"x".repeat(100_000)]).await.is_ok() {}
    let process = Process::start(&fleet, 2);
    for lane in Lane::ALL {
        let job = fleet.submit("a", *lane).await;
        assert_eq!(fleet.ended(&job).await.state, JobState::Cancelled);
    }
    assert_eq!(process.broker.health().problem().unwrap().code, "redis.full");
    let problem = process.broker.stats().await.unwrap()["problem"]["code"].clone();
    assert_eq!(problem, "redis.full");
    assert_eq!(fleet.ask::<u64>(&["EXISTS", "earmark:results"]).await, 0);
    fleet.redis.tell(&["DEL", "another:list"]).await;
    assert_eq!(results(&fleet, 3).await.len(), 3);
    within("calm", turns_out(|| process.broker.health().problem().is_none())).await;
    process.stop().await;
}

/// Refuses to note that outcomes were published, as a database does that can be read and not written.
#[derive(Debug, Default)]
struct NoMarks {
    is_open: AtomicBool,
    refused: AtomicUsize,
}

impl Seam for NoMarks {
    fn fault(&self, statement: &str) -> Fault {
        if self.is_open.load(Ordering::SeqCst) || !statement.starts_with("UPDATE outbox SET announced_at_ms") {
            return Fault::None;
        }
        self.refused.fetch_add(1, Ordering::SeqCst);
        Fault::Instead { statements: &[], error: None, after: &[] }
    }

    fn is_held(&self) {}
}

#[tokio::test]
async fn what_the_journal_cannot_mark_as_told_is_told_once_all_the_same() {
    let seam = Arc::new(NoMarks::default());
    let fleet = Fleet::with_seam(seam.clone()).await;
    let process = Process::start(&fleet, 1);
    fleet.ended(&fleet.submit("a", Lane::Call).await).await;
    within("refusals", turns_out(|| seam.refused.load(Ordering::SeqCst) >= 4)).await;
    assert_eq!(results(&fleet, 1).await.len(), 1);
    seam.is_open.store(true, Ordering::SeqCst);
    let marking = async { while !fleet.journal.unannounced(10).await.unwrap().is_empty() {} };
    within("the mark", marking).await;
    fleet.ended(&fleet.submit("a", Lane::Call).await).await;
    assert_eq!(results(&fleet, 2).await.len(), 2);
    process.stop().await;
}

#[tokio::test]
async fn a_key_that_holds_something_else_is_named_and_the_rest_goes_on() {
    for (key, kind) in [("earmark:intake", "stream"), ("earmark:results", "stream"), ("earmark:lane:archive", "stream")]
    {
        let fleet = Fleet::new().await;
        fleet.redis.tell(&["RPUSH", key, "somebody's"]).await;
        let process = Process::start(&fleet, 2);
        let job = fleet.submit("a", Lane::Archive).await;
        if key != "earmark:lane:archive" {
            fleet.ended(&job).await;
        }
        within("the key", turns_out(|| process.broker.health().problem().is_some())).await;
        let problem = process.broker.health().problem().unwrap();
        assert_eq!(problem.code, "redis.key_type");
        assert!(problem.message.contains(&format!("`{key}`")), "{problem}");
        assert!(problem.message.contains(&format!("is a list, not a {kind}")), "{problem}");
        assert!(problem.hint.unwrap().contains(&format!("RENAME {key}")));
        fleet.redis.tell(&["DEL", key]).await;
        within("its end", turns_out(|| process.broker.health().problem().is_none())).await;
        fleet.ended(&job).await;
        results(&fleet, 1).await;
        process.stop().await;
    }
}

#[tokio::test]
async fn a_second_database_is_kept_out_of_a_queue_until_it_is_freed() {
    let (fleet, stranger) = (Fleet::new().await, Fleet::new().await);
    let process = Process::start(&fleet, 2);
    let owner: String =
        fleet.until(&["GET", "earmark:journal"], |owner: &Option<String>| owner.is_some()).await.unwrap();
    assert!(owner.starts_with(&fleet.journal.id().await.unwrap()), "{owner}");
    let other = Process::start_on(&stranger, &fleet.redis, 2);
    within("the stranger's word", turns_out(|| other.broker.health().problem().is_some())).await;
    let problem = other.broker.health().problem().unwrap();
    assert_eq!(problem.code, "queue.stranger");
    assert!(problem.message.contains(&owner) && problem.hint.unwrap().contains("DEL earmark:journal"));
    assert_eq!(other.broker.prepare().await.unwrap_err().code, "queue.stranger");
    assert!(process.broker.prepare().await.unwrap().is_empty());
    // What producers write and what the journal offers goes to the first alone.
    for at in 0..20 {
        let uri = format!("s3://calls/{at}.wav");
        fleet.ask::<String>(&["XADD", "earmark:intake", "*", "uri", &uri]).await;
    }
    assert_eq!(results(&fleet, 20).await.len(), 20);
    assert!(stranger.handled.lock().unwrap().is_empty());
    let waiting = stranger.submit("a", Lane::Call).await;
    // A flush takes the id away; whoever is there puts it back, and it is the first.
    process.broker.dispatcher().fill_once().await.unwrap();
    assert_eq!(stranger.journal.get(&waiting).await.unwrap().state, JobState::Ready);
    process.stop().await;
    // Taken over on purpose.
    fleet.redis.tell(&["DEL", "earmark:journal"]).await;
    stranger.ended(&waiting).await;
    within("the end of that", turns_out(|| other.broker.health().problem().is_none())).await;
    other.stop().await;
}

#[tokio::test]
async fn a_flush_takes_nobody_s_queue_away() {
    let fleet = Fleet::new().await;
    let process = Process::start(&fleet, 1);
    let owner: Option<String> =
        fleet.until(&["GET", "earmark:journal"], |owner: &Option<String>| owner.is_some()).await;
    fleet.redis.tell(&["FLUSHALL"]).await;
    let again: Option<String> =
        fleet.until(&["GET", "earmark:journal"], |owner: &Option<String>| owner.is_some()).await;
    assert_eq!(again, owner);
    process.stop().await;
}

#[tokio::test]
async fn one_key_for_two_recordings_is_refused_at_the_stream_in_one_batch_and_in_two() {
    for batches in [1, 2] {
        let fleet = Fleet::new().await;
        let add = async |name: &str| -> String {
            let uri = format!("https://example.org/{name}.wav");
            fleet.ask(&["XADD", "earmark:intake", "*", "uri", &uri, "key", "k1", "tenant", "acme"]).await
        };
        let first = add("a").await;
        let process = if batches == 1 {
            let second = add("b").await;
            (Process::start(&fleet, 1), second)
        } else {
            let process = Process::start(&fleet, 1);
            results(&fleet, 1).await;
            (process, add("b").await)
        };
        let (process, second) = process;
        let told = results(&fleet, 2).await;
        let of = |id: &str| told.iter().find(|(_, outcome)| outcome["intake_id"] == id).unwrap().1.clone();
        assert_eq!(of(&first)["state"], "cancelled", "{batches}");
        let refused = of(&second);
        assert_eq!(
            ["state", "error_code", "job_id", "report_uri", "key", "tenant"].map(|field| refused[field].as_str()),
            ["rejected", "job.key_reused", "", "", "k1", "acme"],
            "{batches}"
        );
        let aside: Vec<Entry> = fleet.ask(&["XRANGE", "earmark:rejected", "-", "+"]).await;
        assert_eq!(aside.len(), 1, "{aside:?}");
        assert_eq!((&aside[0].1["intake_id"], &aside[0].1["job"]), (&second, &of(&first)["job_id"]));
        process.stop().await;
    }
}

#[tokio::test]
async fn a_text_without_a_tenant_that_can_be_one_is_answered_without() {
    let fleet = Fleet::new().await;
    let process = Process::start(&fleet, 1);
    let entry: String = fleet.ask(&["XADD", "earmark:intake", "*", "uri", "s3://c/a.wav", "tenant", "a/b"]).await;
    let told = results(&fleet, 1).await;
    assert_eq!((&told[0].1["intake_id"], told[0].1["tenant"].as_str()), (&entry, ""));
    assert_eq!((told[0].1["state"].as_str(), told[0].1["error_code"].as_str()), ("rejected", "job.tenant"));
    process.stop().await;
}
