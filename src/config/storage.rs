//! `[storage]`

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use super::hidden::Hidden;
use super::value::{between, choice, flag, list, optional, path_or_file_url, web_address};

choice! {
    /// Where a bucket's name goes in a request.
    PathStyleKind {
        /// Into the path where an endpoint is set, else into the host's name.
        Auto = "auto",
        /// Into the path.
        Always = "always",
        /// Into the host's name.
        Never = "never",
    }
}

choice! {
    /// How the store encrypts artifacts.
    SseKind {
        /// As the bucket says.
        None = "none",
        /// With a key of the store's.
        Aes256 = "AES256",
        /// With a key in KMS.
        Kms = "aws:kms",
    }
}

/// Where artifacts are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A folder of this machine.
    Folder(PathBuf),
    /// `s3://bucket/prefix`.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// What every key begins with; may be empty.
        prefix: String,
    },
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// Recordings in, artifacts out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Where artifacts are written.
    #[serde(deserialize_with = "output")]
    pub output: Output,
    /// Endpoint of an S3-compatible store.
    #[serde(deserialize_with = "endpoint")]
    pub s3_endpoint: Option<Hidden<url::Url>>,
    /// Where a bucket's name goes in a request.
    pub s3_path_style: PathStyleKind,
    /// How the store encrypts artifacts.
    pub s3_sse: SseKind,
    /// The key's id, where it encrypts with one in KMS; none for the bucket's.
    #[serde(deserialize_with = "optional")]
    pub s3_sse_kms_key_id: Option<String>,
    /// How old an artifact in a bucket is that no job names, before it is removed, in seconds.
    #[serde(deserialize_with = "between::<0, 31_536_000, _, _>")]
    pub orphan_age_secs: u64,
    /// Largest recording, in bytes.
    #[serde(deserialize_with = "between::<1, { u64::MAX / 2 }, _, _>")]
    pub max_bytes: u64,
    /// Longest wait for a connection, in seconds.
    #[serde(deserialize_with = "between::<1, 600, _, _>")]
    pub connect_timeout_secs: u64,
    /// Longest download, in seconds.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub fetch_timeout_secs: u64,
    /// How old a job may be that waits for its recording's address to be signed anew, in seconds.
    #[serde(deserialize_with = "between::<0, 31_536_000, _, _>")]
    pub signature_wait_secs: u64,
    /// Folders of this machine that recordings offered over HTTP and Redis may lie in.
    #[serde(deserialize_with = "list")]
    pub file_roots: Vec<FileRoot>,
    /// Whether recordings may come from private addresses.
    #[serde(deserialize_with = "flag")]
    pub allow_private_hosts: bool,
}

/// An absolute path of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRoot(pub PathBuf);

impl FromStr for FileRoot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = path_or_file_url(text)?;
        if path.is_absolute() { Ok(Self(path)) } else { Err(format!("use absolute paths; `{text}` is none")) }
    }
}

fn output<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Output, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_output(&text).map_err(serde::de::Error::custom)
}

fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Hidden<url::Url>>, D::Error> {
    let endpoint = web_address(deserializer, "use https://host or http://host:port")?;
    let has_more = |url: &url::Url| !url.username().is_empty() || url.password().is_some() || url.query().is_some();
    match endpoint {
        Some(url) if has_more(url.expose()) => Err(serde::de::Error::custom(
            "use https://host or http://host:port; credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile",
        )),
        endpoint => Ok(endpoint),
    }
}

fn parse_output(text: &str) -> Result<Output, String> {
    if text.is_empty() {
        return Err("use a path, a file:/// URL or s3://bucket/prefix".into());
    }
    let Some(place) = text.strip_prefix("s3://") else { return path_or_file_url(text).map(Output::Folder) };
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if bucket.is_empty() || !bucket.chars().all(is_name) || prefix.contains('?') {
        return Err("use s3://bucket/prefix".into());
    }
    Ok(Output::S3 { bucket: bucket.into(), prefix: prefix.trim_matches('/').into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_of_files_is_an_absolute_path() {
        for (text, path) in [("/srv/calls", "/srv/calls"), ("file:///srv/a%20b", "/srv/a b"), ("/", "/")] {
            assert_eq!(text.parse(), Ok(FileRoot(path.into())), "{text}");
        }
        for wrong in ["calls", "./calls", "s3://calls", "file://elsewhere/calls"] {
            assert!(wrong.parse::<FileRoot>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_output_is_a_folder_or_a_prefix_of_a_bucket() {
        let s3 = |bucket: &str, prefix: &str| Ok(Output::S3 { bucket: bucket.into(), prefix: prefix.into() });
        assert_eq!(parse_output("s3://calls"), s3("calls", ""));
        assert_eq!(parse_output("s3://calls/results/2026/"), s3("calls", "results/2026"));
        assert_eq!(parse_output("file:///srv/out"), Ok(Output::Folder("/srv/out".into())));
        assert_eq!(parse_output("out"), Ok(Output::Folder("out".into())));
        for wrong in ["", "s3://", "s3:///prefix", "s3://calls/a?versionId=7", "gs://calls/a"] {
            assert!(parse_output(wrong).is_err(), "{wrong}");
        }
    }
}
