//! Requests are taken or refused, and answered, as the contract says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use earmark_core::{Clock, SystemClock};
use earmark_simulator::{Key, Latency, Options, ReplyShape, StreamShape, pcm_sha256, sha256_hex};
use hmac::{Hmac, Mac};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use support::{client, form, send, send_as, start, wav};

fn at_once() -> Options {
    Options { latency: Latency::Fixed(Duration::ZERO), ..Options::default() }
}

fn file(bytes: Vec<u8>) -> Part {
    Part::bytes(bytes).file_name("x")
}

#[tokio::test]
async fn what_the_service_refuses_is_refused_by_its_code() {
    let simulator = start(at_once()).await;
    let clip = || wav(1600, 500);
    let with = |name: &'static str, value: &str| form(clip(), &[(name, value)]);
    let hotwords = |count: usize| (0..count).fold(form(clip(), &[]), |form, _| form.text("hotwords[]", "词"));
    let model = |name: &'static str| Form::new().text("model", name);
    let cases: Vec<(&str, Form, (u16, &str))> = vec![
        ("no model", Form::new().part("file", file(clip())), (400, "1213")),
        ("another model", model("whisper-1").part("file", file(clip())), (400, "1211")),
        ("the older model", model("glm-asr").part("file", file(clip())), (200, "")),
        ("no file", model("glm-asr"), (400, "1213")),
        ("not audio", model("glm-asr").part("file", file(b"RIFFxx".to_vec())), (400, "1214")),
        ("base64", model("glm-asr").text("file_base64", STANDARD.encode(clip())), (200, "")),
        ("broken base64", model("glm-asr").text("file_base64", "%%"), (400, "1214")),
        ("30 s", form(wav(480_000, 500), &[]), (200, "")),
        ("a sample over 30 s", form(wav(480_001, 500), &[]), (400, "1214")),
        ("26 MB", form(wav(13 * 1024 * 1024, 500), &[]), (400, "1214")),
        ("60 MB", form(wav(30 * 1024 * 1024, 500), &[]), (400, "1214")),
        ("a prompt of 7999", with("prompt", &"字".repeat(7999)), (200, "")),
        ("a prompt of 8000", with("prompt", &"字".repeat(8000)), (400, "1261")),
        ("100 hotwords", hotwords(100), (200, "")),
        ("101 hotwords", hotwords(101), (400, "1214")),
        ("101 as JSON", with("hotwords", &json!(vec!["词"; 101]).to_string()), (400, "1214")),
        ("a user of 5", with("user_id", "user5"), (400, "1214")),
        ("a user of 128", with("user_id", &"u".repeat(128)), (200, "")),
        ("a user of 129", with("user_id", &"u".repeat(129)), (400, "1214")),
        ("a stream of yes", with("stream", "yes"), (400, "1214")),
        ("a format of its own", with("response_format", "docx"), (400, "1214")),
    ];
    // One connection for all: none is left with a body half read.
    let client = client();
    for (name, form, expected) in cases {
        let answer = send(&client, &simulator, form).await.unwrap();
        assert_eq!(answer.refusal(), (expected.0, expected.1.into()), "{name}: {answer:?}");
    }
    let too_long = send(&client, &simulator, form(wav(500_000, 500), &[])).await.unwrap();
    assert_eq!(too_long.json()["error"]["message"], "transcriptions文件时长限制为0-30秒");
    let url = format!("{}/audio/transcriptions", simulator.url());
    let no_form = client.post(url).bearer_auth("k").body("{}").send().await.unwrap().text().await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&no_form).unwrap()["error"]["code"], "1210");
    assert_eq!(simulator.in_flight(), 0);
}

#[tokio::test]
async fn hotwords_are_understood_in_all_three_spellings() {
    let simulator = start(at_once()).await;
    let clip = || wav(1600, 500);
    let forms = [
        form(clip(), &[("hotwords[]", "智谱"), ("hotwords[]", "大模型")]),
        form(clip(), &[("hotwords", "智谱"), ("hotwords", "大模型")]),
        form(clip(), &[("hotwords", r#"["智谱","大模型"]"#), ("prompt", "前文"), ("request_id", "r-1")]),
    ];
    for form in forms {
        assert_eq!(send(&client(), &simulator, form).await.unwrap().status, 200);
    }
    let log = simulator.log();
    assert!(log.iter().all(|record| record.hotwords == ["智谱", "大模型"]), "{log:?}");
    let last = &log[2];
    assert_eq!((last.prompt.as_deref(), last.request_id.as_deref()), (Some("前文"), Some("r-1")));
    assert_eq!((last.audio_ms, last.bytes, last.sample_rate), (Some(100), 3244, Some(16_000)));
    assert_eq!((last.key.as_str(), last.audio_sha256.clone()), ("cret", sha256_hex(&clip())));
}

#[tokio::test]
async fn signed_tokens_are_taken_and_bad_ones_refused() {
    let simulator = start(Options { keys: vec![Key::new("id.secret")], ..at_once() }).await;
    let now_ms = SystemClock.now_ms();
    let token = |exp: i64, secret: &str| {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","sign_type":"SIGN"}"#);
        let claims = json!({"api_key": "id", "exp": exp, "timestamp": now_ms}).to_string();
        let content = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(content.as_bytes());
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    };
    let cases = [
        (token(now_ms + 60_000, "secret"), (200, "")),
        (token(now_ms + 60_000, "guess"), (401, "1000")),
        (token(now_ms - 1, "secret"), (401, "1003")),
        ("a.b.c".into(), (401, "1002")),
        ("id.secret".into(), (200, "")),
        ("id.other".into(), (401, "1000")),
        (String::new(), (401, "1001")),
    ];
    for (key, (status, code)) in cases {
        let answer = send_as(&client(), &simulator, &key, form(wav(1600, 500), &[])).await.unwrap();
        assert_eq!(answer.refusal(), (status, code.into()), "{key}");
    }
    assert_eq!(simulator.log().iter().filter(|record| record.key == "cret").count(), 2);
}

#[tokio::test]
async fn the_text_is_that_of_the_file_or_of_its_samples() {
    let samples = vec![700i16; 1600];
    let texts = HashMap::from([
        (sha256_hex(&wav(1600, 600)), "by file".to_owned()),
        (pcm_sha256(&samples), "by samples".to_owned()),
    ]);
    let simulator = start(Options { texts, ..at_once() }).await;
    // Another head around the same samples.
    let mut other = wav(1600, 700);
    other.splice(36..36, *b"LIST\x04\0\0\0abcd");
    let named = format!("recording {}", &sha256_hex(&wav(1600, 800))[..8]);
    let cases = [
        (wav(1600, 600), "by file"),
        (wav(1600, 700), "by samples"),
        (other, "by samples"),
        (wav(1600, 800), &named),
        (wav(1600, 3), ""),
    ];
    for (bytes, expected) in cases {
        let answer = send(&client(), &simulator, form(bytes, &[])).await.unwrap();
        assert_eq!(answer.json()["text"], expected);
    }
}

#[tokio::test]
async fn answers_come_in_every_shape() {
    let text: earmark_simulator::DefaultText = std::sync::Arc::new(|_| "这里的天气".into());
    let options = |reply_shape, stream_shape| Options {
        reply_shape,
        stream_shape,
        delta_chars: 3,
        default_text: text.clone(),
        ..at_once()
    };
    let clip = || wav(24_000, 500);
    for (shape, pointer, has_model) in [
        (ReplyShape::Now, "/text", true),
        (ReplyShape::Segments, "/segments/0/text", false),
        (ReplyShape::Chat, "/choices/0/message/content", true),
        (ReplyShape::Vllm, "/text", false),
    ] {
        let simulator = start(options(shape, StreamShape::Glm)).await;
        let answer = send(&client(), &simulator, form(clip(), &[("request_id", "req-1")])).await.unwrap().json();
        assert_eq!(answer.pointer(pointer), Some(&json!("这里的天气")), "{answer}");
        assert_eq!(answer["model"].is_string(), has_model);
        assert_eq!(answer["request_id"] == "req-1", shape != ReplyShape::Vllm);
    }

    let simulator = start(options(ReplyShape::Now, StreamShape::Glm)).await;
    let of = async |fields: &[(&'static str, &str)]| send(&client(), &simulator, form(clip(), fields)).await.unwrap();
    assert_eq!(of(&[("response_format", "text")]).await.body, "这里的天气\n");
    let srt = of(&[("response_format", "srt")]).await.body;
    assert_eq!(srt, "1\n00:00:00,000 --> 00:00:01,500\n这里的天气\n\n");
    let vtt = of(&[("response_format", "vtt")]).await.body;
    assert_eq!(vtt, "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n这里的天气\n\n");
    let verbose = of(&[("response_format", "verbose_json")]).await.json();
    assert_eq!((&verbose["duration"], &verbose["segments"][0]["end"]), (&json!(1.5), &json!(1.5)));

    let events = of(&[("stream", "true")]).await.body;
    let data: Vec<&str> = events.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect();
    let parsed: Vec<Value> = data[..3].iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    assert_eq!((&parsed[0]["delta"], &parsed[1]["delta"]), (&json!("这里的"), &json!("天气")));
    assert_eq!((&parsed[2]["type"], &parsed[2]["text"]), (&json!("transcript.text.done"), &json!("这里的天气")));
    assert_eq!(data[3..], ["[DONE]"]);

    let simulator = start(options(ReplyShape::Now, StreamShape::Vllm)).await;
    let events = send(&client(), &simulator, form(clip(), &[("stream", "true")])).await.unwrap().body;
    assert!(events.contains(r#""object":"transcription.chunk""#) && events.ends_with("data: [DONE]\n\n"), "{events}");
}
