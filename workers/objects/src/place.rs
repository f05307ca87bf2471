//! What the places are called where recordings come from and artifacts go: as people know them, and without secrets.

use std::path::Path;

use earmark_core::Address;
use url::Url;

/// The place that the recording at `address` is asked of; buckets are those of the store at `endpoint`.
pub(crate) fn of(address: &Address, endpoint: Option<&str>) -> String {
    match address {
        Address::Http(url) => of_host(url),
        Address::S3 { bucket, .. } => of_bucket(bucket, endpoint),
        Address::File(path) => of_folder(path.parent().unwrap_or(path)),
    }
}

/// The host of `url`, with scheme and port: `https://host:8443`.
pub(crate) fn of_host(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// A bucket, and where it is if it is not at AWS: `s3://bucket at host:9000`.
pub(crate) fn of_bucket(bucket: &str, endpoint: Option<&str>) -> String {
    // Of an endpoint only what may be shown.
    let at = endpoint.and_then(|endpoint| Url::parse(endpoint).ok()).map(|url| {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!(" at {}{port}", url.host_str().unwrap_or_default())
    });
    format!("s3://{bucket}{}", at.unwrap_or_default())
}

/// A folder and its machine: another machine's folder of that name is another place.
pub fn of_folder(folder: &Path) -> String {
    format!("{} on {}", folder.display(), rustix::system::uname().nodename().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_called_as_people_know_them_and_without_secrets() {
        let url = |text| Url::parse(text).unwrap();
        assert_eq!(of_host(&url("https://me:pw@calls.example:8443/a.wav?sig=x")), "https://calls.example:8443");
        assert_eq!(of_host(&url("https://calls.example:443/a.wav")), "https://calls.example");
        assert_eq!(of_bucket("calls", None), "s3://calls");
        assert_eq!(of_bucket("calls", Some("http://me:pw@store:9000")), "s3://calls at store:9000");
        assert!(of_folder(Path::new("/out")).starts_with("/out on "));
    }
}
