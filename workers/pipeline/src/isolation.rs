//! Who computes beside whom. When a worker dies, every job that it computed for is blamed, for any of them can have been
//! the cause. A job that is blamed computes alone from then on, until it gets further than before: so the cause is told
//! from those who were only beside it, and nobody is given up for another's recording.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// The jobs of a process that compute. First come, first served: nobody waits for ever.
#[derive(Debug, Default)]
pub struct Isolation(Arc<RwLock<()>>);

/// A job's leave to compute, held by the job and by every thread that computes for it: the last of them gives it back,
/// so that nobody is alone beside a thread that runs on.
#[derive(Debug, Clone)]
pub(crate) enum Turn {
    /// Beside others.
    Beside(Arc<OwnedRwLockReadGuard<()>>),
    /// Alone.
    Alone(Arc<OwnedRwLockWriteGuard<()>>),
}

impl Isolation {
    /// Waits until a job that is blamed for so many `deaths` may compute.
    pub(crate) async fn turn(&self, deaths: u32) -> Turn {
        let lock = self.0.clone();
        if deaths == 0 {
            Turn::Beside(Arc::new(lock.read_owned().await))
        } else {
            Turn::Alone(Arc::new(lock.write_owned().await))
        }
    }
}

impl Turn {
    /// Whether another, a thread, holds it too.
    pub(crate) fn is_shared(&self) -> bool {
        let holders = match self {
            Self::Beside(guard) => Arc::strong_count(guard),
            Self::Alone(guard) => Arc::strong_count(guard),
        };
        holders > 1
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_job_that_is_blamed_computes_alone_and_nobody_overtakes_it() {
        let isolation = Isolation::default();
        let innocents = [isolation.turn(0).await, isolation.turn(0).await];
        let mut blamed = Box::pin(isolation.turn(1));
        assert!((&mut blamed).now_or_never().is_none(), "others compute");
        let mut next = Box::pin(isolation.turn(0));
        assert!((&mut next).now_or_never().is_none(), "the one that is blamed came first");
        drop(innocents);
        let turn = (&mut blamed).now_or_never();
        assert!(matches!(turn, Some(Turn::Alone(_))), "it is alone now");
        assert!((&mut next).now_or_never().is_none(), "it stays so");
        drop(turn);
        assert!(next.now_or_never().is_some());
    }
}
