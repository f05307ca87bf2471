//! One request, from its head to its answer.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use earmark_core::{Clock, JobId};
use futures::FutureExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::body::{BodyMemory, RequestBody};
use super::fault::Fault;
use super::fields::Fields;
use super::form::Form;
use super::reply::{self, AnswerFacts};
use super::stream;
use crate::desk::transcribe::{NotHearing, Transcription, Transcriptions};
use crate::doors::callers::{Caller, Callers, NotThisMachine, bearer, of_this_machine};

/// How long a request may take in all, the wait for its turn included. GLM-ASR's own SDK waits as long.
const REQUEST_TIME: Duration = Duration::from_secs(300);

/// What every request needs.
pub struct Service {
    callers: Arc<Callers>,
    transcriptions: Transcriptions,
    clock: Arc<dyn Clock>,
    /// For the bodies of all requests.
    memory: BodyMemory,
}

impl Service {
    /// Transcribes for `callers`.
    pub fn new(callers: Arc<Callers>, transcriptions: Transcriptions, clock: Arc<dyn Clock>) -> Self {
        Self { callers, transcriptions, clock, memory: BodyMemory::new() }
    }
}

/// Answers with the text, or with a [`Fault`] in GLM-ASR's words, whatever happens.
pub async fn answer(
    State(service): State<Arc<Service>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let began = Instant::now();
    let id = JobId::at(service.clock.now_ms()).to_string();
    let (head, body) = request.into_parts();
    let mut body = RequestBody::new(body);
    let work = answered(&service, &head, peer, &mut body, &id, began);
    // What a panic leaves behind is dropped with the request.
    let answered = AssertUnwindSafe(tokio::time::timeout(REQUEST_TIME, work)).catch_unwind().await;
    let mut response = match answered.unwrap_or(Ok(Err(Fault::Failed))).unwrap_or(Err(Fault::TookTooLong)) {
        Ok(response) => response,
        Err(fault) => {
            body.drain().await;
            tracing::info!(
                request = %id,
                status = fault.status().as_u16(),
                code = fault.code(),
                elapsed_ms = elapsed_ms(began),
                "refused a transcription"
            );
            fault.answer(&id)
        }
    };
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

async fn answered(
    service: &Arc<Service>,
    head: &Parts,
    peer: SocketAddr,
    body: &mut RequestBody,
    id: &str,
    began: Instant,
) -> Result<Response, Fault> {
    if head.method != Method::POST {
        return Err(Fault::WrongMethod);
    }
    let caller = caller(service, head, peer)?;
    // Before the body: what is refused takes no memory, and what is let in is bounded by the callers' tiers.
    let place = caller.place().ok_or(Fault::OverTier)?;
    let body = body.read(&service.memory).await?;
    let fields = fields(head, body.bytes).await?;
    let transcription = service.transcriptions.prepare(caller.tenant, fields.request(id), body.memory).await?;
    let facts = AnswerFacts {
        id: id.into(),
        created: service.clock.now_ms() / 1000,
        request_id: fields.request_id.clone().unwrap_or_else(|| id.into()),
        model: fields.model.clone(),
        duration_ms: transcription.duration_ms(),
        language: fields.language_code().map(str::to_owned),
        has_words: fields.has_words,
    };
    let (format, is_stream) = (fields.format, fields.is_stream);
    // The file with it, where only its samples go on.
    drop(fields);
    let log = Log {
        id: id.into(),
        caller: caller.actor,
        account: transcription.account().into(),
        began,
        is_stream,
        audio_ms: transcription.duration_ms(),
    };
    if is_stream {
        return streamed(facts, place, transcription, log).await;
    }
    let text = transcription.text(&NotHearing).await?;
    // Before the answer: a client with as many workers as it may have asks again at once.
    drop(place);
    log.answered();
    Ok(reply::answer(format, &facts, &text))
}

/// Who asks.
fn caller(service: &Service, head: &Parts, peer: SocketAddr) -> Result<Caller, Fault> {
    if service.callers.are_this_machines() {
        of_this_machine(peer, head).map_err(|_: NotThisMachine| Fault::Elsewhere)?;
        return Ok(service.callers.anyone());
    }
    let key = bearer(&head.headers).ok_or(Fault::NoKey)?;
    service.callers.with_key(key).ok_or(Fault::WrongKey)
}

/// The form's fields in `bytes`. Up to 35 MB are searched for its boundaries, and decoded where they are base64.
async fn fields(head: &Parts, bytes: bytes::Bytes) -> Result<Fields, Fault> {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = content_type.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let form = Form::parse(&content_type, &bytes).map_err(|_| Fault::NotAForm)?;
        Fields::of(&form)
    });
    reading.await.map_err(|_| Fault::Failed)?
}

async fn streamed(
    facts: AnswerFacts,
    place: OwnedSemaphorePermit,
    transcription: Transcription,
    log: Log,
) -> Result<Response, Fault> {
    let deadline = log.began + REQUEST_TIME;
    let work = |sender: Arc<stream::EventSender>| async move {
        let text = tokio::time::timeout_at(deadline, transcription.text(&*sender));
        match AssertUnwindSafe(text).catch_unwind().await {
            Ok(Ok(text)) => text.map_err(Fault::from),
            Ok(Err(_elapsed)) => Err(Fault::TookTooLong),
            Err(_panic) => Err(Fault::Failed),
        }
    };
    stream::answer(facts, place, work, move |ended| match ended {
        Ok(()) => log.answered(),
        Err(fault) => log.failed(fault),
    })
    .await
}

/// One line for each request; never what was said.
struct Log {
    id: String,
    caller: String,
    account: String,
    began: Instant,
    is_stream: bool,
    audio_ms: u64,
}

impl Log {
    fn answered(&self) {
        let Self { id, caller, account, began, is_stream, audio_ms } = self;
        let elapsed_ms = elapsed_ms(*began);
        tracing::info!(request = %id, %caller, %account, audio_ms, is_stream, elapsed_ms, "answered a transcription");
    }

    /// A stream's; one that fails before its first word is told as any other refusal.
    fn failed(&self, fault: &Fault) {
        let Self { id, caller, account, .. } = self;
        tracing::info!(request = %id, %caller, %account, code = fault.code(), "a transcription's stream failed");
    }
}

fn elapsed_ms(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
