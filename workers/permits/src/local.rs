//! Permits of one process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use earmark_core::Lane;
use tokio::sync::oneshot;

use crate::PermitPool;

/// A pool for a recogniser that only this process uses, such as the engine built in.
#[derive(Debug, Clone)]
pub struct LocalPool {
    limit: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    in_flight: usize,
    arrivals: u64,
    /// In order of urgency, then of arrival.
    waiting: BTreeMap<(Lane, u64), oneshot::Sender<Permit>>,
}

/// The right to one request; its drop hands the place to whoever waits.
#[derive(Debug)]
pub struct Permit {
    /// None once the place has gone to somebody else.
    place: Option<Arc<Mutex<State>>>,
}

impl LocalPool {
    /// A pool of `limit` permits, at least one.
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), state: Arc::default() }
    }
}

#[async_trait]
impl PermitPool for LocalPool {
    async fn acquire(&self, lane: Lane) -> Permit {
        loop {
            let turn = {
                let mut state = lock(&self.state);
                if state.in_flight < self.limit {
                    state.in_flight += 1;
                    return Permit { place: Some(self.state.clone()) };
                }
                let (sender, turn) = oneshot::channel();
                let arrival = state.arrivals;
                state.arrivals += 1;
                state.waiting.insert((lane, arrival), sender);
                turn
            };
            // A sender is only ever dropped with the whole state, which this pool keeps alive: an error means ask again.
            if let Ok(permit) = turn.await {
                return permit;
            }
        }
    }

    fn limit(&self) -> usize {
        self.limit
    }

    fn in_flight(&self) -> usize {
        lock(&self.state).in_flight
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(mut place) = self.place.take() else { return };
        // The place passes from hand to hand without becoming free, so that nobody can overtake who waits.
        loop {
            let next = {
                let mut state = lock(&place);
                match state.waiting.pop_first() {
                    Some((_, next)) => next,
                    None => {
                        state.in_flight -= 1;
                        return;
                    }
                }
            };
            // An error gives the permit back: whoever waited is gone, the next may have it.
            let Err(mut unwanted) = next.send(Self { place: Some(place) }) else { return };
            match unwanted.place.take() {
                Some(taken_back) => place = taken_back,
                None => return,
            }
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // The state is whole after every statement, so a panic elsewhere leaves it sound.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn never_more_than_the_limit_and_the_urgent_first() {
        let pool = LocalPool::new(2);
        let first = pool.acquire(Lane::Call).await;
        let second = pool.acquire(Lane::Call).await;
        let mut archive = Box::pin(pool.acquire(Lane::Archive));
        let mut call = Box::pin(pool.acquire(Lane::Call));
        let mut webhook = Box::pin(pool.acquire(Lane::Webhook));
        for waiting in [&mut archive, &mut call, &mut webhook] {
            assert!(waiting.now_or_never().is_none());
        }
        drop(first);
        assert!((&mut call).now_or_never().is_none());
        let urgent = (&mut webhook).now_or_never().expect("the webhook's turn");
        assert_eq!(pool.in_flight(), 2);
        drop((second, urgent));
        let held = ((&mut call).now_or_never().expect("free"), (&mut archive).now_or_never().expect("free"));
        assert_eq!(pool.in_flight(), 2);
        drop(held);
        assert_eq!(pool.in_flight(), 0);
    }

    #[tokio::test]
    async fn a_place_is_not_lost_to_who_has_stopped_waiting() {
        let pool = LocalPool::new(1);
        let held = pool.acquire(Lane::Call).await;
        let mut gone = Box::pin(pool.acquire(Lane::Webhook));
        let mut granted_and_gone = Box::pin(pool.acquire(Lane::Call));
        let mut patient = Box::pin(pool.acquire(Lane::Archive));
        for waiting in [&mut gone, &mut granted_and_gone, &mut patient] {
            assert!(waiting.now_or_never().is_none());
        }
        drop(gone);
        drop(held);
        // The call's turn has come, but it goes away without having looked.
        drop(granted_and_gone);
        let permit = (&mut patient).now_or_never().expect("free");
        assert_eq!(pool.in_flight(), 1);
        drop(permit);
        assert_eq!(pool.in_flight(), 0);
    }
}
