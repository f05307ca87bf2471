//! What goes wrong: decided request by request by a test, or by chance with a seed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often things go wrong by themselves, from 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// Requests answered with 500 or 503.
    pub errors: f64,
    /// Bodies of objects cut off somewhere.
    pub cuts: f64,
}

/// What goes wrong with a server; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    answers: VecDeque<(u16, String)>,
    bodies: VecDeque<BodyFault>,
    is_blind: bool,
    chance: Option<(fastrand::Rng, Rates)>,
}

/// What becomes of an object's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFault {
    /// The connection breaks after so many bytes.
    Cut(u64),
    /// Nothing comes any more after so many bytes.
    Stall(u64),
    /// The byte at this place is another.
    Spoil(u64),
}

impl Faults {
    /// Answers the next `times` requests with `status` and the error `code`, whatever they ask.
    pub fn answer_next(&self, times: usize, status: u16, code: &str) {
        self.plan().answers.extend((0..times).map(|_| (status, code.to_owned())));
    }

    /// Breaks the connection of each of the next `times` objects' bodies after `bytes` of it.
    pub fn cut_next(&self, times: usize, bytes: u64) {
        self.plan().bodies.extend((0..times).map(|_| BodyFault::Cut(bytes)));
    }

    /// Sends `bytes` of the next object's body and then nothing, with the connection open.
    pub fn stall_next(&self, bytes: u64) {
        self.plan().bodies.push_back(BodyFault::Stall(bytes));
    }

    /// Sends another byte than the object has at `place` of the next body.
    pub fn spoil_next(&self, place: u64) {
        self.plan().bodies.push_back(BodyFault::Spoil(place));
    }

    /// From now on `If-Match` is not looked at, as some stores do.
    pub fn ignore_if_match(&self) {
        self.plan().is_blind = true;
    }

    /// From now on things go wrong by chance, the same with the same `seed`.
    pub fn at_random(&self, seed: u64, rates: Rates) {
        self.plan().chance = Some((fastrand::Rng::with_seed(seed), rates));
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        *self.plan() = Plan::default();
    }

    pub(super) fn answer(&self) -> Option<(u16, String)> {
        let mut plan = self.plan();
        if let Some(planned) = plan.answers.pop_front() {
            return Some(planned);
        }
        let (random, rates) = plan.chance.as_mut()?;
        let (is_error, is_busy) = (random.f64() < rates.errors, random.bool());
        match (is_error, is_busy) {
            (false, _) => None,
            (true, false) => Some((500, "InternalError".into())),
            (true, true) => Some((503, "SlowDown".into())),
        }
    }

    /// What becomes of a body of `size_bytes`.
    pub(super) fn body(&self, size_bytes: u64) -> Option<BodyFault> {
        let mut plan = self.plan();
        if let Some(planned) = plan.bodies.pop_front() {
            return Some(planned);
        }
        let (random, rates) = plan.chance.as_mut()?;
        let (is_cut, place) = (random.f64() < rates.cuts, random.u64(0..=size_bytes));
        is_cut.then_some(BodyFault::Cut(place))
    }

    pub(super) fn is_blind(&self) -> bool {
        self.plan().is_blind
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
