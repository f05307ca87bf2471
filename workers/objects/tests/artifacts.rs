//! Artifacts: whole or not at all, the same the second time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use earmark_core::{Disposition, Failure, sha256_hex};
use earmark_objects::{ArtifactError, ArtifactStore, FileArtifacts};
use support::job;

#[tokio::test]
async fn an_artifact_lies_where_the_job_says_and_again_is_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    let artifacts = FileArtifacts::new(&folder.path().join("out put"));
    artifacts.check().await.unwrap();
    for (job, expected) in [(job(None), folder.path().join("out put/default")), (job(Some(&own)), own.clone())] {
        let path = expected.join(job.id.as_str()).join("transcript.txt");
        let first = artifacts.put(&job, "transcript.txt", "你好".as_bytes()).await.unwrap();
        let again = artifacts.put(&job, "transcript.txt", "你好".as_bytes()).await.unwrap();
        assert_eq!(first, again);
        assert_eq!((first.size_bytes, first.sha256.as_str()), (6, sha256_hex("你好".as_bytes()).as_str()));
        assert_eq!(url::Url::parse(&first.uri).unwrap().to_file_path().unwrap(), path);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "你好");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
    }
}

#[tokio::test]
async fn an_output_that_cannot_be_written_is_named_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let artifacts = FileArtifacts::new(&file);
    let job = job(None);
    for error in [artifacts.check().await.unwrap_err(), artifacts.put(&job, "a.txt", b"a").await.unwrap_err()] {
        assert!(matches!(error, ArtifactError::Folder { .. }));
        let problem = error.problem();
        assert!(problem.message.starts_with(&format!("cannot write {}", file.display())), "{problem}");
        // The machine's fault: it costs the job no attempt.
        let wait = Disposition::RetryAfter(Duration::from_secs(60));
        assert_eq!((problem.code.as_str(), error.disposition()), ("output.unwritable", wait));
        assert!(problem.hint.unwrap().contains("--out"));
    }
}
