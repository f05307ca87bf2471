//! Who may ask: holders of a configured key; only this machine where there is none.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::Authority;
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

/// Lets only this machine's own programs through where there is no key to tell callers apart, or answers 403.
///
/// A connection from here is not enough: a browser here also carries requests of pages from anywhere. A page that
/// rebinds its own name to 127.0.0.1 is told by `Host`, one that asks across sites by `Origin`.
pub async fn require_this_machine(
    State(api): State<Api>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if api.callers.0.is_empty() {
        let refused = |code: &str, message: &str| {
            ApiError::new(StatusCode::FORBIDDEN, code, message).hint("set EARMARK__HTTP__API_KEYS to let others ask")
        };
        if !peer.ip().is_loopback() {
            return Err(refused("auth.loopback_only", "without API keys only this machine may ask"));
        }
        let Some(host) = local_host(&request) else {
            return Err(refused("auth.host", "without API keys the Host must be localhost or a loopback address"));
        };
        let mut origins = request.headers().get_all(ORIGIN).iter();
        if !origins.all(|origin| origin.to_str().is_ok_and(|origin| is_of(origin, &host))) {
            return Err(refused("auth.origin", "without API keys pages of other sites may not ask"));
        }
    }
    Ok(next.run(request).await)
}

/// The host and port the request is for, if all it says of them names this machine.
fn local_host(request: &Request) -> Option<Authority> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host: Authority = hosts.next()?.to_str().ok()?.parse().ok()?;
    let in_target = request.uri().authority();
    (hosts.next().is_none() && is_local(&host) && in_target.is_none_or(is_local)).then_some(host)
}

fn is_local(authority: &Authority) -> bool {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
    (is_loopback || host.eq_ignore_ascii_case("localhost")) && !authority.as_str().contains('@')
}

/// Whether `origin` is the site at `host`; only plain HTTP is served.
fn is_of(origin: &str, host: &Authority) -> bool {
    origin.strip_prefix("http://").is_some_and(|site| site.eq_ignore_ascii_case(host.as_str()))
}

/// Lets a request through with its [`Caller`], or answers 401.
pub async fn require_caller(State(api): State<Api>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    let caller = if api.callers.0.is_empty() {
        Caller("http:loopback".into())
    } else {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        header.and_then(bearer).and_then(|key| api.callers.with_key(key)).ok_or_else(|| {
            ApiError::new(StatusCode::UNAUTHORIZED, "auth.key", "the request has no valid API key")
                .hint("send Authorization: Bearer KEY")
        })?
    };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The key in the header; the scheme's case does not count (RFC 9110, 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, key) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}
