//! Recordings that are kept or sent coded: what comes out is the recording, within its limit, whole after broken
//! connections.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::Write as _;
use std::path::Path;

use earmark_core::{Disposition, Failure, Fault, RecordingUri, sha256_hex};
use earmark_objects::{FetchError, FetchLimits, Fetched, RecordingStore, Recordings, S3, S3Options};
use flate2::Compression;
use flate2::write::GzEncoder;
use support::Stub;

fn limits() -> FetchLimits {
    FetchLimits { max_bytes: 1 << 20, allow_private: true, ..FetchLimits::default() }
}

fn s3(stub: &Stub) -> S3 {
    S3::with_key(S3Options { endpoint: Some(stub.url("")), ..S3Options::default() }, "key", "secret")
}

async fn fetch(s3: S3, uri: &str, into: &Path, limits: &FetchLimits) -> Result<Fetched, FetchError> {
    Recordings::new(s3).fetch(&RecordingUri::from(uri).address().unwrap(), into, limits).await
}

/// Bytes that are shorter when they are coded, and of which no two pieces are the same.
fn audio() -> Vec<u8> {
    (0..1_u32 << 15)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes().map(|byte| byte & 0x3f))
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A frame of zstd that holds nothing.
const SKIPPABLE: &[u8] = &[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];

#[tokio::test]
async fn what_is_coded_for_the_way_is_undone_on_the_web_and_in_buckets() {
    let audio = audio();
    let (front, back) = audio.split_at(50_000);
    let cases = [
        ("gzip", gzip(&audio), audio.clone()),
        ("x-gzip", gzip(&audio), audio.clone()),
        ("gzip", [gzip(front), gzip(back)].concat(), audio.clone()),
        ("zstd", zstd(&audio), audio.clone()),
        ("zstd", [zstd(front).as_slice(), SKIPPABLE, &zstd(back)].concat(), audio.clone()),
        ("gzip, zstd", zstd(&gzip(&audio)), audio.clone()),
        ("aws-chunked,gzip", gzip(&audio), audio.clone()),
        // What does nothing, and what is nothing.
        ("identity", audio.clone(), audio.clone()),
        ("aws-chunked", audio.clone(), audio.clone()),
        ("utf-8", audio.clone(), audio.clone()),
        // A header that lies: the bytes are the recording.
        ("gzip", audio.clone(), audio.clone()),
        ("zstd", audio.clone(), audio.clone()),
        // A recording that is itself a packed file, and says nothing.
        ("", gzip(&audio), gzip(&audio)),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (coding, stored, expected) in cases {
        let head = if coding.is_empty() { String::new() } else { format!("Content-Encoding: {coding}\r\n") };
        let stub = Stub::start(move |_| Stub::answer(200, &head, &stored)).await;
        for uri in [stub.url("/calls/call.wav"), "s3://calls/call.wav".into()] {
            let fetched = fetch(s3(&stub), &uri, folder.path(), &limits()).await.unwrap();
            let size_bytes = u64::try_from(expected.len()).unwrap();
            assert_eq!(
                (fetched.sha256.as_str(), fetched.size_bytes),
                (sha256_hex(&expected).as_str(), size_bytes),
                "{coding} {uri}"
            );
            assert_eq!(std::fs::read(fetched.path()).unwrap(), expected, "{coding} {uri}");
            assert_eq!(fetched.name, "call.wav");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no temporary file is left");
}

#[tokio::test]
async fn bombs_damage_and_codings_that_are_not_undone_are_refused_by_name() {
    let bomb = gzip(&vec![0; 8 << 20]);
    assert!(bomb.len() < 1 << 14);
    let audio = audio();
    let (cut, cut_zstd) = (gzip(&audio)[..5000].to_vec(), zstd(&audio)[..5000].to_vec());
    let cases = [
        ("gzip", bomb, "fetch.too_large", Disposition::Fail),
        ("zstd", zstd(&vec![0; 8 << 20]), "fetch.too_large", Disposition::Fail),
        ("gzip", cut, "fetch.not_decoded", Disposition::Retry),
        ("zstd", cut_zstd, "fetch.not_decoded", Disposition::Retry),
        ("gzip", gzip(b""), "fetch.empty", Disposition::Fail),
        ("br", audio.clone(), "fetch.coding", Disposition::Fail),
        ("deflate", audio.clone(), "fetch.coding", Disposition::Fail),
        ("gzip, gzip, gzip", audio.clone(), "fetch.coding", Disposition::Fail),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (coding, stored, code, disposition) in cases {
        let stub = Stub::start(move |_| Stub::answer(200, &format!("Content-Encoding: {coding}\r\n"), &stored)).await;
        for uri in [stub.url("/calls/call.wav"), "s3://calls/call.wav".into()] {
            let error = fetch(s3(&stub), &uri, folder.path(), &limits()).await.expect_err(coding);
            assert_eq!((error.code(), error.disposition()), (code, disposition), "{coding} {uri}: {error:?}");
            assert_eq!(error.fault(), Fault::Recording, "{coding} {uri}");
            assert!(error.hint().is_some(), "{coding}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no temporary file is left");
}

#[tokio::test]
async fn after_a_broken_connection_the_rest_of_the_coded_bytes_is_asked_for() {
    let (audio, folder) = (audio(), tempfile::tempdir().unwrap());
    for (coding, stored) in [("gzip", gzip(&audio)), ("zstd", zstd(&audio))] {
        let stub = Stub::start(move |asked| {
            let head = format!("Content-Encoding: {coding}\r\nETag: \"v1\"\r\n");
            match asked.header("range").map(|range| range.trim_start_matches("bytes=").trim_end_matches('-').to_owned())
            {
                // It announces all, and breaks off.
                None => Stub::answer(200, &head, &stored)[..2000].to_vec(),
                Some(from) => {
                    let (from, all) = (from.parse::<usize>().unwrap(), stored.len());
                    let head = format!("{head}Content-Range: bytes {from}-{}/{all}\r\n", all - 1);
                    Stub::answer(206, &head, &stored[from..])
                }
            }
        })
        .await;
        for uri in [stub.url("/calls/call.wav"), "s3://calls/call.wav".into()] {
            let fetched = fetch(s3(&stub), &uri, folder.path(), &limits()).await.unwrap();
            assert_eq!(fetched.sha256, sha256_hex(&audio), "{coding} {uri}");
        }
        let ranges = stub.take().iter().filter(|asked| asked.header("range").is_some()).count();
        assert_eq!(ranges, 2, "{coding}");
    }
}

#[tokio::test]
async fn a_redirect_with_bytes_that_do_not_belong_there_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    for (location, path) in [
        ("/录音/a b.wav".as_bytes(), "/%E5%BD%95%E9%9F%B3/a%20b.wav"),
        ("/caf\u{e9}.wav?q=ü".as_bytes(), "/caf%C3%A9.wav?q=%C3%BC"),
        // Latin-1, as old servers write it.
        (b"/caf\xe9.wav", "/caf%E9.wav"),
        ("/%E5%BD%95.wav".as_bytes(), "/%E5%BD%95.wav"),
    ] {
        let stub = Stub::start(move |asked| match asked.path.as_str() {
            "/from" => {
                [b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nLocation: ", location, b"\r\n\r\n"]
                    .concat()
            }
            _ => Stub::answer(200, "", b"RIFF"),
        })
        .await;
        let fetched = fetch(s3(&stub), &stub.url("/from"), folder.path(), &limits()).await.unwrap();
        assert_eq!((fetched.size_bytes, stub.take()[1].path.as_str()), (4, path));
    }
}
