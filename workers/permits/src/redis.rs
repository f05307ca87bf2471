//! A store in Redis: the exchange is one script on the server, which also tells a process what another has handed to it.

#[cfg(test)]
mod agreement;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use earmark_redis::{Link, OnPush};
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, Script};
use tokio::sync::{Mutex, Notify};

use crate::PermitsError;
use crate::exchange::{Heard, Store, Told};

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
    /// [`PermitsError::Redis`].
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
        Ok(self.link.warning("permits").await?)
    }

    /// A new connection, which rings the bell on each message of `channel` and when it ends.
    async fn connect(&self, channel: &str) -> Result<MultiplexedConnection, PermitsError> {
        let bell = Arc::clone(&self.bell);
        let ring: OnPush = Arc::new(move |push: &PushInfo| {
            if matches!(push.kind, PushKind::Message | PushKind::Disconnection) {
                bell.notify_one();
            }
        });
        let mut connection = self.link.connect(Duration::ZERO, Some(ring)).await?;
        connection.subscribe(channel).await.map_err(|source| self.link.error(source))?;
        Ok(connection)
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
            None => self.connect(&wire::channel(&self.key, &told.process)).await?,
        };
        let heard = self.settle(&mut connection, told).await?;
        *kept = Some(connection);
        Ok(heard)
    }

    async fn hint(&self, _process: &str) {
        self.bell.notified().await;
    }
}
