//! Where an offered recording lies, spelt the same way whoever offers it.

use std::path::Path;

use earmark_core::{Address, RecordingUri, UriError};
use url::Url;

use crate::error::OfferError;

/// The location that `uri` means, or `path` where its door has found that it is one: `/a/b.wav`, `file:///a/b.wav` and
/// `file://localhost/a/b.wav` are one, and so are web addresses that a server cannot tell apart.
///
/// # Errors
/// [`OfferError::Uri`], [`OfferError::Folder`], [`OfferError::RelativePath`].
pub(crate) fn location(uri: &RecordingUri, path: Option<&Path>) -> Result<RecordingUri, OfferError> {
    let address = match path {
        Some(path) => {
            uri.check()?;
            Address::File(path.into())
        }
        None => uri.address()?,
    };
    let is_on_the_web = matches!(address, Address::Http(_));
    if path.is_none() && !is_on_the_web && uri.expose().ends_with('/') {
        return Err(OfferError::Folder(uri.clone()));
    }
    let location = match address {
        Address::File(path) => file(&path).ok_or_else(|| OfferError::RelativePath(uri.clone()))?,
        Address::Http(mut url) => {
            // It is never sent.
            url.set_fragment(None);
            String::from(url)
        }
        Address::S3 { .. } => address.to_string(),
    };
    if location.len() > RecordingUri::MAX_BYTES {
        return Err(UriError::TooLong(location.len()).into());
    }
    Ok(location.into())
}

/// None for a path that is relative.
fn file(path: &Path) -> Option<String> {
    let url = Url::from_file_path(path).ok()?;
    // Read once more, `..` is gone, as it is from every URL that is read.
    Url::parse(url.as_str()).ok().map(String::from)
}
