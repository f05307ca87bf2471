//! The task that fills slots: a slot first, then a job for it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use earmark_core::Lane;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::apalis_backend::Delivery;
use crate::slots::{Openings, Slots};

/// How long a source that is asked already may take once the worker is told to stop.
const LAST_ANSWER: Duration = Duration::from_secs(2);

/// Where the task that fills slots gets what is to be done.
#[async_trait]
pub trait Source: Send + Sync {
    /// What is to be done.
    type Item: Clone + Send + Sync + 'static;

    /// The next item of a lane that is open, and its lane; none when there is nothing now.
    async fn next(&self, open: &Openings) -> Option<(Lane, Self::Item)>;

    /// Returns when there may be something in a lane that is open. May be dropped at any time.
    async fn wait(&self, open: &Openings);
}

/// Fills slots from `source` until `stop`.
pub(crate) async fn fill_slots<S: Source + ?Sized>(
    source: &S,
    slots: &Slots,
    sender: mpsc::Sender<Delivery<S::Item>>,
    stop: &CancellationToken,
) {
    loop {
        let open = tokio::select! {
            () = stop.cancelled() => return,
            open = slots.open() => open,
        };
        let asked = source.next(&open);
        tokio::pin!(asked);
        // An answer under way may be a job that is ours already.
        let next = tokio::select! {
            next = &mut asked => next,
            () = stop.cancelled() => match tokio::time::timeout(LAST_ANSWER, asked).await {
                Ok(next) => next,
                Err(_) => return,
            },
        };
        if let Some((lane, item)) = next {
            let slot = slots.take(lane).expect("the lane was open, and nobody else takes slots");
            if sender.send(Delivery { item, slot: Arc::new(slot) }).await.is_err() {
                return;
            }
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = source.wait(&open) => {}
            // Another lane may have opened.
            () = slots.freed() => {}
        }
    }
}
