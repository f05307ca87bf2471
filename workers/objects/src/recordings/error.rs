//! Why a recording could not be had.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use earmark_core::{Disposition, Failure, Fault, UriError};

use crate::http_client::HttpClientError;
use crate::place;
use crate::s3::S3Error;

/// Why a recording could not be had. URLs in it are without credentials and query.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The text is no URI.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// No store for such URIs in this build.
    #[error("{uri} cannot be fetched by this build")]
    Unsupported {
        /// The URI that was given.
        uri: String,
    },
    /// There is nothing at that place.
    #[error("there is no recording at {place}")]
    NotFound {
        /// Path or URL.
        place: String,
    },
    /// Something there that is no file.
    #[error("{path} is {what}, not a recording")]
    NotAFile {
        /// The path that was given.
        path: PathBuf,
        /// `a directory`, `a pipe`, …
        what: &'static str,
    },
    /// There, and not to be read by us.
    #[error("{place} may not be read")]
    Forbidden {
        /// Path or URL.
        place: String,
        /// What the server said.
        status: Option<u16>,
    },
    /// No file that others may ask for, whether it is there or not: who may not see a disk learns nothing of it.
    #[error("there is no file at {place} on the worker's own disk that may be asked for")]
    OutOfReach {
        /// The path that was given.
        place: String,
    },
    /// Signed for a while that is over, or whoever signed it has left.
    #[error("the signed address {place} is no longer good (status {status})")]
    Expired {
        /// The URL, without secrets.
        place: String,
        /// What the server said.
        status: u16,
    },
    /// Not a byte in it.
    #[error("{place} is empty")]
    Empty {
        /// Path or URL.
        place: String,
    },
    /// More than the limit.
    #[error("{place} has {} bytes, the limit is {limit}", .size.map_or("more".into(), |size| size.to_string()))]
    TooLarge {
        /// Path or URL.
        place: String,
        /// Its size, where it is known.
        size: Option<u64>,
        /// Bytes that are allowed.
        limit: u64,
    },
    /// Coded for the way in a manner that is not undone here.
    #[error("{place} comes with `Content-Encoding: {coding}`, which is not undone")]
    Coding {
        /// URL or URI.
        place: String,
        /// The coding's name.
        coding: String,
    },
    /// Coded for the way, and damaged.
    #[error("{place} comes with `Content-Encoding: {coding}`, and its bytes are damaged")]
    NotDecoded {
        /// URL or URI.
        place: String,
        /// The coding's name.
        coding: &'static str,
        /// What the decoder said.
        #[source]
        source: io::Error,
    },
    /// Written to while it was read.
    #[error("{path} changed while it was read")]
    Changed {
        /// The file that was being read.
        path: PathBuf,
    },
    /// Other bytes lie there than those that were offered.
    #[error("{uri} was replaced: `{expected}` was offered, `{found}` is there")]
    Replaced {
        /// The recording's URI.
        uri: String,
        /// The version at the time of the offer.
        expected: String,
        /// The version that was fetched.
        found: String,
    },
    /// The disk or the file system failed.
    #[error("cannot read {path}")]
    Read {
        /// The file that was being read.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The temporary file cannot be written.
    #[error("cannot write a temporary file in {folder}")]
    Spool {
        /// The folder for temporary files.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An address that must not be reached.
    #[error("{url} leads to the private address {address}")]
    PrivateAddress {
        /// The recording's URL, without secrets.
        url: String,
        /// Where it leads.
        address: IpAddr,
    },
    /// Redirected in circles.
    #[error("{url} was redirected more than {limit} times")]
    TooManyRedirects {
        /// The URL of the first request, without secrets.
        url: String,
        /// How many are followed.
        limit: u32,
    },
    /// Redirected to nowhere.
    #[error("{url} was redirected to what is no http or https URL")]
    BadRedirect {
        /// The recording's URL, without secrets.
        url: String,
    },
    /// An answer that trying again will not change.
    #[error("{url} was answered with status {status}")]
    Refused {
        /// The recording's URL, without secrets.
        url: String,
        /// The HTTP status of the answer.
        status: u16,
    },
    /// An answer that may be another one later.
    #[error("{url} was answered with status {status}")]
    Unavailable {
        /// The recording's URL, without secrets.
        url: String,
        /// The HTTP status of the answer.
        status: u16,
        /// How long the server asks us to wait.
        retry_after: Option<Duration>,
    },
    /// No connection could be made.
    #[error("no connection for {url}")]
    Connect {
        /// The URL that was asked, without secrets.
        url: String,
        /// Whether a redirect led to another host: the recording's own one answered.
        is_elsewhere: bool,
        /// What the HTTP client said.
        #[source]
        source: reqwest::Error,
    },
    /// The host's name is nobody's.
    #[error("no connection for {url}: nobody knows its host")]
    UnknownHost {
        /// The recording's URL, without secrets.
        url: String,
    },
    /// The connection broke, more often than it is resumed, or no answer came by it.
    #[error("the connection for {url} broke after {received_bytes} bytes")]
    Broken {
        /// The recording's URL, without secrets.
        url: String,
        /// How far it came.
        received_bytes: u64,
        /// What the HTTP client said.
        #[source]
        source: reqwest::Error,
    },
    /// A piece that is not the one asked for.
    #[error("{url} was answered with a part of the recording that was not asked for")]
    WrongPart {
        /// The recording's URL, without secrets.
        url: String,
    },
    /// Took too long.
    #[error("{url} was not fetched within {} s", .limit.as_secs())]
    TimedOut {
        /// The recording's URL, without secrets.
        url: String,
        /// How long it may take.
        limit: Duration,
    },
    /// No HTTPS on this machine.
    #[error(transparent)]
    Client(#[from] HttpClientError),
    /// What an object store said.
    #[error(transparent)]
    S3(#[from] S3Error),
}

/// How long a job whose address is no longer good waits before it is looked at again.
const WAIT_FOR_SIGNATURE: Duration = Duration::from_secs(600);

impl Failure for FetchError {
    fn code(&self) -> &'static str {
        match self {
            Self::Uri(_) => "fetch.uri",
            Self::Unsupported { .. } => "fetch.unsupported",
            Self::NotFound { .. } => "fetch.not_found",
            Self::NotAFile { .. } => "fetch.not_a_file",
            Self::Forbidden { .. } => "fetch.forbidden",
            Self::OutOfReach { .. } => "fetch.file_root",
            Self::Expired { .. } => "fetch.expired",
            Self::Empty { .. } => "fetch.empty",
            Self::TooLarge { .. } => "fetch.too_large",
            Self::Coding { .. } => "fetch.coding",
            Self::NotDecoded { .. } => "fetch.not_decoded",
            Self::Changed { .. } => "fetch.changed",
            Self::Replaced { .. } => "fetch.replaced",
            Self::Read { .. } => "fetch.read",
            Self::Spool { .. } => "fetch.spool",
            Self::PrivateAddress { .. } => "fetch.private_address",
            Self::TooManyRedirects { .. } => "fetch.too_many_redirects",
            Self::BadRedirect { .. } => "fetch.bad_redirect",
            Self::Refused { .. } => "fetch.refused",
            Self::Unavailable { .. } => "fetch.unavailable",
            Self::Connect { .. } | Self::UnknownHost { .. } => "fetch.connect",
            Self::Broken { .. } => "fetch.broken",
            Self::WrongPart { .. } => "fetch.wrong_part",
            Self::TimedOut { .. } => "fetch.timed_out",
            Self::Client(_) => "fetch.client",
            Self::S3(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Uri(_) => "use a path, file:///…, https://… or s3://bucket/key",
            Self::Unsupported { .. } => "fetch it to this machine, or give an https URL (a presigned one will do)",
            Self::NotFound { .. } => "check the path or the URL",
            Self::NotAFile { .. } => "name the recordings themselves, e.g. FOLDER/*",
            Self::Forbidden { status: Some(_), .. } => {
                "give a URL that is valid without a login, or with user:password@"
            }
            Self::Forbidden { status: None, .. } => "make the file readable for this user",
            Self::OutOfReach { .. } => {
                "check the path; give s3:// or https://, or name the folder that it lies in by EARMARK__STORAGE__FILE_ROOTS, on every worker, which must be able to read it"
            }
            Self::Expired { .. } => {
                "offer it again, by a fresh address and the same key, or `earmark jobs retry JOB --uri URL`: the job takes it"
            }
            Self::Empty { .. } => "record or upload it again",
            Self::TooLarge { .. } => "raise EARMARK__STORAGE__MAX_BYTES, or split the recording",
            Self::Coding { .. } => "store it as it is, or with gzip or zstd",
            Self::NotDecoded { .. } => "upload it again",
            Self::Changed { .. } => "wait until the recording is complete",
            Self::Replaced { .. } => "submit it again: its new content is another job",
            Self::S3(error) => return error.hint(),
            Self::Spool { source, .. } if source.kind() == io::ErrorKind::StorageFull => "free some space on that disk",
            Self::Spool { .. } => "set EARMARK__WORKER__TEMP_DIR to a folder that can be written",
            Self::PrivateAddress { .. } => {
                "set EARMARK__STORAGE__ALLOW_PRIVATE_HOSTS=true if recordings may come from this network"
            }
            Self::Connect { .. } | Self::UnknownHost { .. } => "check the host's name and this machine's network",
            Self::TimedOut { .. } => "raise EARMARK__STORAGE__FETCH_TIMEOUT_SECS",
            Self::Client(_) => "install the system's root certificates: apt-get install ca-certificates",
            Self::Read { .. } => "check the disk and the mount that it lies on",
            Self::TooManyRedirects { .. } | Self::BadRedirect { .. } => {
                "give the URL of the recording itself; `curl -IL URL` shows where this one leads"
            }
            Self::Refused { .. } => "see what the server says to `curl -v URL`",
            Self::Unavailable { .. } => "the server is overloaded or down: see to it, or wait",
            Self::Broken { received_bytes: 0, .. } => "see what the server says to `curl -v URL`",
            Self::Broken { .. } => "see whether the server or the network between cuts long downloads off",
            Self::WrongPart { .. } => "see whether a cache or proxy between keeps parts of files",
        };
        Some(text.into())
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Uri(_)
            | Self::Unsupported { .. }
            | Self::NotFound { .. }
            | Self::NotAFile { .. }
            | Self::Forbidden { .. }
            | Self::OutOfReach { .. }
            | Self::Empty { .. }
            | Self::TooLarge { .. }
            | Self::PrivateAddress { .. }
            | Self::TooManyRedirects { .. }
            | Self::BadRedirect { .. }
            | Self::Refused { .. }
            | Self::Replaced { .. }
            | Self::Coding { .. } => Disposition::Fail,
            Self::S3(error) => error.disposition(),
            // Until it is signed anew, which makes the job due at once.
            Self::Expired { .. } => Disposition::RetryAfter(WAIT_FOR_SIGNATURE),
            // What a server in trouble asks for does not make tries free: they stay bounded.
            Self::Unavailable { status, retry_after: Some(wait), .. } if *status < 500 => {
                Disposition::RetryAfter(*wait)
            }
            // The machine's fault, not the job's.
            Self::Spool { .. } | Self::Client(_) => Disposition::RetryAfter(earmark_core::WAIT_FOR_PERSON),
            Self::Unavailable { .. }
            | Self::Changed { .. }
            | Self::Read { .. }
            | Self::Connect { .. }
            | Self::UnknownHost { .. }
            | Self::NotDecoded { .. }
            | Self::Broken { .. }
            | Self::WrongPart { .. }
            | Self::TimedOut { .. } => Disposition::Retry,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Uri(_)
            | Self::Unsupported { .. }
            | Self::NotFound { .. }
            | Self::NotAFile { .. }
            | Self::Forbidden { .. }
            | Self::OutOfReach { .. }
            | Self::Expired { .. }
            | Self::PrivateAddress { .. }
            | Self::TooManyRedirects { .. }
            | Self::BadRedirect { .. }
            | Self::Refused { .. }
            | Self::Replaced { .. }
            | Self::UnknownHost { .. } => Fault::Caller,
            Self::Empty { .. }
            | Self::TooLarge { .. }
            | Self::Changed { .. }
            | Self::TimedOut { .. }
            | Self::Coding { .. }
            | Self::NotDecoded { .. } => Fault::Recording,
            Self::Read { .. }
            | Self::Spool { .. }
            | Self::Unavailable { .. }
            | Self::Connect { .. }
            | Self::Broken { .. }
            | Self::WrongPart { .. }
            | Self::Client(_) => Fault::Place,
            Self::S3(error) => error.fault(),
        }
    }
}

impl FetchError {
    /// The folder whose fault it is, where that is not the place of the recording's own address: what is fetched is kept
    /// here. A redirect's end is no place of its own: nobody asks whether it is away before a recording is asked for.
    pub fn place(&self) -> Option<String> {
        if let Self::Spool { folder, .. } = self { Some(place::of_folder(folder)) } else { None }
    }

    /// Whether the host or the store itself answered, with an error that may well be about this recording: no gateway, which
    /// tells of what is behind it.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::Unavailable { status, .. } => is_own_error(*status),
            Self::S3(S3Error::Unavailable { status, .. }) => is_own_error(*status),
            _ => false,
        }
    }

    /// Whether what looks like a place's fault may be this recording's alone: the place answered, with an error, or the
    /// answer broke off.
    pub fn may_be_the_recordings(&self) -> bool {
        match self {
            // 408, 425 and 429 speak of the moment.
            Self::Unavailable { status, .. } => *status >= 500,
            Self::Broken { .. } | Self::WrongPart { .. } | Self::Read { .. } => true,
            Self::Connect { is_elsewhere, .. } => *is_elsewhere,
            Self::S3(error) => error.may_be_the_recordings(),
            Self::Uri(_)
            | Self::Unsupported { .. }
            | Self::NotFound { .. }
            | Self::NotAFile { .. }
            | Self::Forbidden { .. }
            | Self::OutOfReach { .. }
            | Self::Expired { .. }
            | Self::Empty { .. }
            | Self::TooLarge { .. }
            | Self::Coding { .. }
            | Self::NotDecoded { .. }
            | Self::Changed { .. }
            | Self::Replaced { .. }
            | Self::Spool { .. }
            | Self::PrivateAddress { .. }
            | Self::TooManyRedirects { .. }
            | Self::BadRedirect { .. }
            | Self::Refused { .. }
            | Self::UnknownHost { .. }
            | Self::TimedOut { .. }
            | Self::Client(_) => false,
        }
    }
}

/// 502, 503 and 504 are a gateway's, whose server does not answer.
fn is_own_error(status: u16) -> bool {
    status >= 500 && !matches!(status, 502..=504)
}
