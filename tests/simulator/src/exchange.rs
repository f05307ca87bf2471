//! One request for a transcription: read whole, known, let in, checked, handed to the work, answered.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::ask::{Ask, MAX_BODY_BYTES};
use crate::auth::caller;
use crate::body::{Received, ReplyBody, receive};
use crate::log::{End, Record};
use crate::places::Place;
use crate::provider::{Chance, Provider};
use crate::refusal::Refusal;
use crate::work::{Outcome, Work};

/// Answers one request; `reset` tears its connection down.
pub(crate) async fn transcribe(
    provider: &Arc<Provider>,
    request: Request<Incoming>,
    reset: &Notify,
) -> Response<ReplyBody> {
    let arrived = Instant::now();
    let (head, body) = request.into_parts();
    if resets_head(provider) {
        match tear_down(provider, reset).await {}
    }
    // An upload that breaks off ends the connection: there is nobody to answer.
    let Ok(body) = receive(body, MAX_BODY_BYTES).await else { match tear_down(provider, reset).await {} };
    let received = Instant::now();
    let started_ms = provider.now_ms();
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let ask = read(content_type.to_owned(), body).await;
    let record = Record {
        started_ms,
        upload_ms: u64::try_from(received.duration_since(arrived).as_millis()).unwrap_or(u64::MAX),
        ..Record::of(&ask.heard)
    };

    let key = match caller(&head.headers, &provider.options.keys, started_ms) {
        Ok(key) => key,
        Err(refusal) => return refuse(provider, &ask, record, None, &refusal),
    };
    let record = Record { key: last_four(&key), ..record };
    let Some(place) = provider.admit(&key, ask.heard.model.as_deref().unwrap_or_default()) else {
        return refuse(provider, &ask, record, None, &Refusal::of("1302"));
    };
    let record = Record { in_flight: place.in_flight, ..record };
    if let Err(refusal) = ask.check(&provider.options.models) {
        return refuse(provider, &ask, record, Some(&place), &refusal);
    }
    let rule = {
        let mut chance = provider.chance();
        let Chance { schedule, rng, .. } = &mut *chance;
        schedule.rule_for(&ask.heard, &key, received, rng)
    };
    let work = Work {
        latency: provider.latency(&ask.heard),
        meta: provider.meta(&ask.heard),
        n: provider.log.begin(record),
        heard: Arc::new(ask.heard),
        format: ask.format,
        provider: provider.clone(),
        place,
        rule,
        received,
    };
    answer(work, reset).await
}

/// Lets the work go on by itself, so that it outlives its client, and waits for what comes of it.
async fn answer(work: Work, reset: &Notify) -> Response<ReplyBody> {
    let provider = work.provider.clone();
    let mut client = Client { place: work.place.clone(), is_waiting: true };
    let (tell, told) = oneshot::channel();
    tokio::spawn(provider.closed.clone().run_until_cancelled_owned(work.run(tell)));
    let outcome = told.await;
    client.is_waiting = false;
    match outcome {
        Ok(Outcome::Reply(response)) => response,
        Ok(Outcome::Reset) | Err(_) => match tear_down(&provider, reset).await {},
    }
}

/// Dropped while it waits, it has gone.
struct Client {
    place: Arc<Place>,
    is_waiting: bool,
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.is_waiting {
            self.place.lose_client();
        }
    }
}

async fn read(content_type: String, body: Received) -> Ask {
    let reading = tokio::task::spawn_blocking(move || Ask::read(&content_type, &body));
    reading.await.unwrap_or_default()
}

fn resets_head(provider: &Provider) -> bool {
    let mut chance = provider.chance();
    let Chance { schedule, rng, .. } = &mut *chance;
    if !schedule.resets_head(Instant::now(), rng) {
        return false;
    }
    drop(chance);
    let now_ms = provider.now_ms();
    let n = provider.log.begin(Record { started_ms: now_ms, ..Record::default() });
    provider.log.end(n, End { ended_ms: now_ms, ..End::default() });
    true
}

fn refuse(
    provider: &Provider,
    ask: &Ask,
    record: Record,
    place: Option<&Place>,
    refusal: &Refusal,
) -> Response<ReplyBody> {
    let meta = provider.meta(&ask.heard);
    let reply = refusal.reply(provider.options.error_shape, &meta.request_id);
    let n = provider.log.begin(record);
    let end =
        End { ended_ms: provider.now_ms(), status: reply.status, code: refusal.code.clone(), is_client_gone: false };
    provider.log.end(n, end);
    if let Some(place) = place {
        place.leave();
    }
    reply.response()
}

/// Ends the connection; the future is dropped with it.
async fn tear_down(provider: &Provider, reset: &Notify) -> Infallible {
    reset.notify_one();
    // The simulator may be ending: either way nothing comes after this.
    provider.closed.cancelled().await;
    std::future::pending().await
}

fn last_four(key: &str) -> String {
    let start = key.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    key[start..].into()
}
