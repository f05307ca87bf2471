//! Recordings in an object store: fetched whole, resumed where a connection broke, and every answer with its fate.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::Path;
use std::time::Duration;

use earmark_core::{Disposition, Failure, RecordingUri, sha256_hex};
use earmark_objects::{FetchError, FetchLimits, Fetched, Listing, RecordingStore, Recordings, S3, S3Error, S3Options};
use earmark_servers::{Rates, S3Server};

const URI: &str = "s3://calls/2026/a b 录.wav";
const KEY: &str = "2026/a b 录.wav";

fn limits() -> FetchLimits {
    FetchLimits { max_bytes: 1 << 20, timeout: Duration::from_secs(60), ..FetchLimits::default() }
}

fn options(server: &S3Server) -> S3Options {
    S3Options { endpoint: Some(server.endpoint()), ..S3Options::default() }
}

fn s3(server: &S3Server) -> S3 {
    S3::with_key(options(server), S3Server::ACCESS_KEY, S3Server::SECRET_KEY)
}

async fn fetch(s3: &S3, uri: &str, into: &Path, limits: &FetchLimits) -> Result<Fetched, FetchError> {
    Recordings::new(s3.clone()).fetch(&RecordingUri::from(uri).address()?, into, limits).await
}

/// Half a megabyte in which no two pieces are the same.
fn audio() -> Vec<u8> {
    (0..1_u32 << 17).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

#[tokio::test]
async fn an_object_is_fetched_to_disk_with_its_hash_and_version_and_goes_with_its_handle() {
    let server = S3Server::start(&["calls"]).await;
    server.lay("calls", KEY, &audio());
    let folder = tempfile::tempdir().unwrap();
    let fetched = fetch(&s3(&server), URI, &folder.path().join("made"), &limits()).await.unwrap();
    assert_eq!(std::fs::read(fetched.path()).unwrap(), audio());
    assert_eq!(
        (fetched.sha256.clone(), fetched.name.as_str(), fetched.size_bytes),
        (sha256_hex(&audio()), "a b 录.wav", 1 << 19)
    );
    // A list knows the same version, without quotes.
    let listed = Listing::new(s3(&server), "calls", "2026/").next().await.unwrap().unwrap();
    fetched.check_version(&listed.entity_tag.unwrap()).unwrap();
    let error = fetched.check_version("another").expect_err("not what was offered");
    assert!(matches!(&error, FetchError::Replaced { uri, expected, .. } if uri == URI && expected == "another"));
    assert_eq!((error.code(), error.disposition()), ("fetch.replaced", Disposition::Fail));
    let copy = fetched.path().to_owned();
    drop(fetched);
    assert!(!copy.exists());
}

#[tokio::test]
async fn after_broken_connections_only_the_rest_is_asked_for() {
    let server = S3Server::start(&["calls"]).await;
    server.lay("calls", KEY, &audio());
    server.faults().cut_next(3, 100_000);
    let folder = tempfile::tempdir().unwrap();
    let fetched = fetch(&s3(&server), URI, folder.path(), &limits()).await.unwrap();
    assert_eq!(fetched.sha256, sha256_hex(&audio()));
    let asked = server.take_requests();
    let ranges: Vec<Option<&str>> = asked.iter().map(|asked| asked.range.as_deref()).collect();
    assert_eq!(ranges, [None, Some("bytes=100000-"), Some("bytes=200000-"), Some("bytes=300000-")]);
    assert_eq!(server.sent_bytes(), 1 << 19, "no byte was sent twice");
}

#[tokio::test]
async fn a_silent_connection_is_given_up_and_the_rest_asked_for() {
    let server = S3Server::start(&["calls"]).await;
    server.lay("calls", KEY, &audio());
    server.faults().stall_next(1000);
    let impatient = S3Options { read_timeout: Duration::from_millis(300), ..options(&server) };
    let impatient = S3::with_key(impatient, S3Server::ACCESS_KEY, S3Server::SECRET_KEY);
    let folder = tempfile::tempdir().unwrap();
    let fetched = fetch(&impatient, URI, folder.path(), &limits()).await.unwrap();
    assert_eq!(fetched.sha256, sha256_hex(&audio()));
    assert_eq!(server.take_requests()[1].range.as_deref(), Some("bytes=1000-"));
}

#[tokio::test]
async fn a_connection_that_brings_nothing_more_is_not_resumed_for_ever() {
    let server = S3Server::start(&["calls"]).await;
    server.lay("calls", KEY, &audio());
    server.faults().cut_next(1, 1000);
    server.faults().cut_next(1, 0);
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(&s3(&server), URI, folder.path(), &limits()).await.expect_err("nothing comes");
    assert!(matches!(error, FetchError::S3(S3Error::Broken { received_bytes: 1000, .. })), "{error:?}");
    assert_eq!(error.disposition(), Disposition::Retry);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no temporary file is left");
}

/// Writes the object again while it is fetched: the connection breaks, and what is there then is another.
async fn fetch_while_it_changes(server: &S3Server) -> Result<Fetched, FetchError> {
    server.lay("calls", KEY, &audio());
    server.faults().stall_next(1000);
    let impatient = S3Options { read_timeout: Duration::from_millis(500), ..options(server) };
    let impatient = S3::with_key(impatient, S3Server::ACCESS_KEY, S3Server::SECRET_KEY);
    let folder = tempfile::tempdir().unwrap();
    let limits = limits();
    let fetching = fetch(&impatient, URI, folder.path(), &limits);
    let changing = async {
        while server.sent_bytes() < 1000 {
            tokio::task::yield_now().await;
        }
        server.lay("calls", KEY, b"other bytes, fewer of them");
    };
    tokio::join!(fetching, changing).0
}

#[tokio::test]
async fn an_object_that_was_written_again_meanwhile_is_fetched_from_the_start() {
    let server = S3Server::start(&["calls"]).await;
    let fetched = fetch_while_it_changes(&server).await.unwrap();
    assert_eq!(fetched.sha256, sha256_hex(b"other bytes, fewer of them"));
}

#[tokio::test]
async fn a_store_that_does_not_look_at_conditions_is_seen_through_too() {
    let server = S3Server::start(&["calls"]).await;
    server.faults().ignore_if_match();
    let fetched = fetch_while_it_changes(&server).await.unwrap();
    assert_eq!(fetched.sha256, sha256_hex(b"other bytes, fewer of them"));
}

#[tokio::test]
async fn an_object_of_which_every_piece_is_another_is_tried_again_later() {
    let server = S3Server::start(&["calls"]).await;
    server.lay("calls", KEY, &audio());
    let folder = tempfile::tempdir().unwrap();
    // Each time it is begun, it breaks, and is another then.
    server.faults().cut_next(1, 1000);
    let store = s3(&server);
    let limits = limits();
    let fetching = fetch(&store, URI, folder.path(), &limits);
    let changing = async {
        for version in 0_u32.. {
            server.faults().cut_next(2, 1000);
            server.lay("calls", KEY, &[version.to_le_bytes().as_slice(), &audio()].concat());
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        fetched = fetching => {
            let error = fetched.expect_err("it never stays the same");
            assert!(matches!(error, FetchError::S3(S3Error::Changed { .. } | S3Error::Broken { .. })), "{error:?}");
            assert_eq!(error.disposition(), Disposition::Retry);
        }
        () = changing => unreachable!("it goes on for ever"),
    }
}

#[tokio::test]
async fn more_than_the_limit_is_refused_before_a_byte_is_kept_and_nothing_is_no_recording() {
    let server = S3Server::start(&["calls"]).await;
    server.lay("calls", KEY, &audio());
    server.lay("calls", "empty.wav", b"");
    let folder = tempfile::tempdir().unwrap();
    let small = FetchLimits { max_bytes: 1000, ..limits() };
    let error = fetch(&s3(&server), URI, folder.path(), &small).await.expect_err("too large");
    assert!(matches!(error, FetchError::TooLarge { size: Some(524_288), limit: 1000, .. }), "{error:?}");
    let error = fetch(&s3(&server), "s3://calls/empty.wav", folder.path(), &limits()).await.expect_err("empty");
    assert!(matches!(error, FetchError::Empty { .. }), "{error:?}");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = fetch(&s3(&server), URI, &file, &limits()).await.expect_err("no folder");
    assert!(matches!(error, FetchError::Spool { .. }), "{error:?}");
}

#[tokio::test]
async fn every_answer_of_the_store_decides_the_jobs_fate() {
    let server = S3Server::start(&["calls"]).await;
    server.lay("calls", KEY, &audio());
    let folder = tempfile::tempdir().unwrap();
    let (fail, person) = (Disposition::Fail, Disposition::RetryAfter(Duration::from_secs(60)));
    let cases = [
        (404, "NoSuchBucket", "s3.no_such_bucket", fail),
        (404, "NoSuchVersion", "s3.no_such_version", fail),
        (403, "AccessDenied", "s3.access_denied", fail),
        (400, "ExpiredToken", "s3.credentials", person),
        (403, "RequestTimeTooSkewed", "s3.clock_skewed", person),
        (403, "InvalidObjectState", "s3.archived", Disposition::RetryAfter(Duration::from_secs(3600))),
        (301, "PermanentRedirect", "s3.wrong_region", person),
        (500, "InternalError", "s3.unavailable", Disposition::Retry),
    ];
    for (status, word, code, disposition) in cases {
        let store = s3(&server);
        server.faults().answer_next(3, status, word);
        let error = fetch(&store, URI, folder.path(), &limits()).await.expect_err(word);
        assert_eq!((error.code(), error.disposition()), (code, disposition), "{word}: {error:?}");
        assert!(error.hint().is_some(), "{word}");
        server.faults().clear();
    }
    server.faults().answer_next(3, 503, "SlowDown");
    let error = fetch(&s3(&server), URI, folder.path(), &limits()).await.expect_err("SlowDown");
    let Disposition::RetryAfter(wait) = error.disposition() else { panic!("{error:?}") };
    assert!((Duration::from_secs(5)..=Duration::from_secs(10)).contains(&wait), "{wait:?}");

    let missing = fetch(&s3(&server), "s3://calls/none.wav", folder.path(), &limits()).await.expect_err("none");
    assert!(matches!(&missing, FetchError::S3(S3Error::NoSuchKey { uri }) if uri == "s3://calls/none.wav"));
    let stranger = S3::with_key(options(&server), S3Server::ACCESS_KEY, "another secret");
    let error = fetch(&stranger, URI, folder.path(), &limits()).await.expect_err("a wrong secret");
    assert_eq!((error.code(), error.disposition()), ("s3.credentials", person), "{error:?}");
    assert!(!format!("{error:?}").contains("another secret"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no temporary file is left");
}

#[tokio::test]
async fn a_store_in_trouble_for_a_moment_costs_no_try() {
    let server = S3Server::start(&["calls"]).await;
    server.lay("calls", KEY, &audio());
    server.faults().answer_next(1, 500, "InternalError");
    server.faults().answer_next(1, 503, "SlowDown");
    let folder = tempfile::tempdir().unwrap();
    let fetched = fetch(&s3(&server), URI, folder.path(), &limits()).await.unwrap();
    assert_eq!(fetched.sha256, sha256_hex(&audio()));
}

#[tokio::test]
async fn nobody_listening_is_told_apart_from_everything_else() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let nobody = S3::with_key(S3Options { endpoint: Some(endpoint), ..S3Options::default() }, "key", "secret");
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(&nobody, URI, folder.path(), &limits()).await.expect_err("nobody listens");
    assert_eq!((error.code(), error.disposition()), ("s3.connect", Disposition::Retry), "{error:?}");
}

#[tokio::test]
async fn bytes_that_do_not_match_the_stores_checksum_are_not_believed_whole_or_in_pieces() {
    let server = S3Server::start(&["calls"]).await;
    let folder = tempfile::tempdir().unwrap();
    // An artifact is written with its checksum; its key is as good as any for a fetch.
    let artifacts = earmark_objects::S3Artifacts::new(s3(&server), "calls", "", earmark_objects::Sse::AsTheBucket);
    let job = support::job(None);
    let uri = earmark_objects::ArtifactStore::put(&artifacts, &job, "a.wav", &audio()).await.unwrap().uri;
    fetch(&s3(&server), &uri, folder.path(), &limits()).await.unwrap();
    for is_cut in [false, true] {
        server.faults().spoil_next(10_000);
        if is_cut {
            server.faults().clear();
            server.faults().cut_next(1, 5000);
            server.faults().spoil_next(10_000);
        }
        let error = fetch(&s3(&server), &uri, folder.path(), &limits()).await.expect_err("spoilt");
        assert!(matches!(error, FetchError::S3(S3Error::Damaged { .. })), "{error:?}");
        assert_eq!(error.disposition(), Disposition::Retry);
    }
}

#[tokio::test]
async fn a_fetch_that_is_given_up_leaves_nothing() {
    let server = S3Server::start(&["calls"]).await;
    server.lay("calls", KEY, &audio());
    server.faults().stall_next(1000);
    let folder = tempfile::tempdir().unwrap();
    let store = s3(&server);
    let limits = limits();
    let begun = async {
        while server.sent_bytes() < 1000 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = fetch(&store, URI, folder.path(), &limits) => panic!("it stalls"),
        () = begun => {}
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_bad_line_takes_longer_and_no_more_tries() {
    let server = S3Server::start(&["calls"]).await;
    server.lay("calls", KEY, &audio());
    server.faults().at_random(7, Rates { errors: 0.1, cuts: 0.7 });
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        let fetched = fetch(&s3(&server), URI, folder.path(), &limits()).await.unwrap();
        assert_eq!(fetched.sha256, sha256_hex(&audio()));
    }
    assert!(server.take_requests().len() > 10);
}

#[tokio::test]
async fn a_list_has_every_object_over_all_pages() {
    let server = S3Server::start(&["calls"]).await;
    for number in 0..1005 {
        server.lay("calls", &format!("day/{number:04}.wav"), b"x");
    }
    server.lay("calls", "other/a.wav", b"x");
    let mut listing = Listing::new(s3(&server), "calls", "day/");
    let mut keys = Vec::new();
    while let Some(object) = listing.next().await.unwrap() {
        assert_eq!(object.size_bytes, 1);
        keys.push(object.key);
    }
    assert_eq!(keys.len(), 1005);
    assert!(keys.is_sorted());
    assert_eq!(server.take_requests().len(), 2);
}
