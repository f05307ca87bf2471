//! What servers say to signed addresses: what is over waits to be signed anew, all else is as for any address.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::Duration;

use earmark_core::{Disposition, Failure, RecordingUri};
use earmark_objects::{FetchLimits, RecordingStore as _, Recordings, S3, S3Options};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

const OVER: &str = "X-Amz-Date=20200101T000000Z&X-Amz-Expires=900&X-Amz-Signature=s";
const GOOD: &str = "X-Amz-Date=20990101T000000Z&X-Amz-Expires=900&X-Amz-Signature=s";
const EXPIRED: &str = "<?xml version=\"1.0\"?><Error><Code>ExpiredToken</Code><Message>secret</Message></Error>";

#[tokio::test]
async fn a_signed_address_that_is_over_waits_and_costs_no_try_and_one_that_is_good_still_is_refused() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for (query, status, body, code, waits) in [
        (OVER, 403, "", "fetch.expired", true),
        (OVER, 401, "", "fetch.expired", true),
        ("Policy=p&Signature=s&Key-Pair-Id=K", 403, "", "fetch.expired", true),
        ("sv=1&se=2020-01-01T00:00:00Z&sig=s", 403, "", "fetch.expired", true),
        // Whoever signed it may have had to leave before.
        (&format!("{GOOD}&X-Amz-Security-Token=t"), 403, "", "fetch.expired", true),
        (OVER, 400, EXPIRED, "fetch.expired", true),
        (GOOD, 403, "", "fetch.forbidden", false),
        ("id=17", 403, "", "fetch.forbidden", false),
        ("id=17", 400, EXPIRED, "fetch.refused", false),
        (OVER, 400, "<Error><Code>InvalidArgument</Code></Error>", "fetch.refused", false),
        (OVER, 404, "", "fetch.not_found", false),
    ] {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(status).set_body_string(body)).mount(&server).await;
        let uri = RecordingUri::from(format!("{}/call.wav?{query}", server.uri()));
        let folder = tempfile::tempdir().unwrap();
        let limits = FetchLimits { allow_private: true, ..FetchLimits::default() };
        let store = Recordings::new(S3::new(S3Options::default()));
        let error = store.fetch(&uri.address().unwrap(), folder.path(), &limits).await.unwrap_err();
        assert_eq!(error.code(), code, "{query} {status}");
        let has_waited = error.disposition() == Disposition::RetryAfter(Duration::from_secs(600));
        assert_eq!(has_waited, waits, "{query} {status}");
        let told = format!("{:?} {:?}", error.problem(), error);
        assert!(!told.contains(query) && !told.contains("secret"), "{told}");
    }
}
