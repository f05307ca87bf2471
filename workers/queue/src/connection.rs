//! A connection to the queue's server, made when it is needed and again after a failure.

use std::sync::Arc;
use std::time::Duration;

use earmark_core::Problem;
use earmark_redis::{Link, LinkError};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, ParsingError, Pipeline, RedisError, ScriptInvocation};
use tokio::sync::Mutex;

use crate::health::{Health, Part};
use crate::keys;

/// Refusals that say nothing against the connection.
const HARMLESS: [&str; 8] = ["NOGROUP", "BUSYGROUP", "NOSCRIPT", "UNBLOCKED", "OOM", "WRONGTYPE", "NOPERM", "MISCONF"];

/// A connection of one user. Its failures are noted in the process's [`Health`].
pub(crate) struct Connection {
    link: Arc<Link>,
    health: Arc<Health>,
    /// How long the server may be asked to wait.
    blocking: Duration,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    connection: Option<MultiplexedConnection>,
    /// Counts the connections made.
    number: u64,
}

impl Connection {
    pub(crate) fn new(link: Arc<Link>, health: Arc<Health>, blocking: Duration) -> Self {
        Self { link, health, blocking, kept: Mutex::default() }
    }

    pub(crate) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// The connection and its number, from 1: another number than the last time means that answers may have been lost.
    pub(crate) async fn connection(&self) -> Result<(MultiplexedConnection, u64), LinkError> {
        let mut kept = self.kept.lock().await;
        if let Some(connection) = &kept.connection {
            return Ok((connection.clone(), kept.number));
        }
        let connection = self.link.connect(self.blocking, None).await?;
        kept.number += 1;
        kept.connection = Some(connection.clone());
        Ok((connection, kept.number))
    }

    /// The result of a call on connection `number`, noted: after a failure the next call gets another connection.
    pub(crate) async fn checked<T>(&self, number: u64, result: Result<T, RedisError>) -> Result<T, LinkError> {
        match result {
            Ok(value) => {
                self.health.answered();
                Ok(value)
            }
            Err(source) => {
                let error = self.link.error(source);
                if !error.is_away() {
                    self.health.answered();
                }
                if !error.refusal().is_some_and(|word| HARMLESS.contains(&word)) {
                    let mut kept = self.kept.lock().await;
                    if kept.number == number {
                        kept.connection = None;
                    }
                }
                Err(error)
            }
        }
    }

    /// Notes that `part` failed with `error`; gives how long to let it rest. Where a key holds something else it is
    /// looked up which.
    pub(crate) async fn failed(&self, part: Part, error: &LinkError) -> Duration {
        let known = match error.refusal() {
            Some("WRONGTYPE") => self.other_keys().await.into_iter().next(),
            _ => None,
        };
        self.health.failed(part, error, known)
    }

    /// Keys that hold something else than they should, each as a person reads it; none where that cannot be asked.
    pub(crate) async fn other_keys(&self) -> Vec<Problem> {
        let mut pipeline = redis::pipe();
        for (key, _) in keys::ALL {
            pipeline.cmd("TYPE").arg(key);
        }
        let Ok(types) = self.send::<Vec<String>>(&pipeline).await else { return Vec::new() };
        let others = keys::ALL.iter().zip(types).filter(|((_, kind), found)| found != "none" && found != kind);
        others.map(|((key, kind), found)| keys::other(self.link.place(), key, kind, &found)).collect()
    }

    /// Where the server is, for people.
    pub(crate) fn place(&self) -> &str {
        self.link.place()
    }

    /// An answer that is not what was asked for.
    pub(crate) fn wrong(&self, error: ParsingError) -> LinkError {
        self.link.error(error.into())
    }

    /// Sends `pipeline` and reads its answers.
    pub(crate) async fn send<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, LinkError> {
        let (mut connection, number) = self.connection().await?;
        let result = pipeline.query_async(&mut connection).await;
        self.checked(number, result).await
    }

    /// Runs a script and reads its answer.
    pub(crate) async fn run<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Result<T, LinkError> {
        let (mut connection, number) = self.connection().await?;
        let result = call.invoke_async(&mut connection).await;
        self.checked(number, result).await
    }

    /// Hangs up; a call that the server is still at is over.
    pub(crate) async fn hang_up(&self) {
        self.kept.lock().await.connection = None;
    }
}
