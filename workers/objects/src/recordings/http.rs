//! Recordings on the web: streamed to a temporary file, every hop of a redirect checked, resumed after a broken
//! connection where the server names the bytes' version.

use std::error::Error as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use earmark_core::{Address, Clock as _, SystemClock, signed_until_ms, unsigned};
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE, LOCATION,
    RANGE, RETRY_AFTER,
};
use reqwest::{Client, Response, StatusCode};
use url::{Host, Url};

use super::coding::{Coding, codings};
use super::spool::{Spool, first_byte};
use earmark_core::shown_url;

use super::{FetchError, FetchLimits, Fetched, RecordingStore};
use crate::http_client::{HttpOptions, ResolveError, http_client, is_public};
use crate::place;

/// Hops before a redirect counts as a circle.
const MAX_REDIRECTS: u32 = 5;
/// Longest silence of a server.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How far clocks are trusted to be apart, in milliseconds.
const CLOCKS_MS: i64 = 300_000;
/// Longest wait that a server may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);

/// Recordings at `http://` and `https://` URLs.
#[derive(Debug, Default)]
pub struct HttpStore {
    /// Made at the first fetch, and again when the limits change.
    client: Mutex<Option<(HttpOptions, Client)>>,
}

#[async_trait]
impl RecordingStore for HttpStore {
    fn place(&self, uri: &Address) -> String {
        place::of(uri, None)
    }

    async fn fetch(&self, uri: &Address, into: &Path, limits: &FetchLimits) -> Result<Fetched, FetchError> {
        let Address::Http(url) = uri else { return Err(FetchError::Unsupported { uri: uri.to_string() }) };
        let client = self.client(limits)?;
        let fetching = Download::start(client, url, into, limits)?.run();
        match tokio::time::timeout(limits.timeout, fetching).await {
            Ok(fetched) => fetched,
            Err(_) => Err(FetchError::TimedOut { url: shown_url(url), limit: limits.timeout }),
        }
    }
}

impl HttpStore {
    fn client(&self, limits: &FetchLimits) -> Result<Client, FetchError> {
        let options = HttpOptions {
            connect_timeout: limits.connect_timeout,
            read_timeout: READ_TIMEOUT,
            timeout: None,
            allow_private: limits.allow_private,
        };
        // The pair is whole after every statement.
        let mut kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((made_for, client)) if *made_for == options => Ok(client.clone()),
            Some(_) | None => {
                let client = http_client(&options)?;
                *kept = Some((options, client.clone()));
                Ok(client)
            }
        }
    }
}

/// One recording on its way to disk.
struct Download<'a> {
    client: Client,
    url: &'a Url,
    limits: &'a FetchLimits,
    spool: Spool<'a>,
    /// Strong entity tag of what is on disk: only with one may the rest be asked for.
    tag: Option<String>,
    /// What is to be undone with what is on disk.
    codings: Vec<Coding>,
    name: String,
}

impl<'a> Download<'a> {
    fn start(client: Client, url: &'a Url, into: &'a Path, limits: &'a FetchLimits) -> Result<Self, FetchError> {
        let spool = Spool::start(into, shown_url(url), limits.max_bytes)?;
        Ok(Self { client, url, limits, spool, tag: None, codings: Vec::new(), name: String::new() })
    }

    async fn run(mut self) -> Result<Fetched, FetchError> {
        loop {
            let response = self.request().await?;
            match self.receive(response).await {
                Ok(()) => return self.spool.finish(self.name, self.tag, self.codings).await,
                Err(FetchError::Broken { source, received_bytes, .. })
                    if self.tag.is_some() && self.spool.may_resume() =>
                {
                    tracing::debug!(url = shown_url(self.url), received_bytes, error = %source, "resuming a broken download");
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The answer to the request for the recording, or for its rest, redirects followed.
    async fn request(&mut self) -> Result<Response, FetchError> {
        let mut url = self.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            self.check_address(&url)?;
            let mut request = self.client.get(url.clone()).header(ACCEPT_ENCODING, "identity");
            if let Some(tag) = self.tag.as_ref().filter(|_| self.spool.received_bytes() > 0) {
                let range = format!("bytes={}-", self.spool.received_bytes());
                request = request.header(RANGE, range).header(IF_RANGE, tag);
            }
            let response = request.send().await.map_err(|error| self.no_answer(&url, error))?;
            if !response.status().is_redirection() {
                self.name = name_of(&url);
                return match self.accepted(&url, response).await {
                    Err(FetchError::Forbidden { place, status: Some(status) }) if self.may_be_expired() => {
                        Err(FetchError::Expired { place, status })
                    }
                    accepted => accepted,
                };
            }
            let next = location(response.headers())
                .and_then(|location| url.join(&location).ok())
                .filter(|next| matches!(next.scheme(), "http" | "https"));
            url = next.ok_or_else(|| FetchError::BadRedirect { url: shown_url(&url) })?;
        }
        Err(FetchError::TooManyRedirects { url: shown_url(self.url), limit: MAX_REDIRECTS })
    }

    /// Names are checked when they are resolved; addresses in the URL itself are not resolved.
    fn check_address(&self, url: &Url) -> Result<(), FetchError> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        if self.limits.allow_private || is_public(address) {
            return Ok(());
        }
        Err(FetchError::PrivateAddress { url: shown_url(url), address })
    }

    fn no_answer(&self, url: &Url, error: reqwest::Error) -> FetchError {
        let is_elsewhere = url.origin() != self.url.origin();
        let url = shown_url(url);
        let mut cause = error.source();
        while let Some(source) = cause {
            if let Some(ResolveError::Private { address, .. }) = source.downcast_ref() {
                return FetchError::PrivateAddress { url, address: *address };
            }
            cause = source.source();
        }
        if is_nobodys_name(&error) {
            return FetchError::UnknownHost { url };
        }
        if error.is_connect() {
            return FetchError::Connect { url, is_elsewhere, source: error.without_url() };
        }
        // Somebody listens there, and may well answer for other recordings.
        FetchError::Broken { url, received_bytes: self.spool.received_bytes(), source: error.without_url() }
    }

    /// Whether the address is a signed one that was good once: one that says it is good still is refused for another
    /// reason, unless those who signed it had to leave before.
    fn may_be_expired(&self) -> bool {
        let is_temporary =
            || self.url.query().is_some_and(|query| query.to_ascii_lowercase().contains("security-token"));
        let now_ms = SystemClock.now_ms();
        unsigned(self.url).is_some()
            && (is_temporary() || signed_until_ms(self.url).is_none_or(|until_ms| until_ms <= now_ms + CLOCKS_MS))
    }

    /// `response`, if a recording comes with it.
    async fn accepted(&self, url: &Url, mut response: Response) -> Result<Response, FetchError> {
        let (status, url) = (response.status(), shown_url(url));
        let code = status.as_u16();
        match status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(response),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(FetchError::NotFound { place: url }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(FetchError::Forbidden { place: url, status: Some(code) })
            }
            // Google's and Amazon's word for credentials that are over.
            StatusCode::BAD_REQUEST if unsigned(self.url).is_some() && says_expired(&mut response).await => {
                Err(FetchError::Expired { place: url, status: code })
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                Err(FetchError::Unavailable { url, status: code, retry_after: retry_after(response.headers()) })
            }
            _ if status.is_server_error() => {
                Err(FetchError::Unavailable { url, status: code, retry_after: retry_after(response.headers()) })
            }
            _ => Err(FetchError::Refused { url, status: code }),
        }
    }

    async fn receive(&mut self, mut response: Response) -> Result<(), FetchError> {
        let is_rest = response.status() == StatusCode::PARTIAL_CONTENT;
        let here = self.spool.received_bytes();
        // A part is asked for only where some is here already, and another part must not pass for the whole.
        if is_rest && (here == 0 || starts_at(response.headers()) != Some(here)) {
            return Err(FetchError::WrongPart { url: shown_url(self.url) });
        }
        if !is_rest {
            self.spool.start_over().await?;
            self.tag = header(response.headers(), &ETAG).filter(|tag| tag.starts_with('"')).map(str::to_owned);
            self.codings = codings(header(response.headers(), &CONTENT_ENCODING), &shown_url(self.url))?;
        }
        let announced = header(response.headers(), &CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        self.spool.announce(announced.unwrap_or(0))?;
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => self.spool.write(&chunk).await?,
                Ok(None) => return Ok(()),
                Err(error) => {
                    return Err(FetchError::Broken {
                        url: shown_url(self.url),
                        received_bytes: self.spool.received_bytes(),
                        source: error.without_url(),
                    });
                }
            }
        }
    }
}

/// Whether the beginning of an answer names a signature that is over.
async fn says_expired(response: &mut Response) -> bool {
    let Ok(Some(chunk)) = response.chunk().await else { return false };
    let text = String::from_utf8_lossy(&chunk[..chunk.len().min(4096)]).into_owned();
    ["<Code>ExpiredToken</Code>", "<Code>RequestExpired</Code>", "<Code>RequestTimeTooSkewed</Code>"]
        .iter()
        .any(|code| text.contains(code))
}

fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Where a redirect leads; bytes that do not belong into a header are taken as curl and browsers take them: as they are,
/// percent-encoded.
fn location(headers: &HeaderMap) -> Option<String> {
    let mut location = String::new();
    for byte in headers.get(LOCATION)?.as_bytes() {
        match byte {
            0x20..=0x7e => location.push(char::from(*byte)),
            byte => location.push_str(&format!("%{byte:02X}")),
        }
    }
    Some(location)
}

/// Whether `error` is that a name server answered, and that nobody has that name; a name server that does not answer says
/// something else. The system tells it in words only.
fn is_nobodys_name(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(source) = cause {
        let text = source.to_string();
        if ["Name or service not known", "Name does not resolve", "No address associated with hostname"]
            .iter()
            .any(|words| text.ends_with(words))
        {
            return true;
        }
        cause = source.source();
    }
    false
}

fn starts_at(headers: &HeaderMap) -> Option<u64> {
    first_byte(header(headers, &CONTENT_RANGE)?)
}

/// Seconds in `Retry-After`; its dates are not read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = header(headers, &RETRY_AFTER)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// Last part of the URL's path, decoded.
fn name_of(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    // A file URL is the one place where the url crate decodes a path.
    let decoded = Url::parse(&format!("file:///{last}")).ok().and_then(|url| url.to_file_path().ok());
    decoded.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned())).unwrap_or_else(|| last.into())
}
