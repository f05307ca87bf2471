//! The API, one file per resource.

mod api;
mod auth;
mod error;
mod findings;
mod health;
mod jobs;
mod listen;
mod queue;
mod results;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post, put};
use tokio_util::sync::CancellationToken;

use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::transcribe::Accounts;
use crate::doors::callers::Callers;
use crate::doors::transcriptions;
use api::{Api, MAX_BODY_BYTES};

/// Serves until `stop` is cancelled; requests under way are answered if they end within the configured grace.
///
/// # Errors
/// [`CommandError`] when the address cannot be had, or is open to others while no keys are configured.
pub async fn serve(desk: &Desk, accounts: &Accounts, stop: CancellationToken) -> Result<(), CommandError> {
    let http = &desk.config().http;
    if http.api_keys.is_empty() && !http.listen.ip().is_loopback() {
        let message =
            format!("EARMARK__HTTP__LISTEN is `{}`, open to other machines, and there is no API key", http.listen);
        return Err(CommandError::plain(
            message,
            Some("set EARMARK__HTTP__API_KEYS (name=key@tier), or listen on 127.0.0.1"),
        ));
    }
    let unavailable = |error: std::io::Error| {
        CommandError::plain(
            format!("cannot listen on {}: {error}", http.listen),
            Some("another program may have the port; set EARMARK__HTTP__LISTEN"),
        )
    };
    let listener = tokio::net::TcpListener::bind(http.listen).await.map_err(unavailable)?;
    let address = listener.local_addr().map_err(unavailable)?;
    let callers = Arc::new(Callers::new(&http.api_keys, accounts.usual.permits.limit()));
    let service = transcriptions::Service::new(callers.clone(), desk.transcriptions(accounts)?, desk.clock());
    let api = Api { desk: desk.clone(), accounts: accounts.clone() };
    let _ = writeln!(std::io::stderr(), "listening on http://{address}");
    let grace = Duration::from_secs(desk.config().worker.grace_secs);
    listen::serve(listener, &router(api, callers, service), &stop, grace).await;
    Ok(())
}

fn router(api: Api, callers: Arc<Callers>, service: transcriptions::Service) -> Router {
    let guarded = Router::new()
        .route("/v1/jobs", post(jobs::submit).get(jobs::list))
        .route("/v1/queue", get(queue::stats))
        .route("/v1/queue/pause", post(queue::pause))
        .route("/v1/queue/resume", post(queue::resume))
        .route("/v1/jobs/{id}", get(jobs::show))
        .route("/v1/jobs/{id}/retry", post(jobs::retry))
        .route("/v1/jobs/{id}/cancel", post(jobs::cancel))
        .route("/v1/jobs/{id}/release", post(results::release))
        .route("/v1/findings", get(findings::list))
        .route("/v1/jobs/{id}/findings/{finding}/verdict", put(findings::judge))
        .route("/v1/jobs/{id}/report", get(results::report))
        .route("/v1/jobs/{id}/{file}", get(results::transcript))
        .route_layer(from_fn_with_state(callers.clone(), auth::require_caller));
    // With bounds and errors of their own.
    let transcriptions = Router::new()
        .route("/api/paas/v4/audio/transcriptions", any(transcriptions::answer))
        .route("/v1/audio/transcriptions", any(transcriptions::answer))
        .with_state(Arc::new(service));
    Router::new()
        .merge(guarded)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(callers, auth::require_this_machine))
        .layer(from_fn(listen::within_time))
        .with_state(api)
        .merge(transcriptions)
}
