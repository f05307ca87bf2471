//! The engine's threads: each takes what waits as one batch, answers it, and takes the next.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use earmark_core::ClipText;
use tokio::sync::oneshot;

use crate::{AsrError, ClipRequest};

/// A request and where its answer goes.
pub(super) struct Waiting {
    pub(super) request: ClipRequest,
    pub(super) answer: oneshot::Sender<Result<ClipText, AsrError>>,
}

/// Requests that no thread has taken yet. As long as callers wait for their answers; they keep it short.
#[derive(Default)]
pub(super) struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    is_closed: bool,
}

impl Line {
    /// Puts a request at the end.
    ///
    /// # Errors
    /// [`AsrError::Closed`] when nobody will take it.
    pub(super) fn push(&self, waiting: Waiting) -> Result<(), AsrError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
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
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
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
    /// waits for the first. `None` once closed.
    fn take(&self, most: usize, kind: impl Fn(&ClipRequest) -> usize) -> Option<Vec<Waiting>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.is_closed {
                return None;
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
                return Some(taken.into());
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Takes batches of one `kind` from `line` and answers them with `recognise`, which gives one answer for each request, in
/// order, until the line is closed.
pub(super) fn work(
    line: &Arc<Line>,
    batch: usize,
    kind: impl Fn(&ClipRequest) -> usize,
    recognise: impl Fn(&[ClipRequest]) -> Vec<Result<ClipText, AsrError>>,
) {
    while let Some(taken) = line.take(batch, &kind) {
        let (requests, answers): (Vec<_>, Vec<_>) =
            taken.into_iter().map(|waiting| (waiting.request, waiting.answer)).unzip();
        // A panic costs this batch, not the thread: with it every later request would wait for ever. What `recognise`
        // captures is not changed by it.
        let texts = catch_unwind(AssertUnwindSafe(|| recognise(&requests))).unwrap_or_else(|_| {
            requests.iter().map(|_| Err(AsrError::Failed { detail: "it panicked".into() })).collect()
        });
        for (answer, text) in answers.into_iter().zip(texts) {
            let _ = answer.send(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use earmark_core::TimePrecision;

    use super::*;
    use crate::{LanguageChoice, Sound};

    fn waiting(id: &str) -> (Waiting, oneshot::Receiver<Result<ClipText, AsrError>>) {
        let (answer, receiver) = oneshot::channel();
        let request = ClipRequest::new(Sound::of(Arc::from([])), LanguageChoice::Fixed("en".into()), id.into());
        (Waiting { request, answer }, receiver)
    }

    fn nothing() -> ClipText {
        ClipText {
            language: None,
            segments: Vec::new(),
            time_precision: TimePrecision::Segment,
            dropped: Vec::new(),
            billed_ms: 0,
            refused: None,
        }
    }

    #[test]
    fn only_clips_of_one_kind_go_together_and_nobody_is_overtaken_for_ever() {
        let line = Arc::new(Line::default());
        let mut receivers = Vec::new();
        for id in ["a1", "b2", "c1", "d2", "e1"] {
            let (waiting, receiver) = waiting(id);
            line.push(waiting).unwrap();
            receivers.push(receiver);
        }
        let seen = Mutex::new(Vec::new());
        let kind = |request: &ClipRequest| usize::from(request.request_id.ends_with('2'));
        work(&line, 2, kind, |requests| {
            let mut seen = seen.lock().unwrap();
            seen.push(requests.iter().map(|request| request.request_id.as_str()).collect::<String>());
            if seen.len() == 3 {
                line.close();
            }
            requests.iter().map(|_| Ok(nothing())).collect()
        });
        assert_eq!(*seen.lock().unwrap(), ["a1c1", "b2d2", "e1"]);
    }

    #[test]
    fn what_waits_goes_together_and_what_nobody_waits_for_is_passed_over() {
        let line = Arc::new(Line::default());
        let mut receivers = Vec::new();
        for id in ["a", "b", "c", "d", "e"] {
            let (waiting, receiver) = waiting(id);
            line.push(waiting).unwrap();
            if id != "b" {
                receivers.push(receiver);
            }
        }
        let seen = Mutex::new(Vec::new());
        work(
            &line,
            3,
            |_| 0,
            |requests| {
                seen.lock()
                    .unwrap()
                    .push(requests.iter().map(|request| request.request_id.clone()).collect::<String>());
                if requests.len() < 3 {
                    line.close();
                }
                requests.iter().map(|_| Ok(nothing())).collect()
            },
        );
        assert_eq!(*seen.lock().unwrap(), ["acd", "e"]);
        assert!(receivers.into_iter().all(|mut receiver| receiver.try_recv().is_ok_and(|answer| answer.is_ok())));
    }

    #[test]
    fn a_closed_line_refuses_what_waits_and_what_comes() {
        let line = Arc::new(Line::default());
        let (early, mut receiver) = waiting("early");
        line.push(early).unwrap();
        line.close();
        assert!(matches!(receiver.try_recv(), Ok(Err(AsrError::Closed))));
        assert!(matches!(line.push(waiting("late").0), Err(AsrError::Closed)));
        work(&line, 1, |_| 0, |_| unreachable!("nothing is taken from a closed line"));
    }
}
