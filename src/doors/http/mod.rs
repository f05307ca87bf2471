//! The API, one file per resource.

mod api;
mod auth;
mod error;
mod findings;
mod health;
mod jobs;
pub mod listen;
mod queue;
mod results;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post, put};

use crate::desk::Desk;
use crate::desk::transcribe::Accounts;
use crate::doors::callers::Callers;
use api::{Api, MAX_BODY_BYTES};

/// The API for `callers`, on `accounts`, those of this process.
pub fn routes(desk: &Desk, accounts: &Accounts, callers: Arc<Callers>) -> Router {
    let api = Api { desk: desk.clone(), accounts: accounts.clone() };
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
    Router::new()
        .merge(guarded)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/readyz/accept", get(health::accepting))
        .route("/readyz/work", get(health::working))
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(callers, auth::require_this_machine))
        .layer(from_fn(listen::within_time))
        .with_state(api)
}
