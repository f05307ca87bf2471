//! A process's part in the queue on Redis, whatever else it does: serve, work, or submit.

use std::sync::Arc;
use std::time::Duration;

use earmark_core::WorkerId;
use earmark_intake::Look;
use earmark_journal::Journal;
use earmark_redis::{Link, LinkError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::dispatcher::Dispatcher;
use crate::health::Health;
use crate::intake::Intake;
use crate::outcomes::OutcomePublisher;
use crate::ownership::{Claim, Ownership};
use crate::queue_alerts;
use crate::redis_queue::RedisQueue;
use crate::streams::Streams;

/// Everything of a process that speaks to the queue's Redis, on few connections and with one [`Health`].
pub struct Broker {
    link: Arc<Link>,
    health: Arc<Health>,
    journal: Journal,
    process: WorkerId,
    dispatcher: Dispatcher,
    intake: Intake,
    outcomes: OutcomePublisher,
    ownership: Arc<Ownership>,
    /// Of the worker in this process, where there is one.
    streams: watch::Sender<Option<Arc<Streams>>>,
}

impl Broker {
    /// The queue in the Redis at `url`, between producers and `journal`; `look` tells the version of a recording that is
    /// offered. Does not connect.
    ///
    /// # Errors
    /// [`LinkError::Url`].
    pub fn open(url: &str, journal: Journal, look: Look) -> Result<Self, LinkError> {
        let link = Arc::new(Link::parse(url)?);
        let health = Arc::new(Health::default());
        let process = WorkerId::fresh();
        let ownership = Arc::new(Ownership::default());
        let connection = || Connection::new(Arc::clone(&link), Arc::clone(&health), Duration::ZERO);
        let claim = Claim::new(journal.clone(), Arc::clone(&ownership));
        Ok(Self {
            dispatcher: Dispatcher::new(journal.clone(), connection(), process.clone(), claim),
            intake: Intake::new(journal.clone(), look, &link, &health, &process, &ownership),
            outcomes: OutcomePublisher::new(journal.clone(), connection(), process.clone(), Arc::clone(&ownership)),
            ownership,
            streams: watch::Sender::default(),
            link,
            health,
            journal,
            process,
        })
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Whether Redis can be reached, and does what it should.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// What fills the streams.
    pub fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    /// The queue for the one worker of this process, with `slots` jobs at a time, leased for `lease_ms`. The streams are
    /// filled for it from now on.
    pub fn queue(&self, worker: &WorkerId, slots: usize, lease_ms: i64) -> RedisQueue {
        // Under the process's name: it is that which the server believes to live.
        let streams = Arc::new(Streams::new(Arc::clone(&self.link), Arc::clone(&self.health), self.process.as_str()));
        self.streams.send_replace(Some(Arc::clone(&streams)));
        self.dispatcher.set_slots(slots);
        let has_room = self.dispatcher.refill_signal();
        RedisQueue::new(streams, Arc::clone(&self.ownership), self.journal.clone(), worker.clone(), lease_ms, has_room)
    }

    /// Dispatches, takes in and publishes outcomes, until dropped. From `stop` on nothing is taken in, and nothing
    /// dispatched for this process.
    pub async fn run(&self, stop: &CancellationToken) {
        let stopped = async {
            stop.cancelled().await;
            self.dispatcher.set_slots(0);
            std::future::pending::<()>().await;
        };
        let mut streams = self.streams.subscribe();
        let maintaining = async {
            // A worker begins later, if at all.
            let streams = streams.wait_for(Option::is_some).await.ok().and_then(|streams| streams.clone());
            if let Some(streams) = streams {
                streams.maintain().await;
            }
        };
        let alerting = queue_alerts::run(&self.journal, &self.health, self.link.place());
        tokio::join!(self.dispatcher.run(), self.intake.run(stop), self.outcomes.run(), maintaining, alerting, stopped);
    }

    /// Publishes the last outcomes and hands on what was delivered here and not begun. Tries for a second.
    pub async fn close(&self) {
        self.dispatcher.set_slots(0);
        let closed = async {
            // Says that this process takes nothing more.
            let _ = self.dispatcher.fill_once().await;
            let _ = self.outcomes.publish().await;
            let streams = self.streams.borrow().clone();
            if let Some(streams) = streams {
                streams.close().await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(1), closed).await.is_err() {
            tracing::debug!("the queue did not hear that this process ends; it finds out by itself");
        }
    }
}
