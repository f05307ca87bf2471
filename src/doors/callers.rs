//! Who may ask, at every door that answers HTTP: holders of a configured key; only this machine where there is none.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use earmark_core::Tenant;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::ApiKey;

/// The configured callers; their keys are kept as hashes.
pub struct Callers {
    /// Hash of the key, and whose it is.
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

    /// Whose `key` is; none where nobody has it. Every key is compared, and hashes at that, so that the time tells nothing.
    pub fn with_key(&self, key: &str) -> Option<Caller> {
        let given = hash(key);
        let found =
            self.known.iter().fold(None, |found, (known, caller)| if *known == given { Some(caller) } else { found });
        found.cloned()
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// Why a request does not count as one of this machine's own programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotThisMachine {
    /// It comes from another machine.
    Peer,
    /// It is for a host that is not this machine.
    Host,
    /// A page of another site made it.
    Origin,
}

/// The key that comes with a request; the scheme's case does not count (RFC 9110, 11.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

/// Whether one of this machine's own programs asks.
///
/// A connection from here is not enough: a browser here also carries requests of pages from anywhere. A page that
/// rebinds its own name to 127.0.0.1 is told by `Host`, one that asks across sites by `Origin`.
///
/// # Errors
/// [`NotThisMachine`].
pub fn of_this_machine(peer: SocketAddr, head: &Parts) -> Result<(), NotThisMachine> {
    if !peer.ip().is_loopback() {
        return Err(NotThisMachine::Peer);
    }
    let host = local_host(head).ok_or(NotThisMachine::Host)?;
    let mut origins = head.headers.get_all(ORIGIN).iter();
    let is_ours = origins.all(|origin| origin.to_str().is_ok_and(|origin| is_of(origin, &host)));
    if is_ours { Ok(()) } else { Err(NotThisMachine::Origin) }
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
