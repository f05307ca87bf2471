//! The tier: who is in flight, per key and model, over all connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// The most requests ever in flight at once for one key and model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Peak {
    /// Those included whose client had gone.
    pub all: usize,
    /// Those left out.
    pub with_client: usize,
}

/// All places taken.
#[derive(Debug, Default)]
pub(crate) struct Places(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    lanes: HashMap<Lane, Count>,
    peak: Peak,
}

/// A key and a model.
type Lane = (String, String);

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    all: usize,
    with_client: usize,
}

/// One request in flight; its place is free again when it leaves or is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    lane: Lane,
    standing: Mutex<Standing>,
    client_gone: CancellationToken,
    /// Requests in flight when this one came in, itself included.
    pub(crate) in_flight: usize,
}

#[derive(Debug, Clone, Copy)]
struct Standing {
    is_taken: bool,
    is_client_gone: bool,
}

impl Places {
    /// Takes a place, unless `limit` are taken.
    pub(crate) fn take(self: &Arc<Self>, key: &str, model: &str, limit: usize) -> Option<Arc<Place>> {
        let lane = (key.to_owned(), model.to_owned());
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = state.lanes.entry(lane.clone()).or_default();
        if count.all >= limit {
            return None;
        }
        count.all += 1;
        count.with_client += 1;
        let Count { all, with_client } = *count;
        state.peak.all = state.peak.all.max(all);
        state.peak.with_client = state.peak.with_client.max(with_client);
        drop(state);
        let standing = Mutex::new(Standing { is_taken: true, is_client_gone: false });
        Some(Arc::new(Place {
            places: self.clone(),
            lane,
            standing,
            client_gone: CancellationToken::new(),
            in_flight: all,
        }))
    }

    pub(crate) fn peak(&self) -> Peak {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).peak
    }

    /// Requests in flight now, over all keys and models.
    pub(crate) fn in_flight(&self) -> usize {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.lanes.values().map(|count| count.all).sum()
    }

    fn change(&self, lane: &Lane, change: impl FnOnce(&mut Count)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(state.lanes.entry(lane.clone()).or_default());
    }
}

impl Place {
    /// Frees the place. Again does nothing.
    pub(crate) fn leave(&self) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut standing.is_taken, false) {
            let with_client = usize::from(!standing.is_client_gone);
            self.places.change(&self.lane, |count| {
                count.all -= 1;
                count.with_client -= with_client;
            });
        }
    }

    /// Notes that nobody waits for the answer. Again, or after the place was left, does nothing.
    pub(crate) fn lose_client(&self) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if standing.is_taken && !std::mem::replace(&mut standing.is_client_gone, true) {
            self.places.change(&self.lane, |count| count.with_client -= 1);
            self.client_gone.cancel();
        }
    }

    /// Waits until the client has gone.
    pub(crate) async fn client_gone(&self) {
        self.client_gone.cancelled().await;
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).is_taken
    }

    pub(crate) fn is_client_gone(&self) -> bool {
        self.client_gone.is_cancelled()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_once_however_they_are_left() {
        let places = Arc::new(Places::default());
        let first = places.take("k", "m", 2).unwrap();
        let second = places.take("k", "m", 2).unwrap();
        assert!(places.take("k", "m", 2).is_none());
        assert!(places.take("k", "other", 2).is_some());
        first.lose_client();
        first.lose_client();
        assert!(places.take("k", "m", 2).is_none());
        first.leave();
        first.leave();
        first.lose_client();
        drop(first);
        assert_eq!(places.in_flight(), 1);
        assert_eq!(places.take("k", "m", 2).unwrap().in_flight, 2);
        drop(second);
        assert_eq!(places.in_flight(), 0);
        assert_eq!(places.peak(), Peak { all: 2, with_client: 2 });
    }
}
