//! An answer's body, counted, and broken where the test wants it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::faults::BodyFault;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer on its way out.
pub(super) struct SentBody {
    inner: s3s::Body,
    fault: Option<BodyFault>,
    sent_bytes: u64,
    /// Of all answers.
    all_bytes: Arc<AtomicU64>,
    has_flushed: bool,
}

impl SentBody {
    pub(super) fn new(inner: s3s::Body, fault: Option<BodyFault>, all_bytes: Arc<AtomicU64>) -> Self {
        Self { inner, fault, sent_bytes: 0, all_bytes, has_flushed: false }
    }

    fn count(&mut self, bytes: &Bytes) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.sent_bytes += length;
        self.all_bytes.fetch_add(length, Ordering::Relaxed);
    }

    /// What is left of `chunk` before the body ends too early.
    fn before(&self, chunk: &Bytes, end: u64) -> Bytes {
        let room = usize::try_from(end.saturating_sub(self.sent_bytes)).unwrap_or(usize::MAX);
        chunk.slice(..chunk.len().min(room))
    }
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.fault {
            Some(BodyFault::Cut(end)) if self.sent_bytes >= end => {
                if !self.has_flushed {
                    // While it waits, hyper hands on what it has gathered.
                    self.has_flushed = true;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                return Poll::Ready(Some(Err("cut off".into())));
            }
            Some(BodyFault::Stall(end)) if self.sent_bytes >= end => return Poll::Pending,
            Some(_) | None => {}
        }
        let frame = match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return Poll::Pending,
        };
        let Ok(mut chunk) = frame.into_data() else { return Poll::Ready(None) };
        match self.fault {
            Some(BodyFault::Cut(end) | BodyFault::Stall(end)) => chunk = self.before(&chunk, end),
            Some(BodyFault::Spoil(place)) => {
                let at = place.checked_sub(self.sent_bytes).and_then(|at| usize::try_from(at).ok());
                if let Some(at) = at.filter(|at| *at < chunk.len()) {
                    let mut spoilt = chunk.to_vec();
                    spoilt[at] ^= 1;
                    chunk = spoilt.into();
                }
            }
            None => {}
        }
        self.count(&chunk);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.fault.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
