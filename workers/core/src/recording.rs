//! Where a recording lies: its URI, which may hold secrets, and the address that it spells.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use crate::signed::unsigned;

/// A recording's URI, kept as its producer gave it.
///
/// Displayed, debugged and serialized it is without what may be a credential or a signature: user, password, query and
/// fragment of a web address are left out (`https://host/a.wav?…`). Paths, `file:` and `s3:` URIs, and web addresses
/// without any of these, stay as they are. Only [`expose`](Self::expose) gives all of it. Deserialized it is whatever was
/// written.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct RecordingUri(String);

impl RecordingUri {
    /// Longest that is taken, in bytes: more than any object store's longest key with its bucket and version.
    pub const MAX_BYTES: usize = 4096;

    /// All of it, secrets included: for the fetch, the journal's columns and the hash that tells jobs apart; for nothing
    /// that is shown, logged or written elsewhere.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it has a length and characters that a URI may have, whatever it means.
    ///
    /// # Errors
    /// [`UriError::Empty`], [`UriError::TooLong`], [`UriError::Nul`].
    pub fn check(&self) -> Result<(), UriError> {
        if self.0.is_empty() {
            return Err(UriError::Empty);
        }
        if self.0.len() > Self::MAX_BYTES {
            return Err(UriError::TooLong(self.0.len()));
        }
        if self.0.contains('\0') {
            return Err(UriError::Nul);
        }
        Ok(())
    }

    /// The address that it spells. Whatever has no `scheme://` is a path.
    ///
    /// # Errors
    /// [`UriError`], every variant.
    pub fn address(&self) -> Result<Address, UriError> {
        self.check()?;
        let text = self.0.as_str();
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(Address::File(text.into())) };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                let url = Url::parse(text).map_err(|error| self.malformed(error))?;
                let path = url.to_file_path().map_err(|()| self.malformed("a file URL is file:///absolute/path"))?;
                Ok(Address::File(path))
            }
            "http" | "https" => Ok(Address::Http(Url::parse(text).map_err(|error| self.malformed(error))?)),
            "s3" => {
                let (path, version) = match rest.rsplit_once("?versionId=") {
                    Some((path, version)) => (path, Some(version.to_owned())),
                    None => (rest, None),
                };
                match path.split_once('/') {
                    Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                        Ok(Address::S3 { bucket: bucket.into(), key: key.into(), version })
                    }
                    _ => Err(self.malformed("an S3 URI is s3://bucket/key")),
                }
            }
            other => Err(UriError::Scheme(other.into())),
        }
    }

    /// Which recording it names, until whenever it may be fetched: a web address without password and what signs it,
    /// whatever else it is as it stands. The user stays: a mailbox's address may be the same for all. Not to be shown: a
    /// user and other parts of a query may be secrets too.
    pub fn recording(&self) -> Cow<'_, str> {
        let Ok(Address::Http(url)) = self.address() else { return Cow::Borrowed(&self.0) };
        let mut url = match unsigned(&url) {
            Some(url) => url,
            None if url.password().is_some() => url,
            None => return Cow::Borrowed(&self.0),
        };
        // Fails only for URLs without a host, which http URLs have.
        let _ = url.set_password(None);
        Cow::Owned(url.into())
    }

    fn malformed(&self, why: impl fmt::Display) -> UriError {
        UriError::Malformed { uri: self.clone(), why: why.to_string() }
    }

    /// What may be shown of it.
    fn shown(&self) -> Cow<'_, str> {
        if !may_hold_secrets(&self.0) {
            return Cow::Borrowed(&self.0);
        }
        match Url::parse(&self.0) {
            Ok(url) if has_no_secret(&url) => Cow::Borrowed(&self.0),
            Ok(url) => Cow::Owned(shown_url(&url)),
            Err(_) => Cow::Borrowed("an invalid http URL"),
        }
    }
}

impl From<String> for RecordingUri {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for RecordingUri {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// Compares all of it.
impl PartialEq<&str> for RecordingUri {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for RecordingUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.shown())
    }
}

impl fmt::Debug for RecordingUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.shown(), f)
    }
}

impl Serialize for RecordingUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown())
    }
}

/// A recording's address: equal where two URIs spell the same place.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// `file:///…` or a path, taken as it stands (a `?` is part of the name).
    File(PathBuf),
    /// `https://…` or `http://…`.
    Http(Url),
    /// `s3://bucket/key[?versionId=…]`.
    S3 {
        /// The bucket's name; not empty.
        bucket: String,
        /// The object's key; not empty.
        key: String,
        /// The object's version, where one is asked for.
        version: Option<String>,
    },
}

/// As it may be shown, like a [`RecordingUri`].
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Http(url) => f.write_str(&shown_url(url)),
            Self::S3 { bucket, key, version: Some(version) } => write!(f, "s3://{bucket}/{key}?versionId={version}"),
            Self::S3 { bucket, key, version: None } => write!(f, "s3://{bucket}/{key}"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Why a text is no recording's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Nothing there.
    #[error("the recording's URI is empty")]
    Empty,
    /// Longer than [`RecordingUri::MAX_BYTES`], as it was given or written out as an absolute URI.
    #[error("the recording's URI has {0} bytes, the limit is {max}", max = RecordingUri::MAX_BYTES)]
    TooLong(usize),
    /// A character that no path and no database holds.
    #[error("the recording's URI holds a NUL character")]
    Nul,
    /// Not a scheme earmark reads.
    #[error("`{0}:` is not a scheme earmark reads")]
    Scheme(String),
    /// The scheme is known, the rest makes no sense.
    #[error("`{uri}` is not a valid URI: {why}")]
    Malformed {
        /// As given.
        uri: RecordingUri,
        /// What is wrong.
        why: String,
    },
}

/// `url` as it may be shown, logged and put on record: without user, password, query and fragment, which may hold
/// credentials or a signature.
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

fn has_no_secret(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none()
}

/// Whether `text` is, or was meant to be, an address on some server that is not an object store.
fn may_hold_secrets(text: &str) -> bool {
    // The parser of URLs takes no notice of blanks before the scheme and of line breaks within.
    let text = text.trim_start_matches(|c: char| c <= ' ');
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let scheme: String = scheme.chars().filter(|c| !c.is_ascii_control()).collect();
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => true,
        "file" | "s3" => false,
        other => {
            rest.starts_with("//") && other.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Result<Address, UriError> {
        RecordingUri::from(text).address()
    }

    #[test]
    fn every_form_of_address_is_understood() {
        assert_eq!(address("calls/a?b.wav"), Ok(Address::File("calls/a?b.wav".into())));
        assert_eq!(address("file:///tmp/a%20b.wav"), Ok(Address::File("/tmp/a b.wav".into())));
        assert!(matches!(address("https://example.org/a.wav"), Ok(Address::Http(_))));
        assert_eq!(
            address("s3://calls/2026/a b.wav?versionId=7"),
            Ok(Address::S3 { bucket: "calls".into(), key: "2026/a b.wav".into(), version: Some("7".into()) })
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
            let error = address(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_recording_is_the_same_by_another_password_and_another_for_another_user() {
        let same =
            |one: &str, other: &str| RecordingUri::from(one).recording() == RecordingUri::from(other).recording();
        assert!(same("https://alice:old@pbx/latest.wav", "https://alice:new@pbx/latest.wav"));
        assert!(same("https://alice:pw@pbx/latest.wav", "https://alice@pbx/latest.wav"));
        assert!(same("https://alice:pw@pbx/a.wav?X-Amz-Signature=a", "https://alice@pbx/a.wav?X-Amz-Signature=b"));
        for other in ["https://bob:pw@pbx/latest.wav", "https://pbx/latest.wav", "https://:pw@pbx/latest.wav"] {
            assert!(!same("https://alice:pw@pbx/latest.wav", other), "{other}");
        }
    }

    #[test]
    fn credentials_and_signatures_are_not_shown() {
        let cases = [
            ("https://me:secret@example.org/a.wav?X-Amz-Signature=abc#x", "https://example.org/a.wav?…"),
            (" ht\ntps://me:secret@example.org/a.wav", "https://example.org/a.wav"),
            ("ftp://me:secret@example.org/a.wav?x", "ftp://example.org/a.wav?…"),
            ("https:me:secret@example.org", "https://example.org/"),
            ("https://example.org/a.wav?…", "https://example.org/a.wav?…"),
            // Without a secret it is the caller's string.
            ("HTTPS://example.org/a.wav", "HTTPS://example.org/a.wav"),
            ("http://[", "an invalid http URL"),
            ("/calls/a?b.wav", "/calls/a?b.wav"),
            ("C:/calls/a?b.wav", "C:/calls/a?b.wav"),
            ("s3://bucket/key?versionId=7", "s3://bucket/key?versionId=7"),
        ];
        for (text, expected) in cases {
            let uri = RecordingUri::from(text);
            assert_eq!(uri.to_string(), expected);
            assert_eq!(format!("{uri:?}"), format!("{expected:?}"));
            assert_eq!(serde_json::to_value(&uri).unwrap(), expected);
            assert_eq!(uri.expose(), text);
        }
        let stored: RecordingUri = serde_json::from_str("\"https://example.org/a.wav?x=1\"").unwrap();
        assert_eq!(stored.expose(), "https://example.org/a.wav?x=1");
        let told =
            format!("{:?} {}", address("https://me:secret@h/a").unwrap(), address("https://me:secret@/").unwrap_err());
        assert!(!told.contains("secret"), "{told}");
    }
}
