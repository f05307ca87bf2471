//! Recordings in an object store: streamed to a temporary file, the rest asked for after a broken connection.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::types::ChecksumMode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use earmark_core::Address;

use super::coding::{Coding, codings};
use super::spool::{Spool, first_byte};
use super::{FetchError, FetchLimits, Fetched, RecordingStore};
use crate::place;
use crate::s3::{Asked, S3, S3Error, failed};

/// Fetches from the start in one try, when the object changes meanwhile.
const MAX_STARTS: u32 = 3;

/// Recordings at `s3://` URIs.
#[derive(Debug)]
pub struct S3Store {
    s3: S3,
}

impl S3Store {
    /// The recordings of `s3`.
    pub fn new(s3: S3) -> Self {
        Self { s3 }
    }
}

#[async_trait]
impl RecordingStore for S3Store {
    fn place(&self, uri: &Address) -> String {
        place::of(uri, self.s3.options().endpoint.as_deref())
    }

    async fn fetch(&self, uri: &Address, into: &Path, limits: &FetchLimits) -> Result<Fetched, FetchError> {
        let Address::S3 { bucket, key, version } = uri else {
            return Err(FetchError::Unsupported { uri: uri.to_string() });
        };
        let uri = match version {
            Some(version) => format!("s3://{bucket}/{key}?versionId={version}"),
            None => format!("s3://{bucket}/{key}"),
        };
        let place = Place { s3: &self.s3, uri: &uri, bucket, key, version: version.as_deref() };
        let fetching = Download::start(place, into, limits)?.run();
        match tokio::time::timeout(limits.timeout, fetching).await {
            Ok(fetched) => fetched,
            Err(_) => Err(FetchError::TimedOut { url: uri, limit: limits.timeout }),
        }
    }
}

/// Where a recording lies.
#[derive(Clone, Copy)]
struct Place<'a> {
    s3: &'a S3,
    uri: &'a str,
    bucket: &'a str,
    key: &'a str,
    version: Option<&'a str>,
}

/// One recording on its way to disk.
struct Download<'a> {
    place: Place<'a>,
    read_timeout: Duration,
    spool: Spool<'a>,
    starts: u32,
    begun: Begun,
}

/// What the store said of the object when its bytes began to come.
#[derive(Default)]
struct Begun {
    entity_tag: Option<String>,
    version: Option<String>,
    size_bytes: Option<u64>,
    /// Of the whole object as it is stored, in base64.
    sha256: Option<String>,
    /// What is to be undone with it.
    codings: Vec<Coding>,
}

impl<'a> Download<'a> {
    fn start(place: Place<'a>, into: &'a Path, limits: &FetchLimits) -> Result<Self, FetchError> {
        let spool = Spool::start(into, place.uri.into(), limits.max_bytes)?;
        let read_timeout = place.s3.options().read_timeout;
        Ok(Self { place, read_timeout, spool, starts: 0, begun: Begun::default() })
    }

    async fn run(mut self) -> Result<Fetched, FetchError> {
        loop {
            match self.ask_and_receive().await {
                Ok(()) => return self.finish().await,
                Err(FetchError::S3(S3Error::Broken { source, received_bytes, .. }))
                    if self.begun.entity_tag.is_some() && self.spool.may_resume() =>
                {
                    tracing::debug!(uri = self.place.uri, received_bytes, error = %source, "resuming a broken download");
                }
                Err(FetchError::S3(S3Error::Changed { .. })) if self.starts < MAX_STARTS => {
                    tracing::debug!(uri = self.place.uri, "the object changed meanwhile: from the start");
                    self.spool.start_over().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn ask_and_receive(&mut self) -> Result<(), FetchError> {
        let answer = self.ask().await?;
        self.receive(answer).await
    }

    /// The answer to the request for the object, or for its rest.
    async fn ask(&self) -> Result<GetObjectOutput, S3Error> {
        let Place { s3, uri, bucket, key, version } = self.place;
        let permission = if version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        let request = s3.client().await?.get_object().bucket(bucket).key(key).set_version_id(version.map(Into::into));
        let here = self.spool.received_bytes();
        let asked = Asked { uri, bucket, permission };
        if let Some(tag) = self.begun.entity_tag.as_ref().filter(|_| here > 0) {
            let rest = request.range(format!("bytes={here}-")).if_match(tag);
            return rest.send().await.map_err(|error| failed(error, asked));
        }
        if s3.has_checksums() {
            let answer = request.clone().checksum_mode(ChecksumMode::Enabled).send().await;
            match answer.map_err(|error| failed(error, asked)) {
                Err(error) if error.may_be_a_header() => {
                    let answer = request.send().await.map_err(|_| error)?;
                    s3.has_no_checksums(uri);
                    return Ok(answer);
                }
                answer => return answer,
            }
        }
        request.send().await.map_err(|error| failed(error, asked))
    }

    async fn receive(&mut self, mut answer: GetObjectOutput) -> Result<(), FetchError> {
        let here = self.spool.received_bytes();
        match answer.content_range.as_deref() {
            // A store that does not know If-Match sends the rest of another object.
            Some(_) if answer.e_tag != self.begun.entity_tag => return Err(self.changed().into()),
            Some(range) if here == 0 || first_byte(range) != Some(here) => {
                return Err(FetchError::WrongPart { url: self.place.uri.into() });
            }
            Some(_) => {}
            None => {
                self.starts += 1;
                self.spool.start_over().await?;
                self.begun = Begun::of(&answer);
                self.begun.codings = codings(answer.content_encoding.as_deref(), self.place.uri)?;
            }
        }
        let announced = answer.content_length.and_then(|length| u64::try_from(length).ok());
        self.spool.announce(announced.unwrap_or(0))?;
        loop {
            match tokio::time::timeout(self.read_timeout, answer.body.next()).await {
                Ok(Some(Ok(chunk))) => self.spool.write(&chunk).await?,
                Ok(None) if self.is_short() => return Err(self.broken("the answer ended early").into()),
                Ok(None) => return Ok(()),
                // The last thing that can be wrong with an answer is its checksum.
                Ok(Some(Err(_))) if self.begun.size_bytes == Some(self.spool.received_bytes()) => {
                    return Err(self.damaged().into());
                }
                Ok(Some(Err(error))) => return Err(self.broken(error).into()),
                Err(_) => return Err(self.broken("nothing came any more").into()),
            }
        }
    }

    fn is_short(&self) -> bool {
        self.begun.size_bytes.is_some_and(|size| self.spool.received_bytes() < size)
    }

    async fn finish(self) -> Result<Fetched, FetchError> {
        // The SDK checks whole answers only; this holds for what came in pieces too.
        if self.begun.sha256.as_ref().is_some_and(|sha256| *sha256 != base64_of_hex(&self.spool.received_sha256())) {
            return Err(self.damaged().into());
        }
        let Self { spool, begun, place, .. } = self;
        let name = place.key.rsplit('/').next().unwrap_or_default().to_owned();
        let version = begun.version.or_else(|| begun.entity_tag.clone());
        let mut fetched = spool.finish(name, version, begun.codings).await?;
        fetched.entity_tag = begun.entity_tag;
        Ok(fetched)
    }

    fn broken(&self, source: impl Into<aws_sdk_s3::error::BoxError>) -> S3Error {
        let received_bytes = self.spool.received_bytes();
        S3Error::Broken { uri: self.place.uri.into(), received_bytes, source: source.into() }
    }

    fn changed(&self) -> S3Error {
        S3Error::Changed { uri: self.place.uri.into() }
    }

    fn damaged(&self) -> S3Error {
        S3Error::Damaged { uri: self.place.uri.into() }
    }
}

impl Begun {
    fn of(answer: &GetObjectOutput) -> Self {
        Self {
            // Where versions are suspended they are all called `null`.
            version: answer.version_id.clone().filter(|version| version != "null"),
            entity_tag: answer.e_tag.clone().filter(|tag| tag.starts_with('"')),
            size_bytes: answer.content_length.and_then(|length| u64::try_from(length).ok()),
            // Of an object in parts it is a hash of hashes, with the number of parts behind it.
            sha256: answer.checksum_sha256.clone().filter(|sha256| !sha256.contains('-')),
            codings: Vec::new(),
        }
    }
}

/// The digest `hex` in base64, as the store writes it.
fn base64_of_hex(hex: &str) -> String {
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap_or_default(), 16).unwrap_or(0);
    BASE64.encode((0..hex.len()).step_by(2).map(byte).collect::<Vec<_>>())
}
