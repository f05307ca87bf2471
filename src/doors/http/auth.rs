//! Who may ask: holders of a configured key; only this machine where there is none.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use earmark_core::Tenant;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;
use crate::config::ApiKey;

/// The configured callers; their keys are kept as hashes.
pub struct Callers {
    known: Vec<([u8; 32], Caller)>,
    /// Whoever asks where no keys are configured.
    anyone: Caller,
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// As the audit log names it: `http:NAME`.
    pub actor: String,
    /// Whose transcriptions its are: the tenant of the caller's name, where that can be one.
    pub tenant: Tenant,
    /// Transcriptions at a time.
    places: Arc<Semaphore>,
}

impl Caller {
    fn new(name: &str, tenant: Tenant, places: usize) -> Self {
        Self { actor: format!("http:{name}"), tenant, places: Arc::new(Semaphore::new(places)) }
    }

    /// A place for one transcription, taken as long as the permit lives; none when all are taken.
    pub fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().ok()
    }
}

impl Callers {
    /// Those with `keys`, each within its tier; without any, this machine within `places`.
    pub fn new(keys: &[ApiKey], places: usize) -> Self {
        let caller = |key: &ApiKey| {
            let tenant = Tenant::parse(&key.name).unwrap_or_default();
            (hash(&key.key), Caller::new(&key.name, tenant, key.tier.requests()))
        };
        let anyone = Caller::new("loopback", Tenant::default(), places);
        Self { known: keys.iter().map(caller).collect(), anyone }
    }

    /// Whether there is no key to tell callers apart.
    pub fn are_this_machines(&self) -> bool {
        self.known.is_empty()
    }

    /// Whoever asks where no keys are configured.
    pub fn anyone(&self) -> Caller {
        self.anyone.clone()
    }

    /// Every key is compared, and hashes at that, so that the time tells nothing.
    pub fn with_key(&self, key: &str) -> Option<Caller> {
        let asked = hash(key);
        let found =
            self.known.iter().fold(None, |found, (known, caller)| if *known == asked { Some(caller) } else { found });
        found.cloned()
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// Why a request does not count as one of this machine's own programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// It comes from another machine.
    Peer,
    /// It is for a host that is not this machine.
    Host,
    /// A page of another site made it.
    Origin,
}

/// Lets only this machine's own programs through where there is no key to tell callers apart, or answers 403.
pub async fn require_this_machine(
    State(callers): State<Arc<Callers>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    if callers.are_this_machines() {
        of_this_machine(peer, &head).map_err(|stranger| {
            let (code, message) = match stranger {
                Stranger::Peer => ("auth.loopback_only", "without API keys only this machine may ask"),
                Stranger::Host => ("auth.host", "without API keys the Host must be localhost or a loopback address"),
                Stranger::Origin => ("auth.origin", "without API keys pages of other sites may not ask"),
            };
            ApiError::new(StatusCode::FORBIDDEN, code, message).hint("set EARMARK__HTTP__API_KEYS to let others ask")
        })?;
    }
    Ok(next.run(Request::from_parts(head, body)).await)
}

/// Whether one of this machine's own programs asks.
///
/// A connection from here is not enough: a browser here also carries requests of pages from anywhere. A page that
/// rebinds its own name to 127.0.0.1 is told by `Host`, one that asks across sites by `Origin`.
///
/// # Errors
/// [`Stranger`].
pub fn of_this_machine(peer: SocketAddr, head: &Parts) -> Result<(), Stranger> {
    if !peer.ip().is_loopback() {
        return Err(Stranger::Peer);
    }
    let host = local_host(head).ok_or(Stranger::Host)?;
    let mut origins = head.headers.get_all(ORIGIN).iter();
    let is_ours = origins.all(|origin| origin.to_str().is_ok_and(|origin| is_of(origin, &host)));
    if is_ours { Ok(()) } else { Err(Stranger::Origin) }
}

/// The host and port the request is for, if all it says of them names this machine.
fn local_host(head: &Parts) -> Option<Authority> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let host: Authority = hosts.next()?.to_str().ok()?.parse().ok()?;
    let in_target = head.uri.authority();
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

/// The key that comes with a request; the scheme's case does not count (RFC 9110, 11.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}
