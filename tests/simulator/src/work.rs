//! The time a request takes and how it ends, as it should or as a rule wants it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::body::ReplyBody;
use crate::fault::{Fault, Rule};
use crate::heard::Heard;
use crate::log::End;
use crate::places::Place;
use crate::provider::Provider;
use crate::refusal::Refusal;
use crate::reply::{Format, Meta, Reply};
use crate::stream::{EVENTS, pieces};

/// A request that was let in.
pub(crate) struct Work {
    pub(crate) provider: Arc<Provider>,
    pub(crate) heard: Arc<Heard>,
    pub(crate) format: Format,
    pub(crate) meta: Meta,
    /// Its number in the log.
    pub(crate) n: u64,
    pub(crate) place: Arc<Place>,
    pub(crate) rule: Option<Rule>,
    /// When its last byte was there.
    pub(crate) received: Instant,
    pub(crate) latency: Duration,
}

/// What the connection does.
#[derive(Debug)]
pub(crate) enum Outcome {
    Reply(Response<ReplyBody>),
    Reset,
}

/// When the pieces of an answer go out: the first a step after `from`.
#[derive(Debug, Clone, Copy)]
struct Pace {
    from: Instant,
    step: Duration,
}

type Tell = oneshot::Sender<Outcome>;

/// Pieces that wait for a slow client.
const PIECES: usize = 16;

impl Work {
    /// Works until the answer is on its way; with the client gone too, unless the simulator is set otherwise.
    pub(crate) async fn run(self, tell: Tell) {
        if self.provider.options.runs_on_without_client {
            return self.work(tell).await;
        }
        tokio::select! {
            () = self.place.client_gone() => self.end(0, None),
            () = self.work(tell) => {}
        }
    }

    async fn work(&self, tell: Tell) {
        match self.rule.as_ref().map(|rule| &rule.fault) {
            None | Some(Fault::CutStream { .. } | Fault::StreamWithoutDone | Fault::SlowBody { .. }) => {
                self.transcribe(tell).await;
            }
            Some(Fault::Error { code, status, shape, reset_at, retry_after_secs }) => {
                self.refusal_due().await;
                let mut refusal = self.refusal(code.as_deref(), reset_at.as_deref());
                refusal.status = status.unwrap_or(refusal.status);
                let reply = refusal.reply(shape.unwrap_or(self.provider.options.error_shape), &self.meta.request_id);
                self.whole(tell, reply.retry_after(*retry_after_secs), code.as_deref());
            }
            Some(Fault::Html { status }) => {
                self.refusal_due().await;
                self.whole(tell, Reply::html(*status), Some("html"));
            }
            Some(Fault::EmptyBody { status }) => {
                self.refusal_due().await;
                self.whole(tell, Reply::of("text/plain", "").status(*status), Some("empty"));
            }
            Some(Fault::ResetBeforeBody | Fault::ResetAfterBody) => {
                self.refusal_due().await;
                self.end(0, None);
                let _ = tell.send(Outcome::Reset);
            }
            Some(Fault::Stall) => {
                // Kept, so that the client waits.
                let _tell = tell;
                self.place.client_gone().await;
                sleep_until(self.due()).await;
                self.end(0, None);
            }
        }
    }

    /// The text, plain or as a stream.
    async fn transcribe(&self, tell: Tell) {
        let (provider, heard) = (self.provider.clone(), self.heard.clone());
        let text = tokio::task::spawn_blocking(move || provider.text(&heard)).await.unwrap_or_default();
        if self.heard.is_stream {
            return self.stream(tell, &text).await;
        }
        sleep_until(self.due()).await;
        let reply = Reply::transcription(self.format, self.provider.options.reply_shape, &self.meta, &text);
        match self.rule.as_ref().map(|rule| &rule.fault) {
            Some(Fault::CutStream { .. }) => {
                let half = reply.body.slice(..reply.body.len() / 2);
                self.in_pieces(tell, reply, vec![half], Pace { from: self.due(), step: Duration::ZERO }, true).await;
            }
            Some(Fault::SlowBody { byte_ms }) => {
                let bytes = single_bytes(&reply.body);
                self.in_pieces(tell, reply, bytes, self.slowly(*byte_ms), false).await;
            }
            _ => self.whole(tell, reply, None),
        }
    }

    /// Deltas spread over the latency, then the end.
    async fn stream(&self, tell: Tell, text: &str) {
        let shape = self.provider.options.stream_shape;
        let mut events: Vec<Bytes> = pieces(text, self.provider.options.delta_chars)
            .iter()
            .map(|piece| shape.delta(&self.meta, piece))
            .collect();
        let head = Reply::of(EVENTS, "");
        let mut is_cut = false;
        match self.rule.as_ref().map(|rule| &rule.fault) {
            Some(Fault::CutStream { deltas }) => {
                events.truncate(*deltas);
                is_cut = true;
            }
            Some(Fault::StreamWithoutDone) => {}
            Some(Fault::SlowBody { byte_ms }) => {
                events.push(shape.done(&self.meta, text));
                sleep_until(self.due()).await;
                let bytes = single_bytes(&events.concat().into());
                return self.in_pieces(tell, head, bytes, self.slowly(*byte_ms), false).await;
            }
            _ => events.push(shape.done(&self.meta, text)),
        }
        let steps = u32::try_from(events.len().max(1)).unwrap_or(u32::MAX);
        let step = self.due().duration_since(self.received) / steps;
        self.in_pieces(tell, head, events, Pace { from: self.received, step }, is_cut).await;
    }

    /// Sends `pieces` at their pace; an answer that is cut ends in a broken connection.
    async fn in_pieces(&self, tell: Tell, head: Reply, pieces: Vec<Bytes>, pace: Pace, is_cut: bool) {
        let (piece_out, body) = mpsc::channel(PIECES);
        let length = (head.content_type != EVENTS).then_some(head.body.len());
        let status = head.status;
        let mut response = head.response_with(ReplyBody::Pieces(body));
        if let Some(length) = length {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let mut at = pace.from;
        if tell.send(Outcome::Reply(response)).is_err() {
            self.place.lose_client();
        }
        let last = pieces.len().saturating_sub(1);
        for (index, piece) in pieces.into_iter().enumerate() {
            at += pace.step;
            self.wait(&piece_out, at).await;
            // The place is free before the last byte leaves: who has the whole answer may send the next request.
            if index == last {
                self.end(status, None);
            }
            if piece_out.send(Ok(piece)).await.is_err() {
                self.place.lose_client();
            }
        }
        self.wait(&piece_out, self.due()).await;
        self.end(status, None);
        if is_cut {
            let _ = piece_out.send(Err(io::Error::other("a rule cuts the answer"))).await;
        }
    }

    /// Until `at`; notes on the way when nobody reads any more.
    async fn wait(&self, piece_out: &mpsc::Sender<io::Result<Bytes>>, at: Instant) {
        tokio::select! {
            () = sleep_until(at) => return,
            () = piece_out.closed() => self.place.lose_client(),
        }
        sleep_until(at).await;
    }

    fn slowly(&self, byte_ms: u64) -> Pace {
        Pace { from: self.due(), step: Duration::from_millis(byte_ms) }
    }

    fn whole(&self, tell: Tell, reply: Reply, code: Option<&str>) {
        self.end(reply.status, code);
        let _ = tell.send(Outcome::Reply(reply.response()));
    }

    /// Writes the request's end down and frees its place. Again does nothing.
    fn end(&self, status: u16, code: Option<&str>) {
        if !self.place.is_taken() {
            return;
        }
        let is_client_gone = self.place.is_client_gone();
        let ended_ms = self.provider.now_ms();
        self.place.leave();
        self.provider.log.end(self.n, End { ended_ms, status, code: code.map(str::to_owned), is_client_gone });
    }

    /// When the answer is due.
    fn due(&self) -> Instant {
        let delay_ms = self.rule.as_ref().and_then(|rule| rule.delay_ms);
        self.received + delay_ms.map_or(self.latency, Duration::from_millis)
    }

    /// Waits for what a rule's delay says: faults without an answer come at once otherwise.
    async fn refusal_due(&self) {
        if self.rule.as_ref().is_some_and(|rule| rule.delay_ms.is_some()) {
            sleep_until(self.due()).await;
        }
    }

    fn refusal(&self, code: Option<&str>, reset_at: Option<&str>) -> Refusal {
        let reset_at = reset_at.map_or_else(|| self.provider.next_flush_time(), str::to_owned);
        Refusal::new(code)
            .fill("next_flush_time", &reset_at)
            .fill("number", "5")
            .fill("unit", "小时")
            .fill("field", "file")
            .fill("field1", "file")
            .fill("field2", "file_base64")
            .fill("method", "同步")
            .fill("API_name", "audio/transcriptions")
            .fill("model_name", &self.meta.model)
            .fill("error_id", &self.meta.id)
    }
}

fn single_bytes(bytes: &Bytes) -> Vec<Bytes> {
    (0..bytes.len()).map(|at| bytes.slice(at..=at)).collect()
}
