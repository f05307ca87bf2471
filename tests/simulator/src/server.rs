//! Connections, and which request goes where.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::ask::MAX_BODY_BYTES;
use crate::body::{Received, ReplyBody, receive};
use crate::exchange::transcribe;
use crate::fault::Rule;
use crate::provider::Provider;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::schedule::Schedule;
use crate::summary::Summary;

/// Takes connections until the simulator ends; they end with it.
pub(crate) async fn serve(listener: TcpListener, provider: Arc<Provider>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = provider.closed.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(stream, provider.clone()))),
                // Out of file descriptors: some come back when connections end.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
}

async fn connection(stream: TcpStream, provider: Arc<Provider>) {
    // Small answers are not to wait for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(Notify::new());
    let service = service_fn({
        let reset = reset.clone();
        move |request| {
            let (provider, reset) = (provider.clone(), reset.clone());
            async move { Ok::<_, Infallible>(route(&provider, request, &reset).await) }
        }
    });
    let mut connection =
        http1::Builder::new().header_read_timeout(None).serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = &mut connection => return,
        () = reset.notified() => {}
    }
    // Closed with zero linger, the client sees a reset and not an orderly end.
    let _ = connection.into_parts().io.into_inner().set_zero_linger();
}

async fn route(provider: &Arc<Provider>, request: Request<Incoming>, reset: &Notify) -> Response<ReplyBody> {
    let path = request.uri().path().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::POST, "/api/paas/v4/audio/transcriptions" | "/v1/audio/transcriptions") => {
            transcribe(provider, request, reset).await
        }
        (&Method::GET, "/simulator/log") => {
            let records = provider.log.records().clone();
            let lines = records.iter().filter_map(|record| serde_json::to_string(record).ok());
            let text: String = lines.flat_map(|line| [line, "\n".into()]).collect();
            Reply::of("application/x-ndjson", text).response()
        }
        (&Method::GET, "/simulator/summary") => {
            let figures = summary(provider);
            Reply::json(&json!(figures)).response()
        }
        (&Method::POST, "/simulator/faults") => set_faults(provider, request).await,
        _ => {
            let _ = receive(request.into_body(), MAX_BODY_BYTES).await;
            let refusal = Refusal { status: 404, code: Some("404".into()), message: "Not Found".into() };
            refusal.reply(provider.options.error_shape, "").response()
        }
    }
}

/// The log in figures.
pub(crate) fn summary(provider: &Provider) -> Summary {
    let (peak, in_flight) = (provider.places.peak(), provider.places.in_flight());
    Summary::of(&provider.log.records(), peak, in_flight)
}

async fn set_faults(provider: &Provider, request: Request<Incoming>) -> Response<ReplyBody> {
    let rules: Result<Vec<Rule>, String> = match receive(request.into_body(), MAX_BODY_BYTES).await {
        Ok(Received::Whole(body)) => serde_json::from_slice(&body).map_err(|error| error.to_string()),
        Ok(too_large) => Err(format!("{} bytes are too many", too_large.length())),
        Err(error) => Err(error.to_string()),
    };
    match rules {
        Ok(rules) => {
            let count = rules.len();
            provider.chance().schedule = Schedule::new(rules, Instant::now());
            Reply::json(&json!({"rules": count})).response()
        }
        Err(message) => Reply::json(&json!({"error": message})).status(400).response(),
    }
}
