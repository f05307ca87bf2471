//! Requests that wait for the engine's threads, which take them as batches.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use earmark_core::ClipText;
use tokio::sync::oneshot;

use super::lock::locked;
use crate::{AsrError, ClipRequest};

/// A request and where its answer goes.
pub(super) struct Waiting {
    pub(super) request: ClipRequest,
    pub(super) answer: oneshot::Sender<Result<ClipText, AsrError>>,
}

/// Requests that no thread has taken yet. As long as callers wait for their answers; they keep it short.
#[derive(Default)]
pub(super) struct RequestQueue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    is_closed: bool,
}

impl RequestQueue {
    /// Puts a request at the end.
    ///
    /// # Errors
    /// [`AsrError::Closed`] when nobody will take it.
    pub(super) fn push(&self, waiting: Waiting) -> Result<(), AsrError> {
        let mut state = locked(&self.state);
        if state.is_closed {
            return Err(AsrError::Closed);
        }
        state.waiting.push_back(waiting);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Lets the threads end: what waits is answered with [`AsrError::Closed`].
    pub(super) fn close(&self) {
        let mut state = locked(&self.state);
        state.is_closed = true;
        let refused = std::mem::take(&mut state.waiting);
        drop(state);
        self.changed.notify_all();
        for waiting in refused {
            // A caller that has gone needs no answer.
            let _ = waiting.answer.send(Err(AsrError::Closed));
        }
    }

    /// The request that has waited longest and those of its kind behind it, at most `most` whose callers still listen;
    /// waits for the first, but not longer than `idle`.
    pub(super) fn take(&self, most: usize, idle: Duration, kind: impl Fn(&ClipRequest) -> usize) -> Taken {
        let mut state = locked(&self.state);
        loop {
            if state.is_closed {
                return Taken::Closed;
            }
            state.waiting.retain(|waiting| !waiting.answer.is_closed());
            if let Some(first) = state.waiting.front().map(|waiting| kind(&waiting.request)) {
                let mut room = most;
                let (taken, left): (VecDeque<_>, VecDeque<_>) =
                    std::mem::take(&mut state.waiting).into_iter().partition(|waiting| {
                        let is_taken = room > 0 && kind(&waiting.request) == first;
                        room -= usize::from(is_taken);
                        is_taken
                    });
                state.waiting = left;
                return Taken::Batch(taken.into());
            }
            let (woken, waited) = self.changed.wait_timeout(state, idle).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if waited.timed_out() && state.waiting.is_empty() && !state.is_closed {
                return Taken::Nothing;
            }
        }
    }
}

/// What a thread gets to do.
pub(super) enum Taken {
    /// At least one request.
    Batch(Vec<Waiting>),
    /// Nothing came in time.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{LanguageChoice, Sound};

    fn waiting(id: &str) -> (Waiting, oneshot::Receiver<Result<ClipText, AsrError>>) {
        let (answer, receiver) = oneshot::channel();
        let request = ClipRequest::new(Sound::of(Arc::from([])), LanguageChoice::Fixed("en".into()), id.into());
        (Waiting { request, answer }, receiver)
    }

    /// The ids of the next batch, together.
    fn next(queue: &RequestQueue, most: usize, kind: impl Fn(&ClipRequest) -> usize) -> String {
        match queue.take(most, Duration::ZERO, kind) {
            Taken::Batch(batch) => batch.iter().map(|waiting| waiting.request.request_id.as_str()).collect(),
            Taken::Nothing => "nothing".into(),
            Taken::Closed => "closed".into(),
        }
    }

    #[test]
    fn only_clips_of_one_kind_go_together_and_nobody_is_overtaken_for_ever() {
        let queue = RequestQueue::default();
        let mut receivers = Vec::new();
        for id in ["a1", "b2", "c1", "d2", "e1"] {
            let (waiting, receiver) = waiting(id);
            queue.push(waiting).unwrap();
            receivers.push(receiver);
        }
        let kind = |request: &ClipRequest| usize::from(request.request_id.ends_with('2'));
        assert_eq!([0; 4].map(|_| next(&queue, 2, kind)), ["a1c1", "b2d2", "e1", "nothing"]);
    }

    #[test]
    fn what_waits_goes_together_and_what_nobody_waits_for_is_passed_over() {
        let queue = RequestQueue::default();
        let mut receivers = Vec::new();
        for id in ["a", "b", "c", "d", "e"] {
            let (waiting, receiver) = waiting(id);
            queue.push(waiting).unwrap();
            if id != "b" {
                receivers.push(receiver);
            }
        }
        assert_eq!([0; 2].map(|_| next(&queue, 3, |_| 0)), ["acd", "e"]);
    }

    #[test]
    fn a_closed_queue_refuses_what_waits_and_what_comes() {
        let queue = RequestQueue::default();
        let (early, mut receiver) = waiting("early");
        queue.push(early).unwrap();
        queue.close();
        assert!(matches!(receiver.try_recv(), Ok(Err(AsrError::Closed))));
        assert!(matches!(queue.push(waiting("late").0), Err(AsrError::Closed)));
        assert_eq!(next(&queue, 1, |_| 0), "closed");
    }
}
