//! Sentinels that know where the primary is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::Duration;

use earmark_redis::Link;
use earmark_servers::{RedisSentinel, RedisServer, within};

const SERVICE: &str = "calls";

/// What the server at the end of `link` holds under `name`, if it is there and a primary.
async fn held(link: &Link, name: &str) -> Option<String> {
    let mut connection = link.connect(Duration::ZERO, None).await.ok()?;
    let (role,): (String,) = redis::cmd("ROLE")
        .query_async::<Vec<redis::Value>>(&mut connection)
        .await
        .ok()
        .and_then(|role| Some((redis::from_redis_value(role.into_iter().next()?).ok()?,)))?;
    if role != "master" {
        return None;
    }
    redis::cmd("GET").arg(name).query_async(&mut connection).await.ok()?
}

#[tokio::test]
async fn a_sentinel_is_asked_anew_at_each_connect_for_the_primary_may_have_moved() {
    let mut primary = RedisServer::start();
    let replica = RedisServer::replica_of(&primary);
    let sentinel = RedisSentinel::start(&primary, SERVICE);
    let link = Link::parse(&format!("redis+sentinel://127.0.0.1:{}/{SERVICE}/0", sentinel.port())).unwrap();

    primary.tell(&["SET", "call", "17"]).await;
    assert_eq!(held(&link, "call").await.as_deref(), Some("17"));
    // The replica has it too, and the Sentinel hears of the replica in its own time.
    within("the replica's copy", async { while primary.ask::<i64>(&["WAIT", "1", "100"]).await < 1 {} }).await;
    within("a Sentinel that moves the primary", async { while !sentinel.move_primary(SERVICE).await {} }).await;
    // Whoever is connected to it when it becomes the primary is thrown out: asked anew until it is one.
    let promoted = Link::parse(&replica.url()).unwrap();
    within("the new primary", async { while held(&promoted, "call").await.is_none() {} }).await;
    primary.stop();
    within("the old name's new place", async { while held(&link, "call").await.as_deref() != Some("17") {} }).await;
    drop(replica);
    assert_eq!(held(&link, "call").await, None, "it was the replica's answer");
}
