//! The body of an answer, piece by piece, bounded in size and in time.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use tokio::time::timeout;

use crate::AsrError;

/// A clip's text is a thousand times shorter.
const MAX_BYTES: usize = 1 << 20;
/// How long a complaint may take to come; what has come by then is looked at.
const COMPLAINT_LIMIT: Duration = Duration::from_secs(5);
/// How long the end of a stream is waited for after everything has been said. A body read to its end leaves a
/// connection that can be used again.
const END_LIMIT: Duration = Duration::from_millis(250);

/// A body that is being read.
pub(super) struct Body {
    response: Response,
    idle: Duration,
    left: usize,
}

impl Body {
    /// Gives up when nothing comes for `idle`.
    pub(super) fn new(response: Response, idle: Duration) -> Self {
        Self { response, idle, left: MAX_BYTES }
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// [`AsrError::Unavailable`] when it breaks off, stands still, or is longer than any answer.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, AsrError> {
        let piece = match timeout(self.idle, self.response.chunk()).await {
            Ok(Ok(Some(piece))) => piece,
            Ok(Ok(None)) => return Ok(None),
            Ok(Err(error)) => return Err(unavailable(format!("the answer broke off: {}", causes(error)))),
            Err(_) => return Err(timed_out(format!("the answer stood still for {} s", self.idle.as_secs_f32()))),
        };
        self.left = self
            .left
            .checked_sub(piece.len())
            .ok_or_else(|| unavailable(format!("the answer has more than {MAX_BYTES} bytes")))?;
        Ok(Some(piece))
    }

    /// `start` and all that follows.
    ///
    /// # Errors
    /// As [`Body::next`].
    pub(super) async fn rest(mut self, mut start: Vec<u8>) -> Result<Vec<u8>, AsrError> {
        while let Some(piece) = self.next().await? {
            start.extend_from_slice(&piece);
        }
        Ok(start)
    }

    /// As much as there is of a complaint.
    pub(super) async fn complaint(mut self) -> Vec<u8> {
        let mut said = Vec::new();
        let _ = timeout(COMPLAINT_LIMIT, async {
            while let Ok(Some(piece)) = self.next().await {
                said.extend_from_slice(&piece);
            }
        })
        .await;
        said
    }

    /// Reads what is left, if it comes at once.
    pub(super) async fn finish(mut self) {
        let _ = timeout(END_LIMIT, async { while let Ok(Some(_)) = self.next().await {} }).await;
    }
}

/// The provider gave no answer of worth.
pub(super) fn unavailable(detail: String) -> AsrError {
    AsrError::Unavailable { code: None, detail }
}

/// The provider was given up.
pub(super) fn timed_out(detail: String) -> AsrError {
    AsrError::TimedOut { detail }
}

/// An error with its causes, in one line, without the address.
pub(super) fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}
