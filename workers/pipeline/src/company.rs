//! Who computes beside whom. When a worker dies, every job that it computed for is blamed, for any of them can have been
//! the cause. A job that is blamed computes alone from then on, until it gets further than before: so the cause is told
//! from those who were only beside it, and nobody is given up for another's recording.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The jobs of a process that compute. First come, first served: nobody waits for ever.
#[derive(Debug, Default)]
pub struct Company(RwLock<()>);

/// A job's leave to compute.
#[derive(Debug)]
pub enum Place<'a> {
    /// Beside others.
    Beside(#[expect(dead_code, reason = "held")] RwLockReadGuard<'a, ()>),
    /// Alone.
    Alone(#[expect(dead_code, reason = "held")] RwLockWriteGuard<'a, ()>),
}

impl Company {
    /// Waits until a job that is blamed for so many `deaths` may compute.
    pub(crate) async fn enter(&self, deaths: u32) -> Place<'_> {
        if deaths == 0 { Place::Beside(self.0.read().await) } else { Place::Alone(self.0.write().await) }
    }
}

impl<'a> Place<'a> {
    /// The place of a job that is blamed; the others' is given back.
    pub(crate) fn alone(self) -> Option<Self> {
        matches!(self, Self::Alone(_)).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_job_that_is_blamed_computes_alone_and_nobody_overtakes_it() {
        let company = Company::default();
        let innocents = [company.enter(0).await, company.enter(0).await];
        let mut blamed = Box::pin(company.enter(1));
        assert!((&mut blamed).now_or_never().is_none(), "others compute");
        let mut next = Box::pin(company.enter(0));
        assert!((&mut next).now_or_never().is_none(), "the one that is blamed came first");
        for place in innocents {
            assert!(place.alone().is_none(), "given back");
        }
        let place = (&mut blamed).now_or_never().and_then(Place::alone);
        assert!(place.is_some(), "it is alone now");
        assert!((&mut next).now_or_never().is_none(), "it stays so");
        drop(place);
        assert!(next.now_or_never().is_some());
    }
}
