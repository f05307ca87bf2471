//! Artifacts in a bucket: under their hashes, written once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use earmark_core::{Artifact, Disposition, Failure, sha256_hex};
use earmark_objects::{ArtifactError, ArtifactStore, S3, S3Artifacts, S3Options, Sse};
use earmark_servers::S3Server;
use support::job;

const REPORT: &[u8] = b"{}";

fn artifacts(server: &S3Server, bucket: &str, sse: Sse) -> S3Artifacts {
    let options = S3Options { endpoint: Some(server.endpoint()), ..S3Options::default() };
    S3Artifacts::new(S3::with_key(options, S3Server::ACCESS_KEY, S3Server::SECRET_KEY), bucket, "/out/", sse)
}

#[tokio::test]
async fn an_artifact_lies_under_its_hash_and_again_is_the_same_again() {
    let server = S3Server::start(&["results"]).await;
    let job = job(None);
    let artifacts = artifacts(&server, "results", Sse::AsTheBucket);
    let first = artifacts.put(&job, "report.json", REPORT).await.unwrap();
    let key = format!("out/default/{}/report.{}.json", job.id, sha256_hex(REPORT));
    assert_eq!(
        first,
        Artifact {
            name: "report.json".into(),
            sha256: sha256_hex(REPORT),
            uri: format!("s3://results/{key}"),
            size_bytes: 2
        }
    );
    assert_eq!(artifacts.put(&job, "report.json", REPORT).await.unwrap(), first);
    assert_eq!(server.keys("results"), [key]);
    let statuses: Vec<u16> = server.take_requests().iter().map(|asked| asked.status).collect();
    assert_eq!(statuses, [200, 412], "the second was not written");
    // Another content is another object; readers of the first go on reading the first.
    artifacts.put(&job, "report.json", b"[]").await.unwrap();
    assert_eq!(server.keys("results").len(), 2);
}

#[tokio::test]
async fn a_store_that_does_not_know_the_condition_is_written_to_without() {
    let server = S3Server::start(&["results"]).await;
    let job = job(None);
    for (status, code) in [(501, "NotImplemented"), (400, "InvalidArgument")] {
        let artifacts = artifacts(&server, "results", Sse::AsTheBucket);
        server.faults().answer_next(1, status, code);
        let written = artifacts.put(&job, "report.json", code.as_bytes()).await.unwrap();
        assert_eq!(written.sha256, sha256_hex(code.as_bytes()));
        server.faults().clear();
    }
    assert_eq!(server.keys("results").len(), 2);
}

#[tokio::test]
async fn a_job_with_a_folder_of_its_own_is_written_there() {
    let server = S3Server::start(&["results"]).await;
    let folder = tempfile::tempdir().unwrap();
    let job = job(Some(folder.path()));
    artifacts(&server, "results", Sse::AsTheBucket).put(&job, "report.json", REPORT).await.unwrap();
    assert_eq!(std::fs::read(folder.path().join(job.id.as_str()).join("report.json")).unwrap(), REPORT);
    assert!(server.take_requests().is_empty());
}

#[tokio::test]
async fn a_bucket_that_cannot_be_written_costs_no_job_its_life() {
    let server = S3Server::start(&["results"]).await;
    let job = job(None);
    let nowhere = artifacts(&server, "nowhere", Sse::AsTheBucket);
    // This server would make the bucket.
    server.faults().answer_next(2, 404, "NoSuchBucket");
    for error in [nowhere.check().await.unwrap_err(), nowhere.put(&job, "a.txt", b"a").await.unwrap_err()] {
        assert!(matches!(&error, ArtifactError::Bucket { .. }), "{error:?}");
        assert_eq!(error.disposition(), Disposition::RetryAfter(Duration::from_secs(60)), "{error:?}");
        assert!(error.problem().message.starts_with("cannot write s3://nowhere/out/"), "{}", error.problem());
        assert!(error.hint().is_some());
    }
    server.faults().answer_next(1, 403, "AccessDenied");
    let error = artifacts(&server, "results", Sse::AsTheBucket).check().await.unwrap_err();
    assert_eq!(error.code(), "s3.access_denied");
    assert!(error.hint().unwrap().contains("s3:PutObject"), "{:?}", error.hint());
}

#[tokio::test]
async fn a_check_writes_and_leaves_nothing() {
    let server = S3Server::start(&["results"]).await;
    for sse in [Sse::AsTheBucket, Sse::Aes256, Sse::Kms(Some("key".into()))] {
        artifacts(&server, "results", sse).check().await.unwrap();
    }
    assert_eq!(server.keys("results"), [""; 0]);
    let methods: Vec<String> = server.take_requests().into_iter().map(|asked| asked.method).collect();
    assert_eq!(methods, ["PUT", "DELETE"].repeat(3));
}
