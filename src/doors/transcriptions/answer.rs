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
use earmark_asr::NotHearing;
use earmark_core::{Clock, JobId};
use earmark_pipeline::{ProviderAccounts, Settings};
use futures::FutureExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::asking::Asking;
use super::body::{Incoming, Room};
use super::fault::Fault;
use super::form::Form;
use super::reply::{self, About};
use super::wanted::Wanted;
use super::{sound, stream};
use crate::doors::http::auth::{Caller, Callers, Stranger, bearer, of_this_machine};

/// How long a request may take in all, the wait for its turn included. GLM-ASR's own SDK waits as long.
const REQUEST_TIME: Duration = Duration::from_secs(300);

/// What every request needs.
pub struct Service {
    callers: Arc<Callers>,
    accounts: ProviderAccounts,
    settings: Settings,
    clock: Arc<dyn Clock>,
    room: Room,
}

impl Service {
    /// Transcribes with `accounts` for `callers`.
    pub fn new(callers: Arc<Callers>, accounts: ProviderAccounts, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { callers, accounts, settings, clock, room: Room::new() }
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
    let mut body = Incoming::new(body);
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
    body: &mut Incoming,
    id: &str,
    began: Instant,
) -> Result<Response, Fault> {
    if head.method != Method::POST {
        return Err(Fault::WrongMethod);
    }
    let caller = caller(service, head, peer)?;
    // Before the body: what is refused takes no memory, and what is let in is bounded by the callers' tiers.
    let place = caller.place().ok_or(Fault::OverTier)?;
    let held = body.read(&service.room).await?;
    let (wanted, room) = (wanted(head, held.bytes).await?, held.room);
    let heard = sound::hear(&service.settings, wanted.file.clone()).await?;
    let about = About {
        id: id.into(),
        created: service.clock.now_ms() / 1000,
        request_id: wanted.request_id.clone().unwrap_or_else(|| id.into()),
        model: wanted.model.clone(),
        duration_ms: heard.duration_ms,
        language: wanted.language.as_deref().map(|language| super::language::code(language).to_owned()),
        has_words: wanted.has_words,
    };
    let asking = Asking::new(&service.accounts, &service.settings, caller.tenant, &wanted, heard, room, id);
    let log = Log {
        id: id.into(),
        caller: caller.actor,
        account: asking.account().into(),
        began,
        is_stream: wanted.is_stream,
        audio_ms: asking.duration_ms(),
    };
    if wanted.is_stream {
        return streamed(about, place, asking, log).await;
    }
    let (format, text) = (wanted.format, asking.text(&NotHearing));
    drop(wanted);
    let text = text.await?;
    // Before the answer: a client with as many workers as it may have asks again at once.
    drop(place);
    log.answered();
    Ok(reply::answer(format, &about, &text))
}

/// Who asks.
fn caller(service: &Service, head: &Parts, peer: SocketAddr) -> Result<Caller, Fault> {
    if service.callers.are_this_machines() {
        of_this_machine(peer, head).map_err(|_: Stranger| Fault::Elsewhere)?;
        return Ok(service.callers.anyone());
    }
    let key = bearer(&head.headers).ok_or(Fault::NoKey)?;
    service.callers.with_key(key).ok_or(Fault::WrongKey)
}

/// The form in `bytes`. Up to 35 MB are searched for its boundaries, and decoded where they are base64.
async fn wanted(head: &Parts, bytes: bytes::Bytes) -> Result<Wanted, Fault> {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = content_type.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let form = Form::parse(&content_type, &bytes).map_err(|_| Fault::NotAForm)?;
        Wanted::of(&form)
    });
    reading.await.map_err(|_| Fault::Failed)?
}

async fn streamed(about: About, place: OwnedSemaphorePermit, asking: Asking, log: Log) -> Result<Response, Fault> {
    let deadline = log.began + REQUEST_TIME;
    let work = |teller: Arc<stream::Teller>| async move {
        let text = AssertUnwindSafe(tokio::time::timeout_at(deadline, asking.text(&*teller))).catch_unwind().await;
        text.unwrap_or(Ok(Err(Fault::Failed))).unwrap_or(Err(Fault::TookTooLong))
    };
    stream::answer(about, place, work, move |ended| match ended {
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
