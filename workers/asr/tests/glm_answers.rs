//! What each answer of a provider means, good or bad.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod client;
mod peer;

use std::time::Duration;

use client::{Listener, client, request, told};
use earmark_asr::{AsrError, NotHearing, Transcriber};
use earmark_core::TimePrecision;
use peer::{Peer, Step, chunk, chunked_head, reply, reply_with, stream};

const JSON: &str = "application/json; charset=UTF-8";
const EVENTS: &str = "text/event-stream;charset=UTF-8";

/// What becomes of a clip that is answered with these bytes.
async fn meaning(answer: impl Into<Vec<u8>>) -> String {
    let peer = Peer::answering(answer).await;
    told(&client(&peer.url, |_| {}).transcribe(request(), &NotHearing).await)
}

#[tokio::test]
async fn every_shape_of_an_answer_gives_its_text() {
    let cases = [
        (
            JSON,
            r#"{"id":"1","created":1,"request_id":"r","model":"glm-asr-2512","text":"您好，请讲。"}"#,
            "您好，请讲。",
        ),
        (JSON, "\u{feff} {\"text\":\"您好，请讲。\"}", "您好，请讲。"),
        (JSON, r#"{"text":"\u60a8\u597d\uff0c\u8bf7\u8bb2\u3002","segments":[]}"#, "您好，请讲。"),
        (
            JSON,
            r#"{"object":"chat.completion","choices":[{"message":{"content":"您好，请讲。"},"finish_reason":"stop"}]}"#,
            "您好，请讲。",
        ),
        (JSON, r#"{"text":"您好，请讲。","choices":[{"message":{"content":"another"}}],"code":200}"#, "您好，请讲。"),
        ("text/plain", r#"{"text":"您好，请讲。"}"#, "您好，请讲。"),
        ("text/event-stream", r#"{"text":"您好，请讲。"}"#, "您好，请讲。"),
        (JSON, r#"{"text":""}"#, ""),
        (JSON, r#"{"text":null}"#, ""),
        (JSON, r#"{"choices":[{"message":{"content":" \n"}}]}"#, ""),
        (JSON, r#"{"text":"您好，请讲。","contentFilter":[{"level":3,"role":"user"}]}"#, "您好，请讲。"),
        (JSON, r#"{"choices":[{"message":{"content":"您"},"finish_reason":"sensitive"}]}"#, "refused -"),
        (JSON, r#"{"contentFilter":[{"level":1,"role":"user"}]}"#, "refused -"),
        (JSON, "{}", "unavailable -"),
        (JSON, r#"{"id":"1","model":"glm-asr-2512"}"#, "unavailable -"),
        (JSON, r#"{"text":"您"#, "unavailable -"),
        (JSON, "<html>gateway</html>", "unavailable -"),
        (JSON, "", "unavailable -"),
        ("text/plain", "您好，请讲。\n", "unavailable -"),
        ("text/plain", "1\n00:00:00,200 --> 00:00:03,500\n您好\n", "unavailable -"),
    ];
    for (content_type, body, expected) in cases {
        assert_eq!(meaning(reply(200, content_type, body)).await, expected, "{body}");
    }
}

#[tokio::test]
async fn segments_with_times_keep_them_and_a_clip_without_times_is_one() {
    let cases = [
        (
            r#"{"text":"您好，请讲。","segments":[{"id":0,"start":0.2,"end":1.5,"text":"您好，"},{"start":1.5,"end":3,"text":"请讲。"}]}"#,
            vec![(200, 1500), (1500, 3000)],
            TimePrecision::Segment,
        ),
        (
            r#"{"task":"transcribe","language":"chinese","duration":4.0,"text":"您好，请讲。","segments":[{"id":0,"seek":0,"start":0.2,"end":99,"text":"您好，请讲。","tokens":[],"avg_logprob":-0.1}]}"#,
            vec![(200, 4000)],
            TimePrecision::Segment,
        ),
        (
            r#"{"text":"您好，请讲。","segments":[{"start":0,"end":0,"text":"您好，请讲。"}]}"#,
            vec![(0, 4000)],
            TimePrecision::Estimated,
        ),
        (
            r#"{"text":"您好，请讲。","segments":[{"start":0,"end":2,"text":"您好"}]}"#,
            vec![(0, 4000)],
            TimePrecision::Estimated,
        ),
        (r#"{"text":"您好，请讲。","segments":"none"}"#, vec![(0, 4000)], TimePrecision::Estimated),
    ];
    for (body, expected, precision) in cases {
        let peer = Peer::answering(reply(200, JSON, body)).await;
        let clip = client(&peer.url, |_| {}).transcribe(request(), &NotHearing).await.unwrap();
        let times: Vec<(u64, u64)> = clip.segments.iter().map(|segment| (segment.start_ms, segment.end_ms)).collect();
        assert_eq!((times, clip.time_precision), (expected, precision), "{body}");
        assert_eq!((clip.language.as_deref(), clip.billed_ms), (Some("zh"), 4000));
    }
}

#[tokio::test]
async fn every_shape_of_a_stream_gives_its_text_and_one_that_breaks_off_none() {
    const TWO: &str = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"您好，\"}\n\n\
        data: {\"type\":\"transcript.text.delta\",\"delta\":\"请讲\"}\n\n";
    const DONE: &str = "data: {\"type\":\"transcript.text.done\",\"text\":\"您好，请讲。\"}\n\n";
    const MARK: &str = "data: [DONE]\n\n";
    let heard = ["您好，", "您好，请讲"].as_slice();
    let cases: [(_, String, _, &[&str]); 18] = [
        ("whole", [TWO, DONE, MARK].concat(), "您好，请讲。", heard),
        ("CRLF", [TWO, DONE, MARK].concat().replace('\n', "\r\n"), "您好，请讲。", heard),
        ("comments", [": hi\n\n", TWO, ": ping\n\n", DONE, MARK].concat(), "您好，请讲。", heard),
        ("no space after the colon", [TWO, DONE, MARK].concat().replace("data: ", "data:"), "您好，请讲。", heard),
        (
            "named events",
            "event: transcript.text.delta\ndata: {\"delta\":\"您好\"}\n\nevent: transcript.text.done\ndata: {\"text\":\"您好。\"}\n\n".into(),
            "您好。",
            &["您好"],
        ),
        ("no mark", [TWO, DONE].concat(), "您好，请讲。", heard),
        ("no whole text", [TWO, MARK].concat(), "您好，请讲", heard),
        ("broken off", TWO.into(), "unavailable -", heard),
        ("last line not ended", [TWO, DONE.trim_end(), "\n"].concat(), "unavailable -", heard),
        ("single line feeds", [TWO, DONE, MARK].concat().replace("\n\n", "\n"), "unavailable -", &[]),
        ("a piece is no JSON", [TWO, "data: {\"del\n\n", MARK].concat(), "unavailable -", heard),
        ("a piece is no JSON but the whole is there", [TWO, "data: {\"del\n\n", DONE].concat(), "您好，请讲。", heard),
        ("error in the middle", [TWO, "data: {\"error\":{\"code\":\"1234\",\"message\":\"x\"}}\n\n", MARK].concat(), "unavailable 1234", heard),
        ("error event", [TWO, "event: error\ndata: {\"error\":{\"code\":1301,\"message\":\"x\"}}\n\n"].concat(), "refused 1301", heard),
        ("error event in words", [TWO, "event: error\ndata: too busy\n\n"].concat(), "unavailable -", heard),
        (
            "vLLM",
            "data: {\"object\":\"transcription.chunk\",\"choices\":[{\"delta\":{\"content\":\"您好\"}}]}\n\n\
             data: {\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
                .into(),
            "您好",
            &["您好"],
        ),
        ("nobody speaks", MARK.into(), "", &[]),
        ("JSON instead", r#"{"text":"您好，请讲。"}"#.into(), "您好，请讲。", &[]),
    ];
    for (name, body, expected, expected_heard) in cases {
        for (content_type, chunk_bytes) in [(EVENTS, 1), (EVENTS, 4096), (JSON, 5), ("", 4096)] {
            let peer = Peer::answering(stream(content_type, &body, chunk_bytes)).await;
            let listener = Listener::default();
            let answer =
                client(&peer.url, |options| options.is_streaming = true).transcribe(request(), &listener).await;
            assert_eq!(told(&answer), expected, "{name}, {chunk_bytes} bytes of {content_type}: {answer:?}");
            assert_eq!(listener.heard(), expected_heard, "{name}");
        }
    }
}

/// The provider's published codes, with their HTTP status and what each means for the account and the clip. (Some are in
/// no current list but were, or are in ranges that it keeps for limits of use.)
const CODES: &[(&str, u16, &str)] = &[
    ("1000", 401, "credentials"),
    ("1001", 401, "credentials"),
    ("1002", 401, "credentials"),
    ("1003", 401, "credentials"),
    ("1004", 401, "credentials"),
    ("1005", 401, "credentials"),
    ("1110", 401, "stopped"),
    ("1111", 401, "stopped"),
    ("1112", 401, "stopped"),
    ("1113", 429, "stopped"),
    ("1121", 401, "stopped"),
    ("1200", 500, "unavailable"),
    ("1210", 400, "rejected"),
    ("1211", 400, "rejected"),
    ("1212", 400, "rejected"),
    ("1213", 400, "rejected"),
    ("1214", 400, "rejected"),
    ("1215", 400, "rejected"),
    ("1220", 403, "stopped"),
    ("1221", 400, "rejected"),
    ("1222", 400, "rejected"),
    ("1230", 500, "unavailable"),
    ("1234", 500, "unavailable"),
    ("1261", 400, "rejected"),
    ("1301", 400, "refused"),
    ("1302", 429, "throttled"),
    ("1303", 429, "throttled"),
    ("1304", 429, "stopped"),
    ("1305", 429, "unavailable"),
    ("1308", 429, "stopped"),
    ("1309", 429, "stopped"),
    ("1310", 429, "stopped"),
    ("1311", 429, "stopped"),
    ("1312", 429, "unavailable"),
    ("1313", 429, "stopped"),
    ("1314", 429, "stopped"),
    ("1315", 429, "stopped"),
    ("1316", 429, "stopped"),
    ("1317", 429, "stopped"),
    ("1318", 429, "stopped"),
    ("1319", 429, "stopped"),
    ("1320", 429, "stopped"),
    ("1321", 429, "stopped"),
];

#[tokio::test]
async fn every_code_of_the_provider_has_its_class_in_every_shape_of_a_complaint() {
    let mut replies = Vec::new();
    let mut expected = Vec::new();
    for (code, status, class) in CODES {
        for spelled in [format!("\"{code}\""), (*code).to_owned()] {
            let bodies = [
                (*status, format!(r#"{{"error":{{"code":{spelled},"message":"为什么"}},"request_id":"r"}}"#)),
                (*status, format!(r#"{{"error":{{"message":"why","type":"t","param":null,"code":{spelled}}}}}"#)),
                (*status, format!(r#"{{"code":{spelled},"message":"为什么"}}"#)),
                (200, format!(r#"{{"success":false,"code":{spelled},"msg":"为什么"}}"#)),
            ];
            for (status, body) in bodies {
                let more = match *class {
                    "throttled" => " 1000".into(),
                    "rejected" => format!(" {status}"),
                    _ => String::new(),
                };
                expected.push(format!("{class} {code}{more}"));
                replies.push(reply(status, JSON, &body));
            }
        }
    }
    let count = replies.len();
    let peer = Peer::start(move |number| vec![Step::Send(replies[number].clone())]).await;
    let client = client(&peer.url, |_| {});
    for expected in expected {
        let answer = client.transcribe(request(), &NotHearing).await;
        assert_eq!(told(&answer), expected, "{answer:?}");
    }
    assert_eq!(peer.requests().len(), count);
}

#[tokio::test]
async fn complaints_without_a_known_code_go_by_their_status() {
    let error = |code: &str| format!(r#"{{"error":{{"code":{code},"message":"m"}}}}"#);
    let cases = [
        (429, "<html>429</html>".to_owned(), "throttled - 1000"),
        (429, String::new(), "throttled - 1000"),
        (429, error("\"rate_limit_exceeded\""), "throttled rate_limit_exceeded 1000"),
        (429, error("\"insufficient_quota\""), "stopped insufficient_quota"),
        (429, error("1999"), "throttled 1999 1000"),
        (401, error("\"invalid_api_key\""), "credentials invalid_api_key"),
        (401, "<html>".into(), "credentials -"),
        (402, "{}".into(), "stopped -"),
        (403, r#"{"detail":"forbidden"}"#.into(), "stopped -"),
        (434, error("\"434\""), "stopped 434"),
        (400, r#"{"error":"bad request"}"#.into(), "rejected - 400"),
        (400, r#"{"error":{"message":"m"},"contentFilter":[{"level":1,"role":"user"}]}"#.into(), "refused -"),
        (404, "<html>".into(), "rejected - 404"),
        (413, error("\"413\""), "rejected 413 413"),
        (415, "[]".into(), "rejected - 415"),
        (302, String::new(), "rejected - 302"),
        (408, String::new(), "unavailable -"),
        (500, error("null"), "unavailable -"),
        (502, "<html>bad gateway</html>".into(), "unavailable -"),
        (503, error("\"1305\""), "unavailable 1305"),
        (529, "overloaded".into(), "unavailable -"),
        (200, r#"{"success":false,"code":401,"msg":"key"}"#.into(), "credentials 401"),
        (200, r#"{"success":false,"code":"500","msg":"x"}"#.into(), "unavailable 500"),
        (200, r#"{"success":false,"msg":"x"}"#.into(), "unavailable -"),
        (200, r#"{"code":1302,"message":"x"}"#.into(), "throttled 1302 1000"),
        (200, error("\"1113\""), "stopped 1113"),
    ];
    for (status, body, expected) in cases {
        assert_eq!(meaning(reply(status, JSON, &body)).await, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn a_wait_that_the_provider_asks_for_is_kept_and_a_stop_that_ends_says_when() {
    let throttled = r#"{"error":{"code":"1302","message":"m"}}"#;
    let stopped = |message: &str| format!(r#"{{"error":{{"code":"1308","message":"{message}"}}}}"#);
    let cases = [
        ("retry-after: 7\r\n", throttled.to_owned(), "throttled 1302 7000"),
        ("retry-after: 0\r\n", throttled.into(), "throttled 1302 1000"),
        ("retry-after: 99999\r\n", throttled.into(), "throttled 1302 600000"),
        ("retry-after: Sun, 22 Nov 2026 12:00:30 GMT\r\n", throttled.into(), "throttled 1302 30000"),
        ("retry-after: Sun, 22 Nov 2026 11:00:00 GMT\r\n", throttled.into(), "throttled 1302 1000"),
        ("retry-after: soon\r\n", throttled.into(), "throttled 1302 1000"),
        ("", stopped("您的限额将在 2026-11-23 08:00:00 重置"), "stopped 1308 720 minutes"),
        ("", stopped("reset at 2026-11-22T13:00:00Z"), "stopped 1308 60 minutes"),
        ("", stopped("请充值"), "stopped 1308"),
    ];
    for (headers, body, expected) in cases {
        assert_eq!(meaning(reply_with(429, headers, &body)).await, expected, "{headers} {body}");
    }
}

#[tokio::test]
async fn connections_that_fail_leave_the_clip_for_another_try() {
    let text = r#"{"text":"您好，请讲。"}"#;
    let half = |bytes: Vec<u8>| bytes[..bytes.len() - 10].to_vec();
    let event = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"您好\"}\n\n";
    let piece = [chunked_head(EVENTS), chunk(event.as_bytes())].concat();
    let whole =
        [chunked_head(EVENTS), chunk(b"data: {\"type\":\"transcript.text.done\",\"text\":\"\xe6\x82\xa8\"}\n\n")]
            .concat();
    let endless = chunk("data: {\"type\":\"transcript.text.delta\",\"delta\":\"要\"}\n\n".repeat(500).as_bytes());
    let cases = [
        ("closed before the answer", vec![Step::Close], "unavailable -"),
        ("reset before the answer", vec![Step::Reset], "unavailable -"),
        ("no answer", vec![Step::Wait], "timed out -"),
        ("half a head", vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-".to_vec()), Step::Close], "unavailable -"),
        ("no HTTP", vec![Step::Send(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()), Step::Close], "unavailable -"),
        ("closed within the answer", vec![Step::Send(half(reply(200, JSON, text))), Step::Close], "unavailable -"),
        ("reset within the answer", vec![Step::Send(half(reply(200, JSON, text))), Step::Reset], "unavailable -"),
        ("stands still within the answer", vec![Step::Send(half(reply(200, JSON, text))), Step::Wait], "timed out -"),
        ("stream cut", vec![Step::Send(piece.clone()), Step::Close], "unavailable -"),
        ("stream reset", vec![Step::Send(piece.clone()), Step::Reset], "unavailable -"),
        ("stream stands still", vec![Step::Send(piece.clone()), Step::Wait], "timed out -"),
        (
            "endless body",
            vec![Step::Send(chunked_head(JSON)), Step::SendForEver(chunk(&[b'{'; 4096]))],
            "unavailable -",
        ),
        ("endless stream", vec![Step::Send(piece), Step::SendForEver(endless)], "unavailable -"),
        ("cut after the whole text", vec![Step::Send(whole.clone()), Step::Close], "您"),
        ("open after the whole text", vec![Step::Send(whole), Step::Wait], "您"),
        ("cut within a complaint", vec![Step::Send(half(reply(429, JSON, text))), Step::Close], "throttled - 1000"),
        ("still within a complaint", vec![Step::Send(half(reply(401, JSON, text))), Step::Wait], "credentials -"),
    ];
    for (name, steps, expected) in cases {
        let peer = Peer::start(move |_| steps.clone()).await;
        let client = client(&peer.url, |options| {
            options.timeouts.first_byte = Duration::from_millis(500);
            options.timeouts.idle = Duration::from_millis(200);
        });
        let answer = client.transcribe(request(), &NotHearing).await;
        assert_eq!(told(&answer), expected, "{name}: {answer:?}");
        assert_eq!(peer.requests().len(), 1, "{name}");
    }
    let nobody = client("http://127.0.0.1:1/v1", |_| {}).transcribe(request(), &NotHearing).await;
    assert_eq!(told(&nobody), "unavailable -");
}

#[tokio::test]
async fn an_answer_that_trickles_is_given_up_as_a_whole() {
    let steps = vec![Step::Send(chunked_head(EVENTS)), Step::Trickle(chunk(b": ping\n\n"))];
    let peer = Peer::start(move |_| steps.clone()).await;
    let client = client(&peer.url, |options| options.timeouts.whole = Duration::from_millis(300));
    let error = client.transcribe(request(), &NotHearing).await.unwrap_err();
    assert!(matches!(&error, AsrError::TimedOut { detail } if detail.contains("whole")), "{error}");
}
