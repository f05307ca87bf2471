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

/// A recording's URI as it may be logged, shown and put on record: without user, password and query, which may hold
/// credentials or a signature.
pub fn shown_uri(uri: &str) -> String {
    let is_web = ["http://", "https://"]
        .iter()
        .any(|scheme| uri.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    if !is_web {
        return uri.into();
    }
    Url::parse(uri).map_or_else(|_| "an invalid http URL".into(), |url| shown_url(&url))
}

/// `url` as it may be shown, as [`shown_uri`].
pub fn shown_url(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs without a host, which http URLs have.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    let has_query = url.query().is_some();
    url.set_query(None);
    if has_query { format!("{url}?…") } else { url.into() }
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

    #[test]
    fn credentials_and_signatures_are_not_shown() {
        let cases = [
            ("https://me:secret@example.org/a.wav?X-Amz-Signature=abc#x", "https://example.org/a.wav?…"),
            ("HTTPS://example.org/a.wav", "https://example.org/a.wav"),
            ("http://[", "an invalid http URL"),
            ("/calls/a?b.wav", "/calls/a?b.wav"),
            ("s3://bucket/key?versionId=7", "s3://bucket/key?versionId=7"),
        ];
        for (uri, expected) in cases {
            assert_eq!(shown_uri(uri), expected);
        }
    }
}
