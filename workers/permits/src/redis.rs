//! A store in Redis: the exchange is one script on the server, which also tells a process what another has handed to it.

#[cfg(test)]
mod agreement;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use earmark_redis::{Finding, Link, OnPush};
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, Script};
use tokio::sync::{Mutex, Notify};

use crate::error::PermitsError;
use crate::exchange::{ExchangeReply, ExchangeRequest, Store};

/// How every key begins.
const PREFIX: &str = "earmark:permits:";
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
    /// Notified when this process may have been handed a place.
    handed: Arc<Notify>,
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
            handed: Arc::default(),
        })
    }

    /// What is not as it should be with the server: whether permits can be kept there, tried on it.
    ///
    /// # Errors
    /// [`PermitsError::Redis`] when it cannot be reached.
    pub async fn examine(&self) -> Result<Vec<Finding>, PermitsError> {
        Ok(self.link.examine(PREFIX, "permits").await?)
    }

    /// A new connection, which wakes whoever waits for a grant on each message of `channel` and when it ends.
    async fn connect(&self, channel: &str) -> Result<MultiplexedConnection, PermitsError> {
        let handed = Arc::clone(&self.handed);
        let on_push: OnPush = Arc::new(move |push: &PushInfo| {
            if matches!(push.kind, PushKind::Message | PushKind::Disconnection) {
                handed.notify_one();
            }
        });
        let mut connection = self.link.connect(Duration::ZERO, Some(on_push)).await?;
        connection.subscribe(channel).await.map_err(|source| self.link.error(source))?;
        Ok(connection)
    }

    async fn run_script(
        &self,
        connection: &mut MultiplexedConnection,
        request: &ExchangeRequest,
    ) -> Result<ExchangeReply, PermitsError> {
        let mut call = self.script.prepare_invoke();
        wire::write(&mut call, &self.key, request);
        let reply = call.invoke_async(connection).await.map_err(|source| self.link.error(source))?;
        Ok(wire::read(reply))
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn exchange(&self, request: &ExchangeRequest) -> Result<ExchangeReply, PermitsError> {
        let mut kept = self.connection.lock().await;
        // Taken out, so that a failure or a cancellation drops it: what is wrong with it is not known.
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => self.connect(&wire::channel(&self.key, &request.process)).await?,
        };
        let reply = self.run_script(&mut connection, request).await?;
        *kept = Some(connection);
        Ok(reply)
    }

    async fn wait_for_grant(&self, _process: &str) {
        self.handed.notified().await;
    }
}
