//! Fetching: files in place, the web to a temporary file, and what is wrong said with the job's fate.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use earmark_core::sha256_hex;
use earmark_core::{Disposition, Failure, RecordingUri};
use earmark_objects::{FetchError, FetchLimits, Fetched, RecordingStore, Recordings, S3, S3Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{header, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const AUDIO: &[u8] = b"not really audio, but enough bytes to be cut in two";

fn limits() -> FetchLimits {
    FetchLimits {
        max_bytes: 1000,
        connect_timeout: Duration::from_secs(5),
        timeout: Duration::from_secs(20),
        allow_private: true,
        is_confined: false,
    }
}

async fn fetch(uri: &str, into: &Path, limits: &FetchLimits) -> Result<Fetched, FetchError> {
    // The program does this once at its start; here every test may be the first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Recordings::new(S3::new(S3Options::default())).fetch(&RecordingUri::from(uri).address()?, into, limits).await
}

#[tokio::test]
async fn a_file_is_hashed_where_it_lies_and_its_change_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a ?b 录.wav");
    std::fs::write(&file, AUDIO).unwrap();
    let fetched = fetch(file.to_str().unwrap(), folder.path(), &limits()).await.unwrap();
    assert_eq!(
        (fetched.path(), fetched.name.as_str(), fetched.size_bytes),
        (file.as_path(), "a ?b 录.wav", u64::try_from(AUDIO.len()).unwrap())
    );
    assert_eq!(fetched.sha256, sha256_hex(AUDIO));
    fetched.check_unchanged().unwrap();
    std::fs::write(&file, "longer than before, so that the size alone tells, whatever the clock does").unwrap();
    assert!(matches!(fetched.check_unchanged(), Err(FetchError::Changed { .. })));
    drop(fetched);
    assert!(file.exists(), "a local file is never removed");
}

#[tokio::test]
async fn what_is_no_recording_on_disk_is_refused_for_good_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("empty.wav"), "").unwrap();
    std::fs::write(at("big.wav"), vec![0; 1001]).unwrap();
    std::fs::write(at("secret.wav"), AUDIO).unwrap();
    std::fs::set_permissions(at("secret.wav"), std::fs::Permissions::from_mode(0o000)).unwrap();
    let is_root = std::fs::read(at("secret.wav")).is_ok();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe.wav"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket.wav")).unwrap();
    let long = "x".repeat(300);
    let mut cases = vec![
        (at("missing.wav"), "fetch.not_found", "there is no recording at"),
        (at("empty.wav/a.wav"), "fetch.not_found", "there is no recording at"),
        (at(&long), "fetch.not_found", "there is no recording at"),
        (folder.path().to_str().unwrap().to_owned(), "fetch.not_a_file", "is a directory, not a recording"),
        (at("empty.wav"), "fetch.empty", "is empty"),
        (at("big.wav"), "fetch.too_large", "has 1001 bytes, the limit is 1000"),
        (at("pipe.wav"), "fetch.not_a_file", "is a pipe, not a recording"),
        (at("socket.wav"), "fetch.not_a_file", "is a socket, not a recording"),
        ("/dev/zero".to_owned(), "fetch.not_a_file", "is a device, not a recording"),
        (String::new(), "fetch.uri", "is empty"),
    ];
    if !is_root {
        cases.push((at("secret.wav"), "fetch.forbidden", "may not be read"));
    }
    for (uri, code, part) in cases {
        let error = fetch(&uri, folder.path(), &limits()).await.expect_err(&uri);
        let problem = error.problem();
        assert_eq!((problem.code.as_str(), error.disposition()), (code, Disposition::Fail), "{uri}: {problem}");
        assert!(problem.message.contains(part), "{uri}: {problem}");
        assert!(problem.hint.is_some(), "{uri}");
    }
}

#[tokio::test]
async fn a_web_recording_is_copied_through_redirects_and_goes_with_its_handle() {
    let server = MockServer::start().await;
    Mock::given(path("/1"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", "/2?token=x"))
        .mount(&server)
        .await;
    Mock::given(path("/2"))
        .respond_with(ResponseTemplate::new(307).insert_header("location", format!("{}/calls/a%20b.wav", server.uri())))
        .mount(&server)
        .await;
    Mock::given(path("/calls/a%20b.wav"))
        .respond_with(ResponseTemplate::new(200).insert_header("etag", "\"v1\"").set_body_bytes(AUDIO))
        .mount(&server)
        .await;
    let folder = tempfile::tempdir().unwrap();
    let fetched = fetch(&format!("{}/1", server.uri()), &folder.path().join("made"), &limits()).await.unwrap();
    assert_eq!(std::fs::read(fetched.path()).unwrap(), AUDIO);
    assert_eq!(
        (fetched.sha256.clone(), fetched.name.as_str(), fetched.version.as_deref()),
        (sha256_hex(AUDIO), "a b.wav", Some("\"v1\""))
    );
    fetched.check_unchanged().unwrap();
    fetched.check_version("v1").unwrap();
    let replaced = fetched.check_version("\"v0\"").expect_err("another version");
    assert_eq!((replaced.code(), replaced.disposition()), ("fetch.replaced", Disposition::Fail));
    let copy = fetched.path().to_owned();
    drop(fetched);
    assert!(!copy.exists());
}

#[tokio::test]
async fn every_answer_decides_the_jobs_fate() {
    let fail = Disposition::Fail;
    let cases = [
        (400, "fetch.refused", fail),
        (401, "fetch.forbidden", fail),
        (403, "fetch.forbidden", fail),
        (404, "fetch.not_found", fail),
        (410, "fetch.not_found", fail),
        (204, "fetch.refused", fail),
        (408, "fetch.unavailable", Disposition::RetryAfter(Duration::from_secs(7))),
        (429, "fetch.unavailable", Disposition::RetryAfter(Duration::from_secs(7))),
        (500, "fetch.unavailable", Disposition::Retry),
        (503, "fetch.unavailable", Disposition::Retry),
        // A part, and nobody asked for one.
        (206, "fetch.wrong_part", Disposition::Retry),
    ];
    let server = MockServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    for (status, code, disposition) in cases {
        Mock::given(path(format!("/{status}")))
            .respond_with(ResponseTemplate::new(status).insert_header("retry-after", "7"))
            .mount(&server)
            .await;
        let uri = format!("{}/{status}?signature=secret", server.uri().replace("http://", "http://me:secret@"));
        let error = fetch(&uri, folder.path(), &limits()).await.expect_err("no recording");
        assert_eq!((error.code(), error.disposition()), (code, disposition), "{status}");
        assert!(error.hint().is_some(), "{status}");
        assert!(!error.problem().message.contains("secret"), "{}", error.problem());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no temporary file is left");
}

#[tokio::test]
async fn private_addresses_and_endless_redirects_are_refused() {
    let server = MockServer::start().await;
    Mock::given(path("/loop"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", "/loop"))
        .mount(&server)
        .await;
    Mock::given(path("/file"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", "file:///etc/passwd"))
        .mount(&server)
        .await;
    Mock::given(path("/none")).respond_with(ResponseTemplate::new(302)).mount(&server).await;
    let port = server.address().port();
    let folder = tempfile::tempdir().unwrap();
    let public_only = FetchLimits { allow_private: false, ..limits() };
    let cases = [
        (format!("{}/loop", server.uri()), limits(), "fetch.too_many_redirects"),
        (format!("{}/file", server.uri()), limits(), "fetch.bad_redirect"),
        (format!("{}/none", server.uri()), limits(), "fetch.bad_redirect"),
        (format!("http://127.0.0.1:{port}/a"), public_only, "fetch.private_address"),
        (format!("http://localhost:{port}/a"), public_only, "fetch.private_address"),
        (format!("http://[::ffff:127.0.0.1]:{port}/a"), public_only, "fetch.private_address"),
        (format!("http://2130706433:{port}/a"), public_only, "fetch.private_address"),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), public_only, "fetch.private_address"),
    ];
    for (uri, limits, code) in cases {
        let error = fetch(&uri, folder.path(), &limits).await.expect_err(&uri);
        assert_eq!((error.code(), error.disposition()), (code, Disposition::Fail), "{uri}: {error}");
    }
    assert!(server.received_requests().await.unwrap().iter().all(|request| request.url.path() != "/a"));
}

#[tokio::test]
async fn more_than_the_limit_is_refused_announced_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let announced = serve(vec![vec![b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec()]]).await;
    let error = fetch(&announced, folder.path(), &limits()).await.expect_err("too large");
    assert!(matches!(error, FetchError::TooLarge { size: Some(99_999_999_999), limit: 1000, .. }), "{error:?}");
    let mut body = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
    body.extend([0; 2000]);
    let unannounced = serve(vec![vec![body]]).await;
    let error = fetch(&unannounced, folder.path(), &limits()).await.expect_err("too large");
    assert!(matches!(error, FetchError::TooLarge { size: None, .. }), "{error:?}");
    assert!(error.to_string().contains("has more bytes, the limit is 1000"), "{error}");
    let empty = serve(vec![vec![b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()]]).await;
    assert!(matches!(fetch(&empty, folder.path(), &limits()).await, Err(FetchError::Empty { .. })));
}

#[tokio::test]
async fn a_broken_download_is_resumed_where_the_server_names_the_version_and_retried_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let head = |etag: &str| format!("HTTP/1.1 200 OK\r\n{etag}content-length: {}\r\n\r\n", AUDIO.len()).into_bytes();
    let rest = format!(
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 20-{}/{}\r\ncontent-length: {}\r\netag: \"v1\"\r\n\r\n",
        AUDIO.len() - 1,
        AUDIO.len(),
        AUDIO.len() - 20
    );
    let resumed = serve(vec![
        vec![head("etag: \"v1\"\r\n"), AUDIO[..20].to_vec()],
        vec![rest.into_bytes(), AUDIO[20..].to_vec()],
    ])
    .await;
    let fetched = fetch(&resumed, folder.path(), &limits()).await.unwrap();
    assert_eq!(
        (std::fs::read(fetched.path()).unwrap().as_slice(), fetched.sha256.as_str()),
        (AUDIO, sha256_hex(AUDIO).as_str())
    );

    // Another version meanwhile: from the start.
    let changed = serve(vec![
        vec![head("etag: \"v1\"\r\n"), AUDIO[..20].to_vec()],
        vec![b"HTTP/1.1 200 OK\r\netag: \"v2\"\r\ncontent-length: 3\r\n\r\nnew".to_vec()],
    ])
    .await;
    let fetched = fetch(&changed, folder.path(), &limits()).await.unwrap();
    assert_eq!(
        (std::fs::read(fetched.path()).unwrap().as_slice(), fetched.version.as_deref()),
        (b"new".as_slice(), Some("\"v2\""))
    );

    // Another part than the one asked for is neither the rest nor the whole.
    let other = "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 30-32/51\r\ncontent-length: 3\r\n\r\nnew";
    let confused =
        serve(vec![vec![head("etag: \"v1\"\r\n"), AUDIO[..20].to_vec()], vec![other.as_bytes().to_vec()]]).await;
    let error = fetch(&confused, folder.path(), &limits()).await.expect_err("another part");
    assert!(matches!(error, FetchError::WrongPart { .. }), "{error:?}");

    for etag in ["", "etag: W/\"weak\"\r\n"] {
        let cut = serve(vec![vec![head(etag), AUDIO[..20].to_vec()]]).await;
        let error = fetch(&cut, folder.path(), &limits()).await.expect_err("cut off");
        assert!(matches!(error, FetchError::Broken { received_bytes: 20, .. }), "{error:?}");
        assert_eq!(error.disposition(), Disposition::Retry);
    }
}

#[tokio::test]
async fn credentials_in_the_url_are_sent_and_nothing_is_compressed() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Basic bWU6c2VjcmV0"))
        .and(header("accept-encoding", "identity"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(AUDIO))
        .mount(&server)
        .await;
    let folder = tempfile::tempdir().unwrap();
    fetch(&server.uri().replace("http://", "http://me:secret@"), folder.path(), &limits()).await.unwrap();
}

#[tokio::test]
async fn no_server_a_silent_one_and_an_unwritable_folder_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/a.wav", unused.local_addr().unwrap());
    // Accepts by backlog alone and never answers.
    let silent = FetchLimits { timeout: Duration::from_millis(100), ..limits() };
    assert!(matches!(fetch(&nobody, folder.path(), &silent).await, Err(FetchError::TimedOut { .. })));
    drop(unused);
    let error = fetch(&nobody, folder.path(), &limits()).await.expect_err("nobody listens");
    assert!(matches!(error, FetchError::Connect { .. }), "{error:?}");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = fetch(&nobody, &file, &limits()).await.expect_err("no folder");
    assert!(matches!(error, FetchError::Spool { .. }), "{error:?}");
    assert_eq!(error.disposition(), Disposition::RetryAfter(Duration::from_secs(60)));
}

#[tokio::test]
async fn who_hangs_up_without_an_answer_may_well_answer_for_another_recording_and_nobody_may_not() {
    let folder = tempfile::tempdir().unwrap();
    let mute = serve(vec![Vec::new(), Vec::new()]).await;
    let error = fetch(&mute, folder.path(), &limits()).await.expect_err("no answer");
    assert!(matches!(error, FetchError::Broken { received_bytes: 0, .. }), "{error:?}");
    assert!(error.may_be_the_recordings() && error.place().is_none());
    assert_eq!(error.disposition(), Disposition::Retry);

    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = fetch(&format!("http://{unused}/a.wav"), folder.path(), &limits()).await.expect_err("nobody listens");
    assert!(matches!(error, FetchError::Connect { is_elsewhere: false, .. }), "{error:?}");
    assert!(!error.may_be_the_recordings());

    // The recording's own host did answer.
    let server = MockServer::start().await;
    let there = ResponseTemplate::new(302).insert_header("location", format!("http://{unused}/a.wav"));
    Mock::given(path("/moved")).respond_with(there).mount(&server).await;
    let error = fetch(&format!("{}/moved", server.uri()), folder.path(), &limits()).await.expect_err("nobody there");
    assert!(matches!(error, FetchError::Connect { is_elsewhere: true, .. }), "{error:?}");
    assert!(error.may_be_the_recordings() && error.place().is_none());
}

#[tokio::test]
async fn a_server_in_trouble_is_left_alone_as_long_as_it_asks_and_tries_stay_bounded() {
    let server = MockServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    Mock::given(path("/busy"))
        .respond_with(ResponseTemplate::new(503).insert_header("retry-after", "90"))
        .mount(&server)
        .await;
    let error = fetch(&format!("{}/busy", server.uri()), folder.path(), &limits()).await.expect_err("busy");
    let asked = Some(Duration::from_secs(90));
    assert!(matches!(&error, FetchError::Unavailable { retry_after, .. } if *retry_after == asked), "{error:?}");
    assert_eq!(error.disposition(), Disposition::Retry);
}

/// A server that answers one connection after the other with the given pieces and then hangs up.
async fn serve(answers: Vec<Vec<Vec<u8>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/call.wav", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for answer in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let _ = connection.read(&mut request).await;
            for piece in answer {
                let _ = connection.write_all(&piece).await;
                let _ = connection.flush().await;
            }
            let _ = connection.shutdown().await;
        }
    });
    url
}
