//! The text as it comes: server-sent events.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use earmark_core::ClipText;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::{FutureExt, Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::fault::Fault;
use super::reply::{AnswerFacts, usage};
use super::text;
use crate::desk::transcribe::Hearing;

/// What leaves, in order.
enum Piece {
    Event(Value),
    /// The last one.
    Failed(Fault),
    Done,
}

/// Says the text as it comes. What has been sent cannot be taken back, so only what is certain goes out.
pub struct EventSender {
    facts: AnswerFacts,
    pieces: UnboundedSender<Piece>,
    sent: Mutex<SentText>,
}

/// What has gone out, and what the recogniser says by now.
#[derive(Default)]
struct SentText {
    /// The deltas, joined.
    sent: String,
    /// The text so far as it came last.
    latest: String,
}

impl SentText {
    /// What of `text` can go out now: not the spaces at its ends, and nothing when it is not what was said before.
    fn next(&mut self, text: &str) -> Option<String> {
        text.trim_start().clone_into(&mut self.latest);
        let delta = self.latest.trim_end().strip_prefix(self.sent.as_str())?.to_owned();
        self.sent.push_str(&delta);
        (!delta.is_empty()).then_some(delta)
    }

    /// The deltas that are left once the whole text is known; an error when what was sent belongs to no text that was
    /// heard in the end: a stream broke off, and the second try heard other words.
    fn rest(&mut self, clip: &ClipText) -> Result<Vec<String>, Fault> {
        if self.sent.is_empty() {
            let pieces = text::pieces(clip);
            self.sent = pieces.concat();
            return Ok(pieces);
        }
        let whole = text::whole(clip);
        // Where earmark came to doubt what has gone out already, the recogniser's own words stand; not where another
        // recogniser had to be asked.
        let is_whole = whole.starts_with(&self.sent) || clip.refused.is_some();
        let certain = if is_whole { &whole } else { self.latest.trim_end() };
        let rest = certain.strip_prefix(self.sent.as_str()).ok_or(Fault::Unanswered)?.to_owned();
        self.sent.push_str(&rest);
        Ok(if rest.is_empty() { Vec::new() } else { vec![rest] })
    }
}

impl Hearing for EventSender {
    fn so_far(&self, text: &str) {
        // The state is whole after every statement.
        let delta = self.sent.lock().unwrap_or_else(PoisonError::into_inner).next(text);
        if let Some(delta) = delta {
            self.delta(&delta);
        }
    }
}

impl EventSender {
    fn delta(&self, delta: &str) {
        self.send(Piece::Event(self.event("transcript.text.delta", "delta", delta)));
    }

    fn event(&self, kind: &str, name: &str, text: &str) -> Value {
        let AnswerFacts { id, created, model, .. } = &self.facts;
        let mut event = json!({"id": id, "created": created, "model": model, "type": kind});
        event[name] = json!(text);
        event
    }

    fn send(&self, piece: Piece) {
        // An error means that the client has gone, and this is about to be dropped.
        let _ = self.pieces.unbounded_send(piece);
    }

    /// Says the rest of `clip`. `free` is called before the last words leave: a client with as many workers as it may
    /// have then asks again at once.
    fn finish(&self, clip: &ClipText, free: impl FnOnce()) -> Result<(), Fault> {
        let (deltas, whole) = {
            let mut text = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            (text.rest(clip)?, text.sent.clone())
        };
        deltas.iter().for_each(|delta| self.delta(delta));
        free();
        let mut done = self.event("transcript.text.done", "text", &whole);
        done["usage"] = usage(self.facts.duration_ms);
        self.send(Piece::Event(done));
        self.send(Piece::Done);
        Ok(())
    }
}

/// Streams what `work` hears. `place` is free before the last event leaves; `log` is told how it ended. Until the
/// first word is there nothing is sent, so that a failure has its own status.
///
/// # Errors
/// [`Fault`], of a request that fails before its first word.
pub async fn answer<W>(
    facts: AnswerFacts,
    place: OwnedSemaphorePermit,
    work: impl FnOnce(Arc<EventSender>) -> W,
    log: impl FnOnce(Result<(), &Fault>) + Send + 'static,
) -> Result<Response, Fault>
where
    W: Future<Output = Result<ClipText, Fault>> + Send + 'static,
{
    let (pieces, received) = unbounded();
    let request_id = facts.request_id.clone();
    let sender = Arc::new(EventSender { facts, pieces, sent: Mutex::default() });
    let text = work(sender.clone());
    let work = async move {
        let ended = match text.await {
            Ok(clip) => sender.finish(&clip, move || drop(place)),
            Err(fault) => {
                drop(place);
                Err(fault)
            }
        };
        log(ended.as_ref().copied());
        if let Err(fault) = ended {
            sender.send(Piece::Failed(fault));
        }
    };
    let mut pieces = Box::pin(beside(received, work));
    let first = match pieces.next().await {
        Some(Piece::Failed(fault)) => return Err(fault),
        first => first,
    };
    let events = stream::iter(first)
        .chain(pieces)
        .map(move |piece| Ok::<_, std::convert::Infallible>(written(piece, &request_id)));
    let headers = [(CONTENT_TYPE, "text/event-stream;charset=UTF-8"), (CACHE_CONTROL, "no-cache")];
    Ok((headers, Body::from_stream(events)).into_response())
}

/// What comes of `pieces` while `work` fills it; dropped, it takes the work with it.
fn beside(
    pieces: impl Stream<Item = Piece> + Send,
    work: impl Future<Output = ()> + Send,
) -> impl Stream<Item = Piece> + Send {
    let work = work.into_stream().filter_map(|()| std::future::ready(None));
    stream::select(work, pieces)
}

/// An event as it stands on the wire: clients yield it when the blank line has come.
fn written(piece: Piece, request_id: &str) -> Bytes {
    match piece {
        Piece::Event(event) => format!("data: {event}\n\n").into(),
        Piece::Failed(fault) => format!("data: {}\n\n", fault.body(request_id)).into(),
        Piece::Done => Bytes::from_static(b"data: [DONE]\n\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use earmark_core::{Refusal, TimePrecision, TimedText};

    fn clip(texts: &[&str]) -> ClipText {
        let segment = |text: &&str| TimedText {
            start_ms: 0,
            end_ms: 1,
            text: (*text).into(),
            confidence: None,
            words: Vec::new(),
        };
        ClipText {
            language: None,
            segments: texts.iter().map(segment).collect(),
            time_precision: TimePrecision::Segment,
            dropped: Vec::new(),
            billed_ms: 0,
            refused: None,
            other_language: None,
        }
    }

    #[test]
    fn deltas_joined_are_the_text_whatever_came_before() {
        let rows: [(&[&str], &[&str], Option<&str>); 8] = [
            (&[], &["您好，", "请讲。"], Some("您好，请讲。")),
            (&[], &[], Some("")),
            (&["Good", "Good morning ", "Good morning all"], &["Good morning all"], Some("Good morning all")),
            (&[" Good "], &["Good morning"], Some("Good morning")),
            // Cut off and asked for again: the second try says the same, and more.
            (&["这里的", "这", "这里的天气"], &["这里的天气怎么样？"], Some("这里的天气怎么样？")),
            // The second try hears something else.
            (&["这里的", "那里"], &["那里的天气"], None),
            // Loops that went out already stay.
            (&["我要", "我要要要要", "我要要要要要"], &["我要"], Some("我要要要要要")),
            (&["谢谢", "谢谢观看"], &[], Some("谢谢观看")),
        ];
        for (heard, texts, expected) in rows {
            let mut said = SentText::default();
            let mut deltas: Vec<String> = heard.iter().filter_map(|text| said.next(text)).collect();
            let rest = said.rest(&clip(texts));
            assert_eq!(rest.is_ok(), expected.is_some(), "{heard:?} {texts:?}");
            if let (Ok(rest), Some(expected)) = (rest, expected) {
                deltas.extend(rest);
                assert_eq!((deltas.concat().as_str(), said.sent.as_str()), (expected, expected));
                assert!(deltas.iter().all(|delta| !delta.is_empty()));
            }
        }
    }

    #[test]
    fn what_the_fallback_hears_never_ends_what_the_provider_began() {
        let refused = Refusal { code: None, message: String::new(), instead: None };
        for (texts, is_said) in [(["加微信"], true), (["加威信"], false)] {
            let mut said = SentText::default();
            assert_eq!(said.next("加微").as_deref(), Some("加微"));
            let clip = ClipText { refused: Some(refused.clone()), ..clip(&texts) };
            assert_eq!(said.rest(&clip).is_ok(), is_said, "{texts:?}");
        }
    }
}
