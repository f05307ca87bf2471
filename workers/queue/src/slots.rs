//! Slots: how many jobs of each lane this machine may take now.

use std::sync::Arc;

use earmark_core::Lane;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How many jobs a worker may take now: at all, and of each lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Openings {
    room: usize,
    calls: usize,
    archive: usize,
}

impl Openings {
    /// Room for `room` jobs of any lane.
    pub fn all(room: usize) -> Self {
        Self { room, calls: room, archive: room }
    }

    /// At most this many jobs.
    pub fn room(&self) -> usize {
        self.room
    }

    /// At most this many jobs of `lane`.
    pub fn of(&self, lane: Lane) -> usize {
        match lane {
            Lane::Webhook => self.room,
            Lane::Call => self.room.min(self.calls),
            Lane::Archive => self.room.min(self.archive),
        }
    }

    /// Lanes of which a job may be taken, the most urgent first.
    pub fn lanes(&self) -> Vec<Lane> {
        Lane::ALL.iter().copied().filter(|lane| self.of(*lane) > 0).collect()
    }
}

/// The slots of a worker. One is closed to the archive, and one to everything but webhooks, as far as there are enough.
#[derive(Debug)]
pub(crate) struct Slots {
    all: Arc<Semaphore>,
    /// What calls and the archive may take together.
    calls: Arc<Semaphore>,
    archive: Arc<Semaphore>,
    freed: Arc<Notify>,
}

/// A slot taken, until it is dropped.
#[derive(Debug)]
pub struct Slot {
    permits: Vec<OwnedSemaphorePermit>,
    freed: Arc<Notify>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.permits.clear();
        self.freed.notify_one();
    }
}

impl Slots {
    pub(crate) fn new(slots: usize) -> Self {
        let (calls, archive) = match slots {
            0..=2 => (slots, slots.min(1)),
            _ => (slots - 1, slots - 2),
        };
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { all: semaphore(slots), calls: semaphore(calls), archive: semaphore(archive), freed: Arc::default() }
    }

    /// All slots together, for who waits until none is taken.
    pub(crate) fn all(&self) -> &Arc<Semaphore> {
        &self.all
    }

    /// Waits until a slot is free; gives what may be taken.
    pub(crate) async fn open(&self) -> Openings {
        loop {
            let open = self.openings();
            if open.room > 0 {
                return open;
            }
            self.freed.notified().await;
        }
    }

    /// What may be taken now.
    fn openings(&self) -> Openings {
        let (calls, archive) = (self.calls.available_permits(), self.archive.available_permits());
        Openings { room: self.all.available_permits(), calls, archive: archive.min(calls) }
    }

    /// Returns when a slot was freed since the last call.
    pub(crate) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// A slot for a job of `lane`; none when there is none open to it. Only the task that fills slots takes any, so
    /// what [`open`](Self::open) told still holds.
    pub(crate) fn take(&self, lane: Lane) -> Option<Slot> {
        let limits: &[&Arc<Semaphore>] = match lane {
            Lane::Webhook => &[&self.all],
            Lane::Call => &[&self.all, &self.calls],
            Lane::Archive => &[&self.all, &self.calls, &self.archive],
        };
        let permits =
            limits.iter().map(|limit| Arc::clone(limit).try_acquire_owned()).collect::<Result<_, _>>().ok()?;
        Some(Slot { permits, freed: Arc::clone(&self.freed) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes as many slots of `lane` as there are.
    fn fill(slots: &Slots, lane: Lane) -> Vec<Slot> {
        std::iter::from_fn(|| slots.take(lane)).collect()
    }

    #[test]
    fn one_slot_is_closed_to_the_archive_and_one_to_all_but_webhooks() {
        for (count, archive, calls, webhooks) in [(1, 1, 0, 0), (2, 1, 1, 0), (3, 1, 1, 1), (4, 2, 1, 1), (9, 7, 1, 1)]
        {
            let slots = Slots::new(count);
            let taken = [Lane::Archive, Lane::Call, Lane::Webhook].map(|lane| fill(&slots, lane));
            assert_eq!(taken.each_ref().map(Vec::len), [archive, calls, webhooks], "{count} slots");
            assert_eq!(slots.openings().room(), 0);
            drop(taken);
            assert_eq!(fill(&slots, Lane::Webhook).len(), count);
        }
    }

    #[test]
    fn only_lanes_that_may_take_a_slot_are_asked_for() {
        let slots = Slots::new(3);
        let archive = slots.take(Lane::Archive);
        assert_eq!(slots.openings().lanes(), [Lane::Webhook, Lane::Call]);
        let call = slots.take(Lane::Call);
        assert_eq!(slots.openings().lanes(), [Lane::Webhook]);
        drop((archive, call));
        assert_eq!(slots.openings().lanes(), Lane::ALL);
    }
}
