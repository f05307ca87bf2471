//! A request's body, within bounds of size, time and memory.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::Fault;

/// The largest audio file. GLM-ASR page.
pub const MAX_FILE_BYTES: usize = 25 << 20;
/// The largest form: such a file as base64, and every other field.
const MAX_FORM_BYTES: usize = MAX_FILE_BYTES / 3 * 4 + (1 << 20);
/// Memory for bodies, over all callers; more wait their turn. Three of the largest, or 120 clips of 30 s as WAV.
const MAX_HELD_BYTES: usize = 256 << 20;
/// How often a body may be in memory: as it came, and decoded from base64.
const COPIES: usize = 2;
/// How long a body may take to come.
const BODY_TIME: Duration = Duration::from_secs(60);
/// What is read and thrown away at most so that a connection can be used again.
const DRAIN_BYTES: usize = 64 << 20;
/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// What memory is counted in: a semaphore of this many bytes a permit.
const MEMORY_UNIT: usize = 1024;

/// Memory that bodies may take, over all callers.
#[derive(Clone)]
pub struct BodyMemory(Arc<Semaphore>);

impl BodyMemory {
    /// All of it, free.
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_HELD_BYTES / MEMORY_UNIT)))
    }

    /// Waits for `bytes` of it; they are free again when the permit is dropped.
    async fn reserve(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(MEMORY_UNIT)).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        self.0.clone().acquire_many_owned(units).await.ok()
    }
}

/// A body that has come whole.
pub struct WholeBody {
    /// All of it.
    pub bytes: Bytes,
    /// The memory that it takes, free again when this is dropped.
    pub memory: Option<OwnedSemaphorePermit>,
}

/// A body on its way.
pub struct RequestBody {
    stream: BodyDataStream,
    /// Its length in bytes, where the head declares it.
    declared: Option<usize>,
    is_ended: bool,
    body_time: Duration,
    drain_time: Duration,
}

impl RequestBody {
    /// Nothing of it is read yet.
    pub fn new(body: Body) -> Self {
        let declared = body.size_hint().exact().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let stream = body.into_data_stream();
        Self { stream, declared, is_ended: false, body_time: BODY_TIME, drain_time: DRAIN_TIME }
    }

    /// All of it. Memory is taken before the first byte, for as many bytes as the head declares, or for the most.
    ///
    /// # Errors
    /// [`Fault::FileTooLarge`], [`Fault::TooSlow`], [`Fault::NotAForm`] for one that breaks off.
    pub async fn read(&mut self, memory: &BodyMemory) -> Result<WholeBody, Fault> {
        let expected = self.declared.unwrap_or(MAX_FORM_BYTES);
        if expected > MAX_FORM_BYTES {
            return Err(Fault::FileTooLarge);
        }
        let memory = memory.reserve(expected * COPIES).await;
        // Of what is reserved and not written the system gives nothing, and a buffer that grew would be there twice.
        let mut bytes = BytesMut::with_capacity(expected);
        let limit = self.body_time;
        let reading = async {
            while let Some(piece) = self.next().await {
                let piece = piece.map_err(|_| Fault::NotAForm)?;
                if bytes.len() + piece.len() > MAX_FORM_BYTES {
                    return Err(Fault::FileTooLarge);
                }
                bytes.extend_from_slice(&piece);
            }
            Ok(())
        };
        tokio::time::timeout(limit, reading).await.map_err(|_| Fault::TooSlow(limit))??;
        Ok(WholeBody { bytes: bytes.freeze(), memory })
    }

    /// Reads the rest and throws it away: an answer sent over an unread body is lost with the connection, and a client
    /// that keeps connections wants this one again.
    pub async fn drain(&mut self) {
        if self.declared.is_some_and(|bytes| bytes > DRAIN_BYTES) {
            return;
        }
        let limit = self.drain_time;
        let draining = async {
            let mut drained = 0;
            while drained <= DRAIN_BYTES {
                match self.next().await {
                    Some(Ok(piece)) => drained += piece.len(),
                    Some(Err(_)) | None => break,
                }
            }
        };
        // Whoever sends more slowly than that loses the connection.
        let _ = tokio::time::timeout(limit, draining).await;
    }

    async fn next(&mut self) -> Option<Result<Bytes, axum::Error>> {
        if self.is_ended {
            return None;
        }
        let piece = self.stream.next().await;
        self.is_ended = !matches!(piece, Some(Ok(_)));
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, stream};

    /// Reached at once where nothing comes, far away where something does.
    const SOON: Duration = Duration::from_millis(1);

    fn megabytes(count: usize) -> Body {
        let piece = Bytes::from_static(&[0; 1 << 20]);
        Body::from_stream(stream::iter((0..count).map(move |_| Ok::<_, std::io::Error>(piece.clone()))))
    }

    fn never() -> Body {
        let start = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"--b"))]);
        Body::from_stream(start.chain(stream::pending()))
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up_and_its_memory_is_free_again() {
        let memory = BodyMemory::new();
        let mut slow = RequestBody { body_time: SOON, drain_time: SOON, ..RequestBody::new(never()) };
        assert!(matches!(slow.read(&memory).await, Err(Fault::TooSlow(SOON))));
        slow.drain().await;
        assert!(!slow.is_ended);
        assert_eq!(memory.0.available_permits(), MAX_HELD_BYTES / MEMORY_UNIT);
        let mut steady = RequestBody::new(megabytes(8));
        let held = steady.read(&memory).await.unwrap();
        assert_eq!(held.bytes.len(), 8 << 20);
        assert!(memory.0.available_permits() < MAX_HELD_BYTES / MEMORY_UNIT);
    }

    #[tokio::test]
    async fn a_body_without_an_end_is_read_up_to_the_limit_and_drained_up_to_another() {
        let memory = BodyMemory::new();
        let mut endless = RequestBody::new(megabytes(usize::MAX));
        assert!(matches!(endless.read(&memory).await, Err(Fault::FileTooLarge)));
        endless.drain().await;
        assert!(!endless.is_ended);
        let mut half = RequestBody::new(Body::from_stream(stream::iter([
            Ok(Bytes::from_static(b"--b")),
            Err(std::io::Error::other("gone")),
        ])));
        assert!(matches!(half.read(&memory).await, Err(Fault::NotAForm)));
        half.drain().await;
    }

    #[tokio::test]
    async fn bodies_wait_for_memory() {
        let memory = BodyMemory::new();
        let all = memory.reserve(MAX_HELD_BYTES).await;
        let mut waiting = RequestBody::new(megabytes(1));
        assert!(waiting.read(&memory).now_or_never().is_none());
        drop(all);
        assert!(waiting.read(&memory).await.is_ok());
    }
}
