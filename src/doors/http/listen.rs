//! Connections: how many, how slow they may be, and how they end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use axum::{Extension, Router};
use earmark_core::Repeats;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::error::ApiError;
use crate::desk::at_once;

/// Connections at a time; more wait in the system's backlog.
const MAX_CONNECTIONS: u16 = 1024;

/// How long a client may take over a request's head, or be silent between two requests.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// How long a request may take, its body's arrival included.
const REQUEST_TIME: Duration = Duration::from_secs(30);

/// Pause after a connection could not be accepted: no file descriptor becomes free by asking at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Answers connections of `listener` until `stop`; then waits for open ones, at most for `grace`.
pub async fn serve(listener: TcpListener, router: &Router, stop: &CancellationToken, grace: Duration) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS.into()));
    let accepting = Repeats::default();
    while let Some((stream, peer, place)) = next(&listener, &places, &accepting, stop).await {
        let (service, stop) = (router.clone().layer(Extension(ConnectInfo(peer))), stop.clone());
        tokio::spawn(async move {
            answer(stream, service, &stop).await;
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(grace, places.acquire_many(MAX_CONNECTIONS.into())).await.is_err() {
        let open = usize::from(MAX_CONNECTIONS) - places.available_permits();
        tracing::warn!(connections = open, "cut connections that did not end within the grace");
    }
}

async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    accepting: &Repeats,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let next = async {
        let place = places.clone().acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    if let Some(over) = accepting.worked() {
                        tracing::info!("accepted a connection again{over}");
                    }
                    return Some((stream, peer, place));
                }
                Err(error) => {
                    if let Some(again) = accepting.failed(&error.kind().to_string()) {
                        tracing::warn!(%error, "could not accept a connection{again}");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => None,
        accepted = next => accepted,
    }
}

async fn answer(stream: TcpStream, service: Router, stop: &CancellationToken) {
    // Answers are small and whole; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Answers 408 when a request takes longer than it may. A database that is away is not waited for: whoever asks is told,
/// and asks again.
pub async fn within_time(request: Request, next: Next) -> Result<Response, ApiError> {
    tokio::time::timeout(REQUEST_TIME, at_once(next.run(request))).await.map_err(|_| {
        ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "http.timeout",
            format!("the request took longer than {} s", REQUEST_TIME.as_secs()),
        )
    })
}
