//! Where a recording lies.

use std::path::PathBuf;

use url::Url;

/// A recording's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordingUri {
    /// `file:///…` or a path, taken as it stands (a `?` is part of the name).
    File(PathBuf),
    /// `https://…` or `http://…`.
    Http(Url),
    /// `s3://bucket/key[?versionId=…]`.
    S3 {
        /// Bucket.
        bucket: String,
        /// Key; not empty.
        key: String,
        /// Version, where one is asked for.
        version: Option<String>,
    },
}

/// Why a text is no recording's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Nothing there.
    #[error("the recording's URI is empty")]
    Empty,
    /// Longer than [`RecordingUri::MAX_BYTES`].
    #[error("the recording's URI has {0} bytes, the limit is {max}", max = RecordingUri::MAX_BYTES)]
    TooLong(usize),
    /// Not a scheme earmark reads.
    #[error("`{0}:` is not a scheme earmark reads")]
    Scheme(String),
    /// The scheme is known, the rest makes no sense.
    #[error("`{uri}` is not a valid URI: {why}")]
    Malformed {
        /// As given.
        uri: String,
        /// What is wrong.
        why: String,
    },
}

impl RecordingUri {
    /// More than any object store's longest key with its bucket and version.
    pub const MAX_BYTES: usize = 4096;

    /// The address in `text`. Whatever has no `scheme://` is a path.
    ///
    /// # Errors
    /// [`UriError`], every variant.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        if text.is_empty() {
            return Err(UriError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(UriError::TooLong(text.len()));
        }
        let malformed = |why: String| UriError::Malformed { uri: text.into(), why };
        if text.contains('\0') {
            return Err(malformed("it holds a NUL byte".into()));
        }
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(Self::File(text.into())) };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                let url = Url::parse(text).map_err(|error| malformed(error.to_string()))?;
                let path = url.to_file_path().map_err(|()| malformed("a file URL is file:///absolute/path".into()))?;
                Ok(Self::File(path))
            }
            "http" | "https" => Ok(Self::Http(Url::parse(text).map_err(|error| malformed(error.to_string()))?)),
            "s3" => {
                let (path, version) = match rest.rsplit_once("?versionId=") {
                    Some((path, version)) => (path, Some(version.to_owned())),
                    None => (rest, None),
                };
                match path.split_once('/') {
                    Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                        Ok(Self::S3 { bucket: bucket.into(), key: key.into(), version })
                    }
                    _ => Err(malformed("an S3 URI is s3://bucket/key".into())),
                }
            }
            other => Err(UriError::Scheme(other.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_address_is_understood() {
        assert_eq!(RecordingUri::parse("calls/a?b.wav"), Ok(RecordingUri::File("calls/a?b.wav".into())));
        assert_eq!(RecordingUri::parse("file:///tmp/a%20b.wav"), Ok(RecordingUri::File("/tmp/a b.wav".into())));
        assert!(matches!(RecordingUri::parse("https://example.org/a.wav"), Ok(RecordingUri::Http(_))));
        assert_eq!(
            RecordingUri::parse("s3://calls/2026/a b.wav?versionId=7"),
            Ok(RecordingUri::S3 { bucket: "calls".into(), key: "2026/a b.wav".into(), version: Some("7".into()) })
        );
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, part) in [
            ("", "empty"),
            ("ftp://a/b", "`ftp:`"),
            ("s3://bucket", "s3://bucket/key"),
            ("https://", "not a valid URI"),
            ("a\0b", "NUL"),
        ] {
            let error = RecordingUri::parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
