//! What the client sends, how often, and over which connections.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod client;
mod peer;

use std::path::PathBuf;
use std::sync::Arc;

use client::{client, request, told};
use earmark_asr::{
    AsrError, Billing, ClipRequest, Dialect, GlmAuth, LanguageChoice, NotHearing, Sound, Transcriber, UploadFormat,
};
use earmark_core::{Disposition, Failure};
use futures::future::join_all;
use peer::{Part, Peer, Request, Step, reply, stream};

fn answer() -> Vec<u8> {
    reply(200, "application/json", r#"{"text":"您好"}"#)
}

fn texts(request: &Request) -> Vec<(String, String)> {
    let parts = request.parts();
    let text = |part: &Part| (part.name.clone(), String::from_utf8(part.value.clone()).unwrap());
    parts.iter().filter(|part| part.file_name.is_none()).map(text).collect()
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_request_has_its_length_its_fields_and_the_file_last() {
    let peer = Peer::answering(answer()).await;
    let known = ClipRequest {
        prompt: Some("银行客服".into()),
        preceding: Some("请问您贵姓？".into()),
        glossary: vec!["聚宝盆".into(), "天天盈".into()],
        user_id: Some("tenant-a".into()),
        ..request()
    };
    client(&peer.url, |_| {}).transcribe(known, &NotHearing).await.unwrap();

    let sent = peer.requests().remove(0);
    assert_eq!(sent.line, "POST /api/paas/v4/audio/transcriptions HTTP/1.1");
    assert_eq!(sent.header("authorization"), Some("Bearer id.secret"));
    assert_eq!(sent.header("accept"), Some("application/json"));
    assert_eq!(sent.header("content-length"), Some(sent.body.len().to_string().as_str()));
    assert_eq!(sent.header("transfer-encoding"), None);
    let expected = [
        ("model", "glm-asr-2512"),
        ("prompt", "银行客服\n请问您贵姓？"),
        ("hotwords[]", "聚宝盆"),
        ("hotwords[]", "天天盈"),
        ("stream", "false"),
        ("request_id", "job-0-1-2"),
        ("user_id", "tenant-a"),
    ];
    assert_eq!(texts(&sent), owned(&expected));
    let file = sent.parts().pop().unwrap();
    assert_eq!((file.name.as_str(), file.file_name.as_deref()), ("file", Some("clip.wav")));
    assert_eq!(file.content_type.as_deref(), Some("audio/wav"));
    assert_eq!((file.value.len(), &file.value[..4]), (44 + 2 * 64_000, &b"RIFF"[..]));
}

#[tokio::test]
async fn the_other_dialect_has_its_own_fields_and_needs_no_key() {
    let peer = Peer::answering(answer()).await;
    let client = client(&format!("{}/", peer.url.replace("/api/paas/v4", "/v1")), |options| {
        options.dialect = Dialect::OpenAi;
        options.model = "glm-asr-nano".into();
        options.api_key = String::new();
        options.is_streaming = true;
    });
    let known =
        ClipRequest { glossary: vec!["聚宝盆".into()], language: LanguageChoice::Fixed("zh".into()), ..request() };
    client.transcribe(known, &NotHearing).await.unwrap();

    let sent = peer.requests().remove(0);
    assert_eq!(sent.line, "POST /v1/audio/transcriptions HTTP/1.1");
    assert_eq!((sent.header("authorization"), sent.header("x-request-id")), (None, Some("job-0-1-2")));
    let expected = [
        ("model", "glm-asr-nano"),
        ("prompt", "聚宝盆"),
        ("stream", "true"),
        ("response_format", "json"),
        ("language", "zh"),
    ];
    assert_eq!(texts(&sent), owned(&expected));
    let engine = client.engine();
    assert_eq!((engine.name.as_str(), engine.model.as_str()), ("openai", "glm-asr-nano"));
    assert!(engine.version.starts_with("127.0.0.1:"), "{}", engine.version);
}

#[tokio::test]
async fn a_token_is_new_for_each_request_and_says_when() {
    let peer = Peer::answering(answer()).await;
    client(&peer.url, |options| options.auth = GlmAuth::Jwt).transcribe(request(), &NotHearing).await.unwrap();
    let sent = peer.requests().remove(0);
    let parts: Vec<&str> = sent.header("authorization").unwrap().strip_prefix("Bearer ").unwrap().split('.').collect();
    // {"alg":"HS256","sign_type":"SIGN"}
    assert_eq!((parts.len(), parts[0]), (3, "eyJhbGciOiJIUzI1NiIsInNpZ25fdHlwZSI6IlNJR04ifQ"));
    let short = client(&peer.url, |options| (options.auth, options.api_key) = (GlmAuth::Jwt, "no-dot".into()));
    assert_eq!(told(&short.transcribe(request(), &NotHearing).await), "credentials -");
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn a_prepared_clip_is_a_file_that_only_has_to_be_sent() {
    let peer = Peer::answering(answer()).await;
    let client = client(&peer.url, |_| {});
    let prepared = client.prepare(request()).await.unwrap();
    assert_eq!(prepared.sound.duration_ms(), 4000);
    assert!(
        prepared.loudness_db.is_some_and(|loudness_db| (-14.0..-13.0).contains(&loudness_db)),
        "{:?}",
        prepared.loudness_db
    );
    assert!(peer.requests().is_empty());
    let Sound::File { bytes, .. } = prepared.sound.clone() else { panic!("{:?}", prepared.sound) };
    let again = client.prepare(prepared).await.unwrap();
    assert_eq!(told(&client.transcribe(again, &NotHearing).await), "您好");
    assert_eq!(peer.requests()[0].parts().pop().unwrap().value, bytes);
}

#[tokio::test]
async fn mp3_is_a_fraction_of_the_size_and_without_ffmpeg_there_is_none() {
    let peer = Peer::answering(answer()).await;
    let mp3 = |ffmpeg: Option<&str>| {
        client(&peer.url, |options| (options.upload, options.ffmpeg) = (UploadFormat::Mp3, ffmpeg.map(PathBuf::from)))
    };
    mp3(Some("ffmpeg")).transcribe(request(), &NotHearing).await.unwrap();
    let file = peer.requests().remove(0).parts().pop().unwrap();
    assert_eq!((file.file_name.as_deref(), file.content_type.as_deref()), (Some("clip.mp3"), Some("audio/mpeg")));
    // Four seconds at 48 kbit/s are 24 000 bytes, and a frame or two more.
    assert!((24_000..26_000).contains(&file.value.len()), "{} bytes", file.value.len());
    assert_eq!((file.value[0], file.value[1] & 0xe0), (0xff, 0xe0), "an MP3 frame begins so");

    for program in [None, Some("false"), Some("/nonexistent/ffmpeg")] {
        let error = mp3(program).transcribe(request(), &NotHearing).await.unwrap_err();
        assert!(matches!(error, AsrError::NotEncoded { .. }), "{program:?}: {error:?}");
    }
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn what_the_provider_would_not_take_is_not_sent() {
    let peer = Peer::answering(answer()).await;
    let client = client(&peer.url, |options| options.max_bytes = 100_000);
    let sound = |samples: usize| Sound::of(vec![0.1; samples].into());
    let file = |duration_ms, bytes: usize| Sound::File {
        bytes: vec![0; bytes].into(),
        format: UploadFormat::Mp3,
        duration_ms,
    };
    for (sound, expected) in [
        (sound(28 * 16_000 + 16), "TooLong { length_ms: 28001, max_ms: 28000 }"),
        (file(30_001, 10), "TooLong { length_ms: 30001, max_ms: 30000 }"),
        (file(29_000, 100_001), "rejected - 413"),
        (sound(100_000), "rejected - 413"),
        (sound(0), ""),
    ] {
        let answer = client.transcribe(ClipRequest { sound, ..request() }, &NotHearing).await;
        assert_eq!(told(&answer), expected);
    }
    assert!(peer.requests().is_empty());
    let answer = client.transcribe(ClipRequest { sound: file(29_000, 10), ..request() }, &NotHearing).await;
    assert_eq!(told(&answer), "您好");
}

#[tokio::test]
async fn a_clip_costs_its_length_or_the_seconds_begun() {
    let peer = Peer::answering(answer()).await;
    for (billing, expected_ms) in [(Billing::PerMillisecond, 1250), (Billing::PerSecond, 2000)] {
        let client = client(&peer.url, |options| options.billing = billing);
        let clip = ClipRequest { sound: Sound::of(vec![0.1; 20_000].into()), ..request() };
        assert_eq!(client.transcribe(clip, &NotHearing).await.unwrap().billed_ms, expected_ms);
    }
}

#[tokio::test]
async fn requests_go_side_by_side_and_connections_are_used_again() {
    const AT_ONCE: usize = 20;
    // Nobody is answered before all have been read: any limit of the client's own would stop this test.
    let peer = Peer::start(|number| {
        vec![Step::Gather((number / AT_ONCE + 1) * AT_ONCE), Step::Send(stream("text/event-stream", EVENTS, 20))]
    })
    .await;
    const EVENTS: &str = "data: {\"type\":\"transcript.text.done\",\"text\":\"您好\"}\n\ndata: [DONE]\n\n";
    let client = client(&peer.url, |options| options.is_streaming = true);
    for _ in 0..3 {
        let answers = join_all((0..AT_ONCE).map(|_| client.transcribe(request(), &NotHearing))).await;
        assert!(answers.iter().all(|answer| told(answer) == "您好"), "{answers:?}");
    }
    assert_eq!(peer.requests().len(), 3 * AT_ONCE);
    assert!(peer.connections() < 2 * AT_ONCE, "{} connections", peer.connections());
}

#[tokio::test]
async fn whoever_gives_a_request_up_hangs_up() {
    let peer = Peer::start(|_| vec![Step::Wait]).await;
    let client = Arc::new(client(&peer.url, |_| {}));
    let asking = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.transcribe(request(), &NotHearing).await }
    });
    peer.has_read(1).await;
    asking.abort();
    peer.was_hung_up_on().await;
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn no_request_is_sent_twice_whatever_becomes_of_its_connection() {
    // The first request is answered, the second on the same connection is read and then not answered.
    for end in [Step::Close, Step::Reset] {
        let peer =
            Peer::start(move |number| if number % 2 == 0 { vec![Step::Send(answer())] } else { vec![end.clone()] })
                .await;
        let client = client(&peer.url, |_| {});
        for round in 0..4 {
            let asked = ClipRequest { request_id: format!("round-{round}"), ..request() };
            let expected = if round % 2 == 0 { "您好" } else { "unavailable -" };
            assert_eq!(told(&client.transcribe(asked, &NotHearing).await), expected, "{round}");
        }
        let ids: Vec<Option<String>> = peer.requests().iter().map(|request| request.field("request_id")).collect();
        assert_eq!(ids, (0..4).map(|round| Some(format!("round-{round}"))).collect::<Vec<_>>());
        assert!(peer.connections() < 4, "the second was to come on the first's connection");
    }
    // Nor is one tried again on a new connection after the first was reset before anything was read.
    let peer = Peer::refusing(1, |_| vec![Step::Send(answer())]).await;
    let client = client(&peer.url, |_| {});
    assert_eq!(told(&client.transcribe(request(), &NotHearing).await), "unavailable -");
    assert!(peer.requests().is_empty());
    assert_eq!(told(&client.transcribe(request(), &NotHearing).await), "您好");
}

#[tokio::test]
async fn a_refused_clip_fails_alone_and_an_account_that_is_stopped_keeps_the_job() {
    let refused = reply(400, "application/json", r#"{"error":{"code":"1301","message":"敏感内容"}}"#);
    let stopped = reply(429, "application/json", r#"{"error":{"code":"1113","message":"已欠费"}}"#);
    let peer = Peer::start(move |number| vec![Step::Send([&refused, &stopped][number].clone())]).await;
    let client = client(&peer.url, |_| {});
    let first = client.transcribe(request(), &NotHearing).await.unwrap_err();
    assert_eq!(first.disposition(), Disposition::Fail);
    assert!(first.to_string().contains("敏感内容"), "{first}");
    let second = client.transcribe(request(), &NotHearing).await.unwrap_err();
    assert!(matches!(second.disposition(), Disposition::RetryAfter(_)), "{second:?}");
}
