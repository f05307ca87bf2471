//! Artifacts in a bucket: under their hashes, written once, and swept when no job names them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use earmark_core::{Disposition, Failure, Job, JobId};
use earmark_servers::S3Server;
use earmark_storage::{
    Artifact, ArtifactStore, Finished, OrphanReport, OrphanSweep, ResultStore, S3, S3Artifacts, S3Options, Sse,
    StorageError, sha256_hex,
};
use support::*;

const REPORT: &[u8] = b"{}";

fn artifacts(server: &S3Server, bucket: &str, sse: Sse) -> S3Artifacts {
    let options = S3Options { endpoint: Some(server.endpoint()), ..S3Options::default() };
    S3Artifacts::new(S3::with_key(options, S3Server::ACCESS_KEY, S3Server::SECRET_KEY), bucket, "/out/", sse)
}

async fn accepted(stores: &Stores, name: &str) -> Job {
    stores.journal.accept(&new_job(name), "cli").await.unwrap().job
}

#[tokio::test]
async fn an_artifact_lies_under_its_hash_and_again_is_the_same_again() {
    let server = S3Server::start(&["results"]).await;
    let stores = Stores::fresh().await;
    let job = accepted(&stores, "a").await;
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
    let stores = Stores::fresh().await;
    let job = accepted(&stores, "a").await;
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
    let stores = Stores::fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let mut new = new_job("a");
    new.options.out_dir = Some(folder.path().to_str().unwrap().into());
    let job = stores.journal.accept(&new, "cli").await.unwrap().job;
    artifacts(&server, "results", Sse::AsTheBucket).put(&job, "report.json", REPORT).await.unwrap();
    assert_eq!(std::fs::read(folder.path().join(job.id.as_str()).join("report.json")).unwrap(), REPORT);
    assert!(server.take_requests().is_empty());
}

#[tokio::test]
async fn a_bucket_that_cannot_be_written_costs_no_job_its_life() {
    let server = S3Server::start(&["results"]).await;
    let stores = Stores::fresh().await;
    let job = accepted(&stores, "a").await;
    let nowhere = artifacts(&server, "nowhere", Sse::AsTheBucket);
    // This server would make the bucket.
    server.faults().answer_next(2, 404, "NoSuchBucket");
    for error in [nowhere.check().await.unwrap_err(), nowhere.put(&job, "a.txt", b"a").await.unwrap_err()] {
        assert!(matches!(&error, StorageError::OutputS3 { .. }), "{error:?}");
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

#[tokio::test]
async fn a_sweep_removes_what_no_finished_job_names_and_nothing_else() {
    let server = S3Server::start(&["results"]).await;
    let stores = Stores::fresh().await;
    let artifacts = artifacts(&server, "results", Sse::AsTheBucket);

    // Done: one report is named, the one of a try before is not.
    let done = accepted(&stores, "done").await;
    artifacts.put(&done, "report.json", b"of a try before").await.unwrap();
    let named = artifacts.put(&done, "report.json", REPORT).await.unwrap();
    let leased = stores.journal.lease_job(&done.id, &worker("w"), LEASE_MS).await.unwrap().unwrap();
    stores.results.finish(&leased.1, &Finished { artifacts: vec![named.clone()], ..finished(&done) }).await.unwrap();
    // Under way: it may yet name what is there.
    let open = accepted(&stores, "open").await;
    let awaited = artifacts.put(&open, "report.json", REPORT).await.unwrap();
    // Of another database, perhaps.
    let unknown = Job { id: JobId::at(START_MS), ..open.clone() };
    let strange = artifacts.put(&unknown, "report.json", REPORT).await.unwrap();
    server.lay("results", "out/readme.txt", b"not ours");

    let swept = async |written_before_ms, takes_unknown, is_dry| {
        let sweep = OrphanSweep {
            artifacts: &artifacts,
            journal: &stores.journal,
            results: &stores.results,
            written_before_ms,
            takes_unknown,
            is_dry,
        };
        sweep.run().await.unwrap()
    };
    let key = |artifact: &Artifact| artifact.uri.strip_prefix("s3://results/").unwrap().to_owned();

    // Whoever wrote just now may be about to name it.
    let young = swept(START_MS, true, false).await;
    assert_eq!(young, OrphanReport { seen: 4, foreign: 1, ..OrphanReport::default() });
    let expected = OrphanReport { seen: 4, orphans: 1, orphaned_bytes: 15, unknown: 1, foreign: 1 };
    assert_eq!(swept(i64::MAX, false, true).await, expected);
    assert_eq!(server.keys("results").len(), 5, "a dry run removes nothing");
    assert_eq!(swept(i64::MAX, false, false).await, expected);
    let mut kept = vec![key(&named), key(&awaited), key(&strange), "out/readme.txt".to_owned()];
    kept.sort();
    assert_eq!(server.keys("results"), kept);
    assert_eq!(swept(i64::MAX, true, false).await.orphans, 1);
    assert!(!server.keys("results").contains(&key(&strange)));
    assert_eq!(swept(i64::MAX, true, false).await.orphans, 0);
}
