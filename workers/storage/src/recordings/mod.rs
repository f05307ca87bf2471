//! Recordings: fetching them from where they lie.

/// A recording's URI as it may be logged, shown and put on record: without user, password and query, which may hold
/// credentials or a signature.
pub fn shown_uri(uri: &str) -> String {
    let is_web = ["http://", "https://"].iter().any(|scheme| uri.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    if !is_web {
        return uri.into();
    }
    let Ok(mut url) = url::Url::parse(uri) else { return "an invalid http URL".into() };
    // Both only fail for URLs without a host, which http URLs have.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if url.query().is_some() {
        url.set_query(Some("…"));
    }
    url.set_fragment(None);
    url.into()
}
