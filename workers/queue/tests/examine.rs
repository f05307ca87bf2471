//! What is found wrong with a server before it is used, each on a real one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use earmark_queue::Broker;
use earmark_redis::Weight;
use earmark_servers::{RedisServer, within};
use support::Fleet;

/// The findings on the server at `url`: weight, code and message with hint.
async fn found(fleet: &Fleet, url: &str) -> Vec<(Weight, String, String)> {
    let broker = Broker::open(url, fleet.journal.clone(), earmark_intake::Look::anywhere(|_| None)).unwrap();
    let found = broker.examine().await.unwrap();
    found
        .into_iter()
        .map(|finding| {
            let problem = finding.problem;
            (finding.weight, problem.code, format!("{} hint: {}", problem.message, problem.hint.unwrap_or_default()))
        })
        .collect()
}

async fn codes(fleet: &Fleet, url: &str) -> Vec<(Weight, String)> {
    found(fleet, url).await.into_iter().map(|(weight, code, _)| (weight, code)).collect()
}

async fn is_clean(redis: &RedisServer) {
    let keys: Vec<String> = redis.ask(&["KEYS", "*"]).await;
    assert_eq!(keys, Vec::<String>::new(), "nothing stays");
}

#[tokio::test]
async fn a_server_as_it_should_be_is_nothing_to_speak_of_and_nothing_stays_there() {
    let fleet = Fleet::new().await;
    assert_eq!(found(&fleet, &fleet.redis.url()).await, []);
    is_clean(&fleet.redis).await;
}

#[tokio::test]
async fn a_full_server_and_one_that_throws_away_are_told() {
    let fleet = Fleet::new().await;
    let url = fleet.redis.url();
    fleet.redis.tell(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let told = found(&fleet, &url).await;
    assert_eq!((told.len(), told[0].0, told[0].1.as_str()), (1, Weight::Bad, "redis.full"), "{told:?}");
    assert!(told[0].2.contains("MiB used") && told[0].2.contains("maxmemory"), "{told:?}");
    fleet.redis.tell(&["CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", "allkeys-lru"]).await;
    assert_eq!(codes(&fleet, &url).await, [(Weight::Note, "redis.eviction".to_owned())]);
    is_clean(&fleet.redis).await;
}

#[tokio::test]
async fn a_replica_and_a_server_that_cannot_save_are_told() {
    let fleet = Fleet::new().await;
    let replica = RedisServer::replica_of(&fleet.redis);
    let told = found(&fleet, &replica.url()).await;
    assert_eq!((told.len(), told[0].0, told[0].1.as_str()), (1, Weight::Bad, "redis.replica"), "{told:?}");
    assert!(told[0].2.contains(&format!("replica of 127.0.0.1:{}", fleet.redis.port())), "{told:?}");

    let folder = tempfile::tempdir().unwrap();
    let redis = RedisServer::start_with(&["--dir", folder.path().to_str().unwrap(), "--save", "3600 1"]);
    drop(folder);
    redis.tell(&["SET", "something", "1"]).await;
    redis.tell(&["BGSAVE"]).await;
    let failing =
        async { while !redis.ask::<String>(&["INFO", "persistence"]).await.contains("rdb_last_bgsave_status:err") {} };
    within("saving to fail", failing).await;
    assert_eq!(codes(&fleet, &redis.url()).await, [(Weight::Bad, "redis.cannot_save".to_owned())]);
}

#[tokio::test]
async fn a_cluster_and_another_databases_queue_are_never_used() {
    let fleet = Fleet::new().await;
    let folder = tempfile::tempdir().unwrap();
    let cluster = RedisServer::start_with(&["--dir", folder.path().to_str().unwrap(), "--cluster-enabled", "yes"]);
    assert_eq!(codes(&fleet, &cluster.url()).await, [(Weight::Never, "redis.cluster".to_owned())]);
    let broker = Broker::open(&cluster.url(), fleet.journal.clone(), earmark_intake::Look::anywhere(|_| None)).unwrap();
    assert_eq!(broker.prepare().await.unwrap_err().code, "redis.cluster");

    fleet.redis.tell(&["SET", "earmark:journal", "another postgres://db.example/other"]).await;
    let told = found(&fleet, &fleet.redis.url()).await;
    assert_eq!((told[0].0, told[0].1.as_str()), (Weight::Never, "queue.stranger"));
    assert!(told[0].2.contains("postgres://db.example/other") && told[0].2.contains("which is new"), "{told:?}");
    assert_eq!(fleet.journal.known_id().await.unwrap(), None, "looking makes no id");
}

#[tokio::test]
async fn a_key_of_another_type_is_told_with_what_it_is() {
    let fleet = Fleet::new().await;
    fleet.redis.tell(&["RPUSH", "earmark:intake", "x"]).await;
    fleet.redis.tell(&["SET", "earmark:counts", "x"]).await;
    let told = found(&fleet, &fleet.redis.url()).await;
    assert!(told.iter().all(|(weight, code, _)| *weight == Weight::Bad && code == "redis.key_type"), "{told:?}");
    assert!(told[0].2.contains("`earmark:intake`") && told[0].2.contains("is a list, not a stream"), "{told:?}");
    assert!(told[1].2.contains("`earmark:counts`") && told[1].2.contains("is a string, not a hash"), "{told:?}");
}

#[tokio::test]
async fn what_a_user_may_not_do_is_told_by_name_and_info_alone_is_a_note() {
    let fleet = Fleet::new().await;
    for (rights, weight, code, part) in [
        ("~earmark:* &earmark:* +@all -info", Weight::Note, "redis.no_info", "INFO is denied"),
        ("~earmark:* &earmark:* +@all -eval -evalsha", Weight::Bad, "redis.denied", "not let this user have scripts"),
        ("~earmark:* &earmark:* +@all -script", Weight::Bad, "redis.denied", "SCRIPT LOAD"),
        ("~earmark:* &earmark:* +@all -xreadgroup", Weight::Bad, "redis.denied", "have XREADGROUP hint"),
        ("~earmark:* &earmark:* +@all -xadd -hincrby", Weight::Bad, "redis.denied", "XADD, HINCRBY"),
        ("~other:* &earmark:* +@all", Weight::Bad, "redis.denied", "~earmark:*"),
        ("~earmark:* &earmark:* +@read +@connection +info +time", Weight::Bad, "redis.denied", "SET"),
    ] {
        let mut words = vec!["ACL", "SETUSER", "eve", "reset", "on", ">pw"];
        words.extend(rights.split(' '));
        fleet.redis.tell(&words).await;
        let told = found(&fleet, &format!("redis://eve:pw@127.0.0.1:{}/", fleet.redis.port())).await;
        assert_eq!(told.len(), 1, "{rights}: {told:?}");
        assert_eq!((told[0].0, told[0].1.as_str()), (weight, code), "{rights}: {told:?}");
        assert!(told[0].2.contains(part), "{rights}: {told:?}");
    }
    let hinted = "~earmark:* &earmark:* +@all -@admin -@dangerous +info";
    let mut words = vec!["ACL", "SETUSER", "eve", "reset", "on", ">pw"];
    words.extend(hinted.split(' '));
    fleet.redis.tell(&words).await;
    assert_eq!(
        found(&fleet, &format!("redis://eve:pw@127.0.0.1:{}/", fleet.redis.port())).await,
        [],
        "the hint is enough"
    );
    let broker = Broker::open(
        &format!("redis://eve:wrong@127.0.0.1:{}/", fleet.redis.port()),
        fleet.journal.clone(),
        earmark_intake::Look::anywhere(|_| None),
    );
    let error = earmark_core::Failure::problem(&broker.unwrap().examine().await.unwrap_err());
    assert_eq!(error.code, "redis.login", "{error:?}");
    assert!(!error.message.contains("wrong@"), "{error:?}");
}
