//! The API, one file per resource.

mod auth;
mod error;
mod health;
mod jobs;
mod results;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use earmark_storage::{Database, Journal, ResultStore};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::complaint::Complaint;
use auth::Callers;

/// What every request may need.
#[derive(Clone)]
struct Api {
    database: Database,
    journal: Journal,
    results: Arc<dyn ResultStore>,
    callers: Arc<Callers>,
}

/// Serves until `stop` is cancelled; requests under way are answered.
///
/// # Errors
/// [`Complaint`] when the address cannot be had, or is open to others while no keys are configured.
pub async fn serve(app: &App, stop: CancellationToken) -> Result<(), Complaint> {
    let http = &app.config.http;
    if http.api_keys.is_empty() && !http.listen.ip().is_loopback() {
        let message =
            format!("EARMARK__HTTP__LISTEN is `{}`, open to other machines, and there is no API key", http.listen);
        return Err(Complaint::plain(
            message,
            Some("set EARMARK__HTTP__API_KEYS (name=key@tier), or listen on 127.0.0.1"),
        ));
    }
    let unavailable = |error: std::io::Error| {
        Complaint::plain(
            format!("cannot listen on {}: {error}", http.listen),
            Some("another program may have the port; set EARMARK__HTTP__LISTEN"),
        )
    };
    let listener = tokio::net::TcpListener::bind(http.listen).await.map_err(unavailable)?;
    let address = listener.local_addr().map_err(unavailable)?;
    let api = Api {
        database: app.database.clone(),
        journal: app.journal.clone(),
        results: app.results.clone(),
        callers: Arc::new(Callers::new(&http.api_keys)),
    };
    let _ = writeln!(std::io::stderr(), "listening on http://{address}");
    let service = router(api).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .map_err(|error| Complaint::internal(&error))
}

fn router(api: Api) -> Router {
    let guarded = Router::new()
        .route("/v1/jobs", post(jobs::submit).get(jobs::list))
        .route("/v1/jobs/{id}", get(jobs::show))
        .route("/v1/jobs/{id}/retry", post(jobs::retry))
        .route("/v1/jobs/{id}/cancel", post(jobs::cancel))
        .route("/v1/jobs/{id}/report", get(results::report))
        .route("/v1/jobs/{id}/{file}", get(results::transcript))
        .route_layer(from_fn_with_state(api.clone(), auth::require));
    Router::new()
        .merge(guarded)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(error::no_such_path)
        .with_state(api)
}
