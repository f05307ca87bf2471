//! Artifacts in a bucket, under names that hold their content's hash: writing one again changes nothing, and whoever reads
//! one reads what the database says or nothing.

use std::path::Path;

use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use earmark_core::{Artifact, Job};
use sha2::{Digest, Sha256};

use super::file::{check_folder_aside, own_folder, put_in};
use super::{ArtifactError, ArtifactStore};
use crate::place;
use crate::s3::{Asked, Listing, S3, S3Error, failed};

/// An object that is written and removed to see whether that can be done.
const PROBE: &str = "earmark-probe";

/// How the store encrypts what it keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sse {
    /// As the bucket says.
    #[default]
    AsTheBucket,
    /// With a key of the store's.
    Aes256,
    /// With a key in KMS: that one, or the account's default.
    Kms(Option<String>),
}

/// Artifacts at `s3://{bucket}/{prefix}/{tenant}/{job_id}/{stem}.{sha256}.{extension}`; in a folder for a job with one of
/// its own.
#[derive(Debug, Clone)]
pub struct S3Artifacts {
    s3: S3,
    bucket: String,
    /// Empty, or with `/` at its end.
    prefix: String,
    sse: Sse,
}

impl S3Artifacts {
    /// Artifacts in `bucket` under `prefix`.
    pub fn new(s3: S3, bucket: &str, prefix: &str, sse: Sse) -> Self {
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Self { s3, bucket: bucket.into(), prefix, sse }
    }

    /// All objects under the prefix, artifacts or not, in order of their keys.
    pub fn listing(&self) -> Listing {
        Listing::new(self.s3.clone(), &self.bucket, &self.prefix)
    }

    /// What the keys of all artifacts begin with: empty, or with `/` at its end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The object `key` as `s3://bucket/key`.
    pub fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// Writes the object `key` unless it is there.
    async fn write(&self, key: &str, content_type: &str, bytes: &[u8], digest: &[u8]) -> Result<(), S3Error> {
        let (condition, checksum) = (self.s3.has_conditions(), self.s3.has_checksums());
        let refused = match self.write_with(key, content_type, bytes, digest, (condition, checksum)).await {
            Err(error) if error.may_be_a_header() && (condition || checksum) => error,
            written => return written,
        };
        // A store that does not know the condition, or the checksum. Writing the same again does no harm.
        for (keeps_condition, keeps_checksum) in [(false, true), (true, false), (false, false)] {
            let with = (condition && keeps_condition, checksum && keeps_checksum);
            if with == (condition, checksum) || with != (keeps_condition, keeps_checksum) {
                continue;
            }
            match self.write_with(key, content_type, bytes, digest, with).await {
                Err(error) if error.may_be_a_header() => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    if condition && !with.0 {
                        self.s3.has_no_conditions(&self.uri(key));
                    }
                    if checksum && !with.1 {
                        self.s3.has_no_checksums(&self.uri(key));
                    }
                    return Ok(());
                }
            }
        }
        // It is something else that it refuses.
        Err(refused)
    }

    async fn write_with(
        &self,
        key: &str,
        content_type: &str,
        bytes: &[u8],
        digest: &[u8],
        (condition, checksum): (bool, bool),
    ) -> Result<(), S3Error> {
        let mut request = self.s3.client().await?.put_object().bucket(&self.bucket).key(key);
        request = request.content_type(content_type).body(ByteStream::from(bytes.to_vec()));
        if checksum {
            request = request.checksum_sha256(BASE64.encode(digest));
        }
        if condition {
            request = request.if_none_match("*");
        }
        request = match &self.sse {
            Sse::AsTheBucket => request,
            Sse::Aes256 => request.server_side_encryption(ServerSideEncryption::Aes256),
            Sse::Kms(key) => {
                request.server_side_encryption(ServerSideEncryption::AwsKms).set_ssekms_key_id(key.clone())
            }
        };
        match request.send().await.map_err(|error| failed(error, self.asked(&self.uri(key), "s3:PutObject"))) {
            // Its name holds its hash: what is there is the same.
            Err(S3Error::Changed { .. }) if condition => Ok(()),
            written => written.map(drop),
        }
    }

    /// Removes the object `key`; it may be gone already.
    pub async fn remove(&self, key: &str) -> Result<(), ArtifactError> {
        let uri = self.uri(key);
        let removed = async {
            let request = self.s3.client().await?.delete_object().bucket(&self.bucket).key(key);
            request.send().await.map(drop).map_err(|error| failed(error, self.asked(&uri, "s3:DeleteObject")))
        };
        removed.await.map_err(|source| self.failed(key, source))
    }

    fn asked<'a>(&'a self, uri: &'a str, permission: &'static str) -> Asked<'a> {
        Asked { uri, bucket: &self.bucket, permission }
    }

    /// What could not be done with the object or prefix `key`, and why.
    pub fn failed(&self, key: &str, source: S3Error) -> ArtifactError {
        ArtifactError::Bucket { uri: self.uri(key), source }
    }
}

#[async_trait]
impl ArtifactStore for S3Artifacts {
    async fn put(&self, job: &Job, name: &str, bytes: &[u8]) -> Result<Artifact, ArtifactError> {
        if let Some(folder) = own_folder(job) {
            return put_in(folder, name, bytes).await;
        }
        let digest = Sha256::digest(bytes);
        let sha256 = earmark_core::hex(&digest);
        let key = format!("{}{}/{}/{}", self.prefix, job.tenant, job.id, hashed_name(name, &sha256));
        self.write(&key, content_type(name), bytes, &digest).await.map_err(|source| self.failed(&key, source))?;
        Ok(Artifact {
            name: name.into(),
            sha256,
            uri: self.uri(&key),
            size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        })
    }

    async fn check(&self) -> Result<(), ArtifactError> {
        // Two that look at the same time must not take each other's.
        let key = format!("{}{PROBE}-{:016x}", self.prefix, fastrand::u64(..));
        let written = self.write(&key, "text/plain", b"earmark", &Sha256::digest(b"earmark")).await;
        written.map_err(|source| self.failed(&key, source))?;
        self.remove(&key).await
    }

    fn place(&self, job: &Job) -> String {
        match &job.options.out_dir {
            Some(folder) => place::of_folder(Path::new(folder)),
            None => place::of_bucket(&self.bucket, self.s3.options().endpoint.as_deref()),
        }
    }

    async fn check_for(&self, job: &Job) -> Result<(), ArtifactError> {
        match &job.options.out_dir {
            Some(folder) => check_folder_aside(Path::new(folder)).await,
            None => self.check().await,
        }
    }
}

/// `report.json` as `report.{sha256}.json`.
fn hashed_name(name: &str, sha256: &str) -> String {
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}.{sha256}.{extension}"),
        None => format!("{name}.{sha256}"),
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("json") => "application/json",
        Some("vtt") => "text/vtt; charset=utf-8",
        Some("srt") => "application/x-subrip; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_stands_before_the_extension() {
        assert_eq!(hashed_name("report.json", "ab"), "report.ab.json");
        assert_eq!(hashed_name("transcript.channel.srt", "ab"), "transcript.channel.ab.srt");
        assert_eq!(hashed_name("report", "ab"), "report.ab");
    }
}
