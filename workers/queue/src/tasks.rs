//! apalis at work: one task for each delivery, as many at a time as there are slots.

use std::sync::Arc;

use apalis::layers::WorkerBuilderExt;
use apalis::prelude::{BoxDynError, Data, WorkerBuilder};
use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::apalis_backend::{Deliveries, Delivery};
use crate::fill_slots::{Source, fill_slots};
use crate::slots::Slots;

/// Does what a [`Source`] gives.
#[async_trait]
pub trait Work<T>: Send + Sync {
    /// Does `item` the whole way.
    async fn work(&self, item: T);
}

/// Runs apalis' worker over what comes through `receiver`, until `ended` is cancelled and what was begun is done.
pub(crate) async fn run<T: Clone + Send + Sync + 'static>(
    name: &str,
    slots: usize,
    receiver: mpsc::Receiver<Delivery<T>>,
    work: Arc<dyn Work<T>>,
    ended: CancellationToken,
) {
    let worker = WorkerBuilder::new(name.to_owned())
        .backend(Deliveries::new(receiver))
        .concurrency(slots)
        .data(work)
        .build(work_off::<T>);
    let outcome = worker
        .run_with_ctx(move |context| {
            let ended = ended.clone();
            async move {
                ended.cancelled().await;
                let _ = context.stop();
                Ok(())
            }
        })
        .await;
    if let Err(error) = outcome {
        tracing::error!(%error, "the worker ended with an error");
    }
}

async fn work_off<T: Clone + Send + Sync + 'static>(
    delivery: Delivery<T>,
    work: Data<Arc<dyn Work<T>>>,
) -> Result<(), BoxDynError> {
    let Delivery { item, slot } = delivery;
    work.work(item).await;
    drop(slot);
    Ok(())
}

/// Does what `source` gives, `slots` at a time, until `stop` is cancelled and what was begun is done: a worker without a
/// journal.
pub async fn work_through<S: Source>(
    name: &str,
    source: &S,
    slots: usize,
    work: Arc<dyn Work<S::Item>>,
    stop: &CancellationToken,
) {
    let taken = Slots::new(slots);
    let (sender, receiver) = mpsc::channel(slots);
    let ended = CancellationToken::new();
    let filling = async {
        fill_slots(source, &taken, sender, stop).await;
        let all = u32::try_from(slots).unwrap_or(u32::MAX);
        let _ = taken.all().acquire_many(all).await;
        ended.cancel();
    };
    tokio::join!(run(name, slots, receiver, work, ended.clone()), filling);
}
