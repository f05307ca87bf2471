//! What is answered: every format, plain and streamed.

use earmark_simulator::Simulator;
use serde_json::json;

use crate::client::{GLM, OPENAI, SPEECH, TEXT, Wire, before, provider, wav};
use crate::support::{Machine, Service, fixture};

#[tokio::test(flavor = "multi_thread")]
async fn every_format_says_what_the_account_heard_and_the_upload_goes_on_unchanged() {
    let (machine, simulator) = (Machine::new(), Simulator::start(provider(5)).await.unwrap());
    let service = before(&machine, "serve", &simulator, &[]);
    let clip = wav(2500, 0);
    let mut wire = Wire::to(&service);
    for path in [GLM, OPENAI] {
        let asked =
            [("request_id", "req-abcdef"), ("hotwords[]", "智谱"), ("hotwords", "[\"大模型\"]"), ("prompt", "上文")];
        let answer = wire.transcribe(path, "", &asked, &clip);
        let body = answer.json();
        assert_eq!((answer.status, &body["text"]), (200, &json!(TEXT)));
        assert_eq!((&body["request_id"], &body["model"]), (&json!("req-abcdef"), &json!("glm-asr-2512")));
        assert!(body["id"].is_string() && body["created"].as_i64().unwrap() > 1_700_000_000, "{body}");
        assert_eq!(body["segments"], json!([{"id": 0, "start": 0.0, "end": 2.5, "text": TEXT}]));
        assert_eq!(body["usage"], json!({"type": "duration", "seconds": 3}));
        assert_eq!(answer.header("x-request-id"), body["id"].as_str());
    }
    let sent = simulator.log();
    assert_eq!(sent[0].audio_sha256, earmark_simulator::sha256_hex(&clip));
    assert_eq!((sent[0].prompt.as_deref(), &sent[0].hotwords), (Some("上文"), &vec!["智谱".into(), "大模型".into()]));
    assert_eq!(
        (sent[0].request_id.as_deref(), sent[0].user_id.as_deref()),
        (Some("req-abcdef"), Some("default-default"))
    );

    let verbose = wire.transcribe(OPENAI, "", &[("response_format", "verbose_json"), ("language", "zh")], &clip).json();
    assert_eq!((&verbose["task"], &verbose["language"]), (&json!("transcribe"), &json!("chinese")));
    assert_eq!(verbose["duration"], json!(2.5));
    let fields = verbose["segments"][0].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let all = [
        "id",
        "seek",
        "start",
        "end",
        "text",
        "tokens",
        "temperature",
        "avg_logprob",
        "compression_ratio",
        "no_speech_prob",
    ];
    assert!(all.iter().all(|field| fields.contains(field)), "{fields}");
    let lines = "这里的天气怎么样？今天下午会下雨吗？";
    for (format, kind, expected) in [
        ("text", "text/plain", format!("{TEXT}\n")),
        ("srt", "text/plain", format!("1\n00:00:00,000 --> 00:00:02,500\n{lines}\n\n")),
        ("vtt", "text/vtt", format!("WEBVTT\n\n00:00:00.000 --> 00:00:02.500\n{lines}\n\n")),
    ] {
        let answer = wire.transcribe(OPENAI, "", &[("response_format", format)], &clip);
        assert_eq!((answer.status, &answer.body), (200, &expected), "{format}");
        assert!(answer.header("content-type").unwrap().starts_with(kind), "{}", answer.head);
    }
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_made_of_deltas_that_come_as_the_account_sends_them() {
    let machine = Machine::new();
    for (streams, deltas) in [("true", 5), ("false", 1)] {
        let simulator = Simulator::start(provider(5)).await.unwrap();
        let service = before(&machine, "serve", &simulator, &[("EARMARK__ASR__STREAM", streams)]);
        let mut wire = Wire::to(&service);
        let answer = wire.transcribe(GLM, "Accept: application/json\r\n", &[("stream", "true")], &wav(4000, 0));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream;charset=utf-8")));
        let mut events = answer.events();
        let done = events.pop().unwrap();
        assert_eq!((&done["type"], &done["text"]), (&json!("transcript.text.done"), &json!(TEXT)));
        assert!(events.iter().all(|event| event["type"] == "transcript.text.delta" && event["id"] == done["id"]));
        assert!(done["model"] == "glm-asr-2512" && done["created"].is_i64(), "{done}");
        assert_eq!(events.iter().map(|event| event["delta"].as_str().unwrap()).collect::<String>(), TEXT);
        assert_eq!(events.len(), deltas, "{events:?}");
        // The connection is still good.
        assert_eq!(wire.transcribe(GLM, "", &[("stream", "false")], &wav(4000, 1)).status, 200);
        service.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_engine_answers_any_container_and_says_nothing_about_silence() {
    let machine = Machine::new();
    let service = Service::start(&machine, "serve", &[]);
    let mut wire = Wire::to(&service);
    for name in [SPEECH, "formats/austen0870.mp3_16k.mp3", "formats/austen0870.opus16k.ogg", "broken/mp3-named.wav"] {
        let file = std::fs::read(fixture(name)).unwrap();
        let answer = wire.transcribe(GLM, "", &[], &file).json();
        let words = answer["text"].as_str().unwrap_or_else(|| panic!("{name}: {answer}")).split(' ').count();
        assert!(words > 5, "{name}: {answer}");
    }
    let speech = std::fs::read(fixture(SPEECH)).unwrap();
    let fields = [("stream", "true"), ("response_format", "verbose_json"), ("timestamp_granularities[]", "word")];
    let plain = wire.transcribe(GLM, "", &fields[1..], &speech).json();
    assert_eq!(plain["language"], "english");
    assert!(plain["words"].as_array().unwrap().len() > 5, "{plain}");
    let streamed = wire.transcribe(GLM, "", &fields, &speech).events();
    assert_eq!(streamed.last().unwrap()["text"], plain["text"]);
    for name in ["broken/silence.wav", "broken/dtmf.wav"] {
        let answer = wire.transcribe(GLM, "", &[], &std::fs::read(fixture(name)).unwrap());
        assert_eq!((answer.status, &answer.json()["text"]), (200, &json!("")), "{name}");
    }
    service.stop();
}
