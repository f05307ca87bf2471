//! Stores that are not quite S3: what they refuse is left out once that is found out, and what they write is read.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use earmark_core::{Failure, RecordingUri};
use earmark_objects::{
    ArtifactStore, FetchLimits, Listing, RecordingStore, Recordings, S3, S3Artifacts, S3Options, Sse,
};
use support::{Stub, StubRequest, job};

fn s3(stub: &Stub) -> S3 {
    S3::with_key(S3Options { endpoint: Some(stub.url("")), ..S3Options::default() }, "key", "secret")
}

fn refusal(status: u16, code: &str) -> Vec<u8> {
    let body =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
    Stub::answer(status, "Content-Type: application/xml\r\n", body.as_bytes())
}

fn names_checksum(asked: &StubRequest) -> bool {
    asked.headers.iter().any(|(name, _)| name.starts_with("x-amz-checksum-") || name == "x-amz-sdk-checksum-algorithm")
}

#[tokio::test]
async fn a_store_that_refuses_checksums_conditions_or_both_is_written_to_without_from_then_on() {
    for (status, code) in [(400, "InvalidArgument"), (501, "NotImplemented")] {
        for (no_checksum, no_condition) in [(true, false), (false, true), (true, true)] {
            let stub = Stub::start(move |asked| {
                let refuses_condition = no_condition && asked.header("if-none-match").is_some();
                if no_checksum && names_checksum(asked) || refuses_condition {
                    return refusal(status, code);
                }
                Stub::answer(200, "ETag: \"v1\"\r\n", b"")
            })
            .await;
            let artifacts = S3Artifacts::new(s3(&stub), "results", "", Sse::AsTheBucket);
            artifacts.put(&job(None), "report.json", b"{}").await.unwrap();
            assert!(stub.take().len() <= 4);
            artifacts.put(&job(None), "report.json", b"[]").await.unwrap();
            artifacts.check().await.unwrap();
            let asked = stub.take();
            assert_eq!(asked.len(), 3, "it is known now: {asked:?}");
            let last = &asked[0];
            assert_eq!((names_checksum(last), last.header("if-none-match").is_some()), (!no_checksum, !no_condition));
        }
    }
}

#[tokio::test]
async fn a_store_that_refuses_all_is_quoted_and_is_not_said_to_be_overloaded() {
    let stub = Stub::start(|_| refusal(501, "NotImplemented")).await;
    let artifacts = S3Artifacts::new(s3(&stub), "results", "", Sse::AsTheBucket);
    let error = artifacts.put(&job(None), "report.json", b"{}").await.unwrap_err();
    assert_eq!(error.code(), "s3.refused");
    assert!(error.problem().message.contains("NotImplemented"), "{}", error.problem());
    assert!(!error.hint().unwrap().contains("overloaded"), "{:?}", error.hint());
}

#[tokio::test]
async fn a_store_that_refuses_to_speak_of_checksums_is_read_from_without_from_then_on() {
    let stub = Stub::start(|asked| match asked.header("x-amz-checksum-mode") {
        Some(_) => refusal(400, "InvalidArgument"),
        None => Stub::answer(200, "ETag: \"v1\"\r\n", b"RIFF"),
    })
    .await;
    let (recordings, folder) = (Recordings::new(s3(&stub)), tempfile::tempdir().unwrap());
    let address = RecordingUri::from("s3://calls/a.wav").address().unwrap();
    for expected in [2, 1] {
        recordings.fetch(&address, folder.path(), &FetchLimits::default()).await.unwrap();
        assert_eq!(stub.take().len(), expected);
    }
}

fn list(keys: &[&str], encoding: &str) -> Vec<u8> {
    let objects: String = keys
        .iter()
        .map(|key| format!("<Contents><Key>{key}</Key><Size>1</Size><ETag>&quot;e&quot;</ETag></Contents>"))
        .collect();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult><Name>calls</Name><IsTruncated>false</IsTruncated>{encoding}{objects}</ListBucketResult>"
    );
    Stub::answer(200, "Content-Type: application/xml\r\n", body.as_bytes())
}

async fn keys(stub: &Stub, prefix: &str) -> Vec<String> {
    let (mut listing, mut keys) = (Listing::new(s3(stub), "calls", prefix), Vec::new());
    while let Some(object) = listing.next().await.unwrap() {
        keys.push(object.key);
    }
    keys
}

#[tokio::test]
async fn keys_that_xml_cannot_write_are_listed_and_fetched_as_they_are() {
    const ENCODED: &str = "<EncodingType>url</EncodingType>";
    // As AWS and MinIO write them; Ceph writes spaces as %20.
    let stub = Stub::start(|asked| match asked.path.split_once('?').map_or("", |(_, query)| query) {
        query if !query.contains("encoding-type=url") => refusal(400, "it would not be well-formed"),
        _ => {
            list(&["d/a+b%2Bc.wav", "d/line%0Afeed%01.wav", "d/100%25.wav", "d/%E5%BD%95.wav", "d/e%20f.wav"], ENCODED)
        }
    })
    .await;
    let expected = ["d/a b+c.wav", "d/line\nfeed\u{1}.wav", "d/100%.wav", "d/录.wav", "d/e f.wav"];
    assert_eq!(keys(&stub, "d/").await, expected);

    // What is listed is asked for by that name, byte for byte.
    let paths = ["d/a%20b%2Bc.wav", "d/line%0Afeed%01.wav", "d/100%25.wav", "d/%E5%BD%95.wav", "d/e%20f.wav"];
    let (store, folder) = (Stub::start(|_| Stub::answer(200, "", b"RIFF")).await, tempfile::tempdir().unwrap());
    for (key, path) in expected.iter().zip(paths) {
        let address = RecordingUri::from(format!("s3://calls/{key}")).address().unwrap();
        Recordings::new(s3(&store)).fetch(&address, folder.path(), &FetchLimits::default()).await.unwrap();
        let asked = store.take()[0].path.clone();
        assert_eq!(asked.split('?').next().unwrap(), format!("/calls/{path}"));
    }
}

#[tokio::test]
async fn a_store_that_does_not_encode_whatever_it_says_is_read_as_it_writes() {
    for encoding in ["", "<EncodingType>url</EncodingType>"] {
        let stub = Stub::start(move |_| list(&["a+b.wav", "c d%20.wav"], encoding)).await;
        assert_eq!(keys(&stub, "").await, ["a+b.wav", "c d%20.wav"], "{encoding}");
    }
}

#[tokio::test]
async fn a_strange_prefix_is_asked_for_as_it_is() {
    for (prefix, query) in [("a+b &=/录\n/", "prefix=a%2Bb%20%26%3D%2F%E5%BD%95%0A%2F"), ("100%/", "prefix=100%25%2F")]
    {
        let stub = Stub::start(|_| list(&[], "")).await;
        assert!(keys(&stub, prefix).await.is_empty());
        let asked = stub.take()[0].path.clone();
        assert!(asked.contains(query), "{asked}");
    }
}
