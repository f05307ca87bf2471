//! What every request of the API has to pass: its caller is known, or it is one of this machine's own programs.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use super::error::ApiError;
use crate::doors::callers::{Callers, NotThisMachine, bearer, of_this_machine};

pub use crate::doors::callers::Caller;

/// Lets only this machine's own programs through where there is no key to tell callers apart, or answers 403.
pub async fn require_this_machine(
    State(callers): State<Arc<Callers>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    if callers.are_this_machines() {
        of_this_machine(peer, &head).map_err(|why| {
            let (code, message) = match why {
                NotThisMachine::Peer => ("auth.loopback_only", "without API keys only this machine may ask"),
                NotThisMachine::Host => {
                    ("auth.host", "without API keys the Host must be localhost or a loopback address")
                }
                NotThisMachine::Origin => ("auth.origin", "without API keys pages of other sites may not ask"),
            };
            ApiError::new(StatusCode::FORBIDDEN, code, message).hint("set EARMARK__HTTP__API_KEYS to let others ask")
        })?;
    }
    Ok(next.run(Request::from_parts(head, body)).await)
}

/// Lets a request through with its [`Caller`], or answers 401.
pub async fn require_caller(
    State(callers): State<Arc<Callers>>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let caller = if callers.are_this_machines() {
        callers.anyone()
    } else {
        bearer(request.headers()).and_then(|key| callers.with_key(key)).ok_or_else(|| {
            ApiError::new(StatusCode::UNAUTHORIZED, "auth.key", "the request has no valid API key")
                .hint("send Authorization: Bearer KEY")
        })?
    };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}
