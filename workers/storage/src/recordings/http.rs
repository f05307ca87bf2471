//! Recordings on the web: streamed to a temporary file, every hop of a redirect checked, resumed after a broken
//! connection where the server names the bytes' version.

use std::error::Error as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use earmark_core::RecordingUri;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE, LOCATION, RANGE, RETRY_AFTER,
};
use reqwest::{Client, Response, StatusCode};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use url::{Host, Url};

use super::{FetchError, FetchLimits, Fetched, Place, RecordingStore, shown_url};
use crate::http_client::{HttpOptions, ResolveError, http_client, is_public};

/// Hops before a redirect counts as a circle.
const MAX_REDIRECTS: u32 = 5;
/// Broken connections in one fetch before it counts as a try.
const MAX_RESUMPTIONS: u32 = 5;
/// Longest silence of a server.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
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
    async fn fetch(&self, uri: &RecordingUri, into: &Path, limits: &FetchLimits) -> Result<Fetched, FetchError> {
        let RecordingUri::Http(url) = uri else { return Err(FetchError::Unsupported { uri: format!("{uri:?}") }) };
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
    into: &'a Path,
    temp: NamedTempFile,
    file: tokio::fs::File,
    hasher: Sha256,
    received_bytes: u64,
    /// Strong entity tag of what is on disk: only with one may the rest be asked for.
    tag: Option<String>,
    name: String,
}

impl<'a> Download<'a> {
    fn start(client: Client, url: &'a Url, into: &'a Path, limits: &'a FetchLimits) -> Result<Self, FetchError> {
        let spool = |source| FetchError::Spool { folder: into.into(), source };
        let temp = std::fs::create_dir_all(into)
            .and_then(|()| tempfile::Builder::new().prefix("recording-").tempfile_in(into))
            .map_err(spool)?;
        let file = tokio::fs::File::from_std(temp.reopen().map_err(spool)?);
        Ok(Self {
            client,
            url,
            limits,
            into,
            temp,
            file,
            hasher: Sha256::new(),
            received_bytes: 0,
            tag: None,
            name: String::new(),
        })
    }

    async fn run(mut self) -> Result<Fetched, FetchError> {
        let mut resumptions = 0;
        loop {
            let response = self.request().await?;
            let before = self.received_bytes;
            match self.receive(response).await {
                Ok(()) => return self.finish().await,
                Err(FetchError::Broken { source, .. })
                    if self.tag.is_some() && self.received_bytes > before && resumptions < MAX_RESUMPTIONS =>
                {
                    resumptions += 1;
                    tracing::debug!(url = shown_url(self.url), received_bytes = self.received_bytes, error = %source, "resuming a broken download");
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
            if let Some(tag) = self.tag.as_ref().filter(|_| self.received_bytes > 0) {
                request = request.header(RANGE, format!("bytes={}-", self.received_bytes)).header(IF_RANGE, tag);
            }
            let response = request.send().await.map_err(|error| self.no_answer(&url, error))?;
            if !response.status().is_redirection() {
                self.name = name_of(&url);
                return self.accepted(&url, response);
            }
            let location = header(response.headers(), &LOCATION);
            let next = location
                .and_then(|location| url.join(location).ok())
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
        let url = shown_url(url);
        let mut cause = error.source();
        while let Some(source) = cause {
            if let Some(ResolveError::Private { address, .. }) = source.downcast_ref() {
                return FetchError::PrivateAddress { url, address: *address };
            }
            cause = source.source();
        }
        FetchError::Connect { url, source: error.without_url() }
    }

    /// `response`, if a recording comes with it.
    fn accepted(&self, url: &Url, response: Response) -> Result<Response, FetchError> {
        let (status, url) = (response.status(), shown_url(url));
        let code = status.as_u16();
        match status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(response),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(FetchError::NotFound { place: url }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(FetchError::Forbidden { place: url, status: Some(code) })
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                Err(FetchError::Unavailable { url, status: code, retry_after: retry_after(response.headers()) })
            }
            // What a server in trouble asks for is not counted on: tries stay bounded.
            _ if status.is_server_error() => Err(FetchError::Unavailable { url, status: code, retry_after: None }),
            _ => Err(FetchError::Refused { url, status: code }),
        }
    }

    async fn receive(&mut self, mut response: Response) -> Result<(), FetchError> {
        let is_rest = response.status() == StatusCode::PARTIAL_CONTENT;
        // A part is asked for only where some is here already, and another part must not pass for the whole.
        if is_rest && (self.received_bytes == 0 || starts_at(response.headers()) != Some(self.received_bytes)) {
            return Err(FetchError::WrongPart { url: shown_url(self.url) });
        }
        if !is_rest {
            self.start_over().await?;
            self.tag = header(response.headers(), &ETAG).filter(|tag| tag.starts_with('"')).map(str::to_owned);
        }
        let announced = header(response.headers(), &CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        if let Some(size) =
            announced.map(|rest| rest.saturating_add(self.received_bytes)).filter(|size| *size > self.limits.max_bytes)
        {
            return Err(self.too_large(Some(size)));
        }
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(()),
                Err(error) => {
                    return Err(FetchError::Broken {
                        url: shown_url(self.url),
                        received_bytes: self.received_bytes,
                        source: error.without_url(),
                    });
                }
            };
            self.received_bytes += chunk.len() as u64;
            if self.received_bytes > self.limits.max_bytes {
                return Err(self.too_large(None));
            }
            self.hasher.update(&chunk);
            self.file.write_all(&chunk).await.map_err(|source| self.spool(source))?;
        }
    }

    async fn start_over(&mut self) -> Result<(), FetchError> {
        self.hasher = Sha256::new();
        self.received_bytes = 0;
        self.tag = None;
        self.file.set_len(0).await.map_err(|source| self.spool(source))?;
        self.file.rewind().await.map_err(|source| self.spool(source))?;
        Ok(())
    }

    async fn finish(mut self) -> Result<Fetched, FetchError> {
        self.file.flush().await.map_err(|source| self.spool(source))?;
        if self.received_bytes == 0 {
            return Err(FetchError::Empty { place: shown_url(self.url) });
        }
        Ok(Fetched {
            place: Place::Downloaded(self.temp),
            sha256: earmark_core::audit::hex(&self.hasher.finalize()),
            size_bytes: self.received_bytes,
            name: self.name,
            version: self.tag,
        })
    }

    fn too_large(&self, size: Option<u64>) -> FetchError {
        FetchError::TooLarge { place: shown_url(self.url), size, limit: self.limits.max_bytes }
    }

    fn spool(&self, source: std::io::Error) -> FetchError {
        FetchError::Spool { folder: self.into.into(), source }
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// First byte in `Content-Range: bytes 100-199/200`.
fn starts_at(headers: &HeaderMap) -> Option<u64> {
    header(headers, &CONTENT_RANGE)?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
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
