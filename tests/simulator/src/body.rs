//! Bodies: a request's read whole or drained, an answer's sent at once or piece by piece.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::mpsc;

/// What a request's body came to.
#[derive(Debug)]
pub(crate) enum Received {
    /// All of it.
    Whole(Bytes),
    /// More than is kept; the rest was read and thrown away.
    TooLarge(u64),
}

impl Received {
    /// Bytes on the wire.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Whole(bytes) => length_of(bytes),
            Self::TooLarge(length) => *length,
        }
    }
}

/// The length of `bytes` as logs and heads have it.
pub(crate) fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Reads `body` to its end, so that its connection can be used again whatever the answer is; keeps at most `limit` bytes.
pub(crate) async fn receive(mut body: Incoming, limit: usize) -> Result<Received, hyper::Error> {
    let announced = body.size_hint().exact().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    let mut kept = BytesMut::with_capacity(announced.min(limit));
    let limit_bytes = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut length = 0u64;
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame?.into_data() else { continue };
        length += length_of(&data);
        if length <= limit_bytes {
            kept.extend_from_slice(&data);
        } else {
            kept = BytesMut::new();
        }
    }
    Ok(if length <= limit_bytes { Received::Whole(kept.freeze()) } else { Received::TooLarge(length) })
}

/// An answer's body.
#[derive(Debug)]
pub(crate) enum ReplyBody {
    /// Known whole from the start, with its length.
    Full(Bytes),
    /// As it comes; an error breaks the connection.
    Pieces(mpsc::Receiver<io::Result<Bytes>>),
    /// About to break.
    Broken(Option<io::Error>),
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Pieces(pieces) => match ready!(pieces.poll_recv(context)) {
                Some(Ok(piece)) => Poll::Ready(Some(Ok(Frame::data(piece)))),
                // What was sent before is only written out while the body has nothing more to give.
                Some(Err(error)) => {
                    *self = Self::Broken(Some(error));
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                None => Poll::Ready(None),
            },
            Self::Broken(error) => Poll::Ready(error.take().map(Err)),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(length_of(bytes)),
            Self::Pieces(_) | Self::Broken(_) => SizeHint::default(),
        }
    }
}
