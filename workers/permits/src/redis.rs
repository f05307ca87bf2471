//! A store in Redis: the exchange is one script on the server, which also tells a process what another has handed to it.

#[cfg(test)]
mod agreement;
mod link;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use redis::Script;
use redis::aio::MultiplexedConnection;
use tokio::sync::{Mutex, Notify};

use crate::PermitsError;
use crate::exchange::{Heard, Store, Told};
use link::Link;

const EXCHANGE: &str = include_str!("redis/exchange.lua");

/// The permits of one account and model in Redis 6 or later, standalone or behind Sentinels. Keys begin with
/// `earmark:permits:{account/model}:`. One store is for one process of the pool.
#[derive(Debug)]
pub struct RedisStore {
    link: Link,
    key: String,
    script: Script,
    /// None until it is needed, and after a failure.
    connection: Mutex<Option<MultiplexedConnection>>,
    bell: Arc<Notify>,
}

impl RedisStore {
    /// The permits of `key` (`account/model`) in the Redis at `url`: `redis://`, `rediss://` or
    /// `redis+sentinel://[USER:PASSWORD@]HOST:PORT,HOST:PORT/SERVICE[/DB]`. Does not connect.
    ///
    /// # Errors
    /// [`PermitsError::Url`].
    pub fn open(url: &str, key: &str) -> Result<Self, PermitsError> {
        Ok(Self {
            link: Link::parse(url)?,
            key: key.into(),
            script: Script::new(EXCHANGE),
            connection: Mutex::default(),
            bell: Arc::default(),
        })
    }

    /// What is wrong with the server's settings, in words for a person: with another policy than `noeviction` Redis may
    /// throw permits away.
    ///
    /// # Errors
    /// [`PermitsError::Redis`] when it cannot be asked.
    pub async fn warning(&self) -> Result<Option<String>, PermitsError> {
        let mut connection = self.link.connect(&self.bell, None).await?;
        let memory: Result<String, _> = redis::cmd("INFO").arg("memory").query_async(&mut connection).await;
        let memory = memory.map_err(|source| self.link.error(source))?;
        let policy =
            memory.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).unwrap_or("noeviction").trim();
        if policy == "noeviction" {
            return Ok(None);
        }
        let place = self.link.place();
        Ok(Some(format!(
            "Redis at {place} has maxmemory-policy {policy} and may throw permits away when its memory is full: set it to noeviction"
        )))
    }

    async fn settle(&self, connection: &mut MultiplexedConnection, told: &Told) -> Result<Heard, PermitsError> {
        let mut call = self.script.prepare_invoke();
        wire::write(&mut call, &self.key, told);
        let reply = call.invoke_async(connection).await.map_err(|source| self.link.error(source))?;
        Ok(wire::read(reply))
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn exchange(&self, told: &Told) -> Result<Heard, PermitsError> {
        let mut kept = self.connection.lock().await;
        // Taken out, so that a failure or a cancellation drops it: what is wrong with it is not known.
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => self.link.connect(&self.bell, Some(&wire::channel(&self.key, &told.process))).await?,
        };
        let heard = self.settle(&mut connection, told).await?;
        *kept = Some(connection);
        Ok(heard)
    }

    async fn hint(&self, _process: &str) {
        self.bell.notified().await;
    }
}
