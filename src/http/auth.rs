//! Who may ask: holders of a configured key; only this machine where there is none.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest, Sha256};

use super::Api;
use super::error::ApiError;
use crate::config::ApiKey;

/// The configured callers; their keys are kept as hashes.
pub struct Callers(Vec<([u8; 32], String)>);

/// Who asks, as the audit log names it: `http:NAME`.
#[derive(Debug, Clone)]
pub struct Caller(pub String);

impl Callers {
    pub fn new(keys: &[ApiKey]) -> Self {
        Self(keys.iter().map(|key| (hash(&key.key), format!("http:{}", key.name))).collect())
    }

    /// Every key is compared, and hashes at that, so that the time tells nothing.
    fn with_key(&self, key: &str) -> Option<Caller> {
        let asked = hash(key);
        self.0
            .iter()
            .fold(None, |found, (known, name)| if *known == asked { Some(Caller(name.clone())) } else { found })
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// Lets a request through with its [`Caller`], or answers 401 or 403.
pub async fn require(
    State(api): State<Api>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let caller = if api.callers.0.is_empty() {
        if !peer.ip().is_loopback() {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "auth.loopback_only",
                "without API keys only this machine may ask",
            ));
        }
        Caller("http:loopback".into())
    } else {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = header.and_then(|value| value.strip_prefix("Bearer "));
        key.and_then(|key| api.callers.with_key(key.trim())).ok_or_else(|| {
            ApiError::new(StatusCode::UNAUTHORIZED, "auth.key", "the request has no valid API key")
                .hint("send Authorization: Bearer KEY")
        })?
    };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}
