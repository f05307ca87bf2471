//! What is refused, and how that is said.

use earmark_simulator::{Fault, Rule, Simulator};

use crate::client::{GLM, OPENAI, TEXT, Wire, before, form, head, provider, wav};
use crate::support::{Machine, fixture};

const KEY: &str = "Authorization: Bearer s3cret\r\n";
const MODEL: (&str, &str) = ("model", "glm-asr");

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_has_its_code_and_costs_no_connection() {
    let (machine, simulator) = (Machine::new(), Simulator::start(provider(5)).await.unwrap());
    let service = before(&machine, "serve", &simulator, &[("EARMARK__HTTP__API_KEYS", "crm=s3cret@V0")]);
    let clip = wav(4000, 0);
    let (just, over) = (wav(30_000, 0), wav(30_001, 0));
    let big = vec![7; (25 << 20) + 1];
    let long = "字".repeat(8000);
    let of = |fields: &[(&str, &str)]| form(&[&[MODEL][..], fields].concat(), Some(&clip));
    let file = |file: &[u8]| form(&[MODEL], Some(file));
    let fixture = |name: &str| file(&std::fs::read(fixture(name)).unwrap());
    let words = vec![("hotwords", "x"); 101];
    let post = format!("POST {GLM}");
    let rows = [
        ("no key", post.as_str(), "", of(&[]), 401, "1001"),
        ("another scheme", &post, "Authorization: Basic s3cret\r\n", of(&[]), 401, "1001"),
        ("a wrong key", &post, "Authorization: Bearer bad\r\n", of(&[]), 401, "1000"),
        ("a wrong key before a large body", &post, "Authorization: Bearer bad\r\n", file(&big), 401, "1000"),
        ("another method", &format!("PUT {GLM}"), KEY, of(&[]), 405, "405"),
        ("no form", &post, KEY, b"{}".to_vec(), 400, "1210"),
        ("half a form", &post, KEY, of(&[])[..300].to_vec(), 400, "1210"),
        ("nothing", &post, KEY, Vec::new(), 400, "1210"),
        ("no model", &post, KEY, form(&[], Some(&clip)), 400, "1213"),
        ("another model", &post, KEY, form(&[("model", "nope")], Some(&clip)), 400, "1211"),
        ("no file", &post, KEY, form(&[MODEL], None), 400, "1213"),
        ("an empty file", &post, KEY, file(b""), 400, "1214"),
        ("a text", &post, KEY, file(b"hello, this is no sound at all"), 400, "1214"),
        ("noise for bytes", &post, KEY, fixture("broken/random.wav"), 400, "1214"),
        ("a page", &post, KEY, fixture("broken/s3-access-denied.wav"), 400, "1214"),
        ("half a video", &post, KEY, fixture("broken/truncated-no-moov.m4a"), 400, "1214"),
        ("a longer clip", &post, KEY, file(&over), 400, "1214"),
        ("a call of a minute", &post, KEY, fixture("dialogues/zh-dev-02-collection-abuse.pcm8k.wav"), 400, "1214"),
        ("a larger file", &post, KEY, file(&big), 400, "1214"),
        ("a larger body", &post, KEY, file(&vec![7; 40 << 20]), 400, "1214"),
        ("a long prompt", &post, KEY, of(&[("prompt", &long)]), 400, "1261"),
        ("many hotwords", &post, KEY, of(&words), 400, "1214"),
        ("a short user", &post, KEY, of(&[("user_id", "me")]), 400, "1214"),
        ("an odd stream", &post, KEY, of(&[("stream", "2")]), 400, "1214"),
        ("an odd format", &post, KEY, of(&[("response_format", "docx")]), 400, "1214"),
    ];
    // One connection for all: every body is read to its end.
    let mut wire = Wire::to(&service);
    for (what, line, headers, body, status, code) in rows {
        for line in [line.to_owned(), line.replace(GLM, OPENAI)] {
            let answer = wire.ask(&line, headers, &body);
            let said = answer.json();
            assert_eq!((answer.status, said["error"]["code"].as_str()), (status, Some(code)), "{what}: {answer:?}");
            assert!(said["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{what}");
            assert!(said["error"]["type"].is_string() && said["error"]["param"].is_null(), "{what}");
            assert!(said["request_id"].as_str().is_some_and(|id| id.len() == 36), "{what}");
            let is_final = status != 429 && status < 500;
            assert_eq!(answer.header("x-should-retry"), is_final.then_some("false"), "{what}");
        }
    }
    let too_long = wire.ask(&post, KEY, &file(&over)).json();
    assert_eq!(too_long["error"]["message"], "transcriptions文件时长限制为0-30秒");
    assert_eq!(simulator.requests(), 0);
    for file in [&just, &clip] {
        assert_eq!(wire.transcribe(GLM, KEY, &[], file).json()["text"], TEXT);
    }
    // Other paths keep their own shape.
    assert_eq!(wire.ask("GET /v1/jobs", "", b"").code(), "auth.key");
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_or_declares_too_much_is_answered_at_once() {
    let (machine, simulator) = (Machine::new(), Simulator::start(provider(5)).await.unwrap());
    let service = before(&machine, "serve", &simulator, &[]);
    let body = form(&[MODEL], Some(&wav(4000, 0)));
    let mut broken = Wire::to(&service);
    broken.send(head(&format!("POST {GLM}"), "", body.len()).as_bytes());
    broken.send(&body[..1000]);
    broken.end();
    let answer = broken.answer();
    assert_eq!((answer.status, answer.code().as_str()), (400, "1210"));

    let mut huge = Wire::to(&service);
    huge.send(head(&format!("POST {GLM}"), "", 1 << 40).as_bytes());
    let answer = huge.answer();
    assert_eq!((answer.status, answer.code().as_str()), (400, "1214"));

    let mut chunked = Wire::to(&service);
    let headers = "Host: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: multipart/form-data; boundary=b\r\n";
    chunked.send(format!("POST {GLM} HTTP/1.1\r\n{headers}\r\n{:x}\r\n", body.len()).as_bytes());
    chunked.send(&[&body, &b"\r\n0\r\n\r\n"[..]].concat());
    assert_eq!(chunked.answer().json()["text"], TEXT);
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_pages_of_other_sites_are_refused_in_the_same_shape() {
    let (machine, simulator) = (Machine::new(), Simulator::start(provider(5)).await.unwrap());
    let service = before(&machine, "serve", &simulator, &[]);
    let mut wire = Wire::to(&service);
    let body = form(&[MODEL], Some(&wav(4000, 0)));
    let answer = wire.ask(&format!("POST {OPENAI}"), "Origin: https://evil.example\r\n", &body);
    assert_eq!((answer.status, answer.code().as_str()), (403, "1220"));
    assert_eq!(wire.ask(&format!("POST {OPENAI}"), "Authorization: Bearer anything\r\n", &body).status, 200);
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_refuses_reaches_the_caller_with_its_code() {
    let machine = Machine::new();
    let simulator = Simulator::start(provider(5)).await.unwrap();
    let service = before(&machine, "serve", &simulator, &[]);
    let mut wire = Wire::to(&service);
    // The last one pauses the account: nothing is asked any more.
    for (code, status, retry) in [("1301", 400, "false"), ("1210", 400, "false"), ("1113", 429, "false")] {
        simulator.set_faults(vec![Rule::always(Fault::error(code))]);
        for stream in ["false", "true"] {
            let answer = wire.transcribe(GLM, "", &[("stream", stream)], &wav(4000, 0));
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
            assert_eq!(answer.header("x-should-retry"), Some(retry));
        }
    }
    assert_eq!(simulator.requests(), 5);
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_finds_sensitive_is_heard_by_the_built_in_engine() {
    let machine = Machine::new();
    let options = earmark_simulator::Options { faults: vec![Rule::always(Fault::error("1301"))], ..provider(5) };
    let simulator = Simulator::start(options).await.unwrap();
    let service = before(&machine, "serve", &simulator, &[("EARMARK__ASR__FALLBACK", "local")]);
    let speech = std::fs::read(fixture(crate::client::SPEECH)).unwrap();
    let answer = Wire::to(&service).transcribe(GLM, "", &[], &speech);
    let text = answer.json()["text"].as_str().unwrap().to_owned();
    assert!(answer.status == 200 && text.split(' ').count() > 5, "{text}");
    service.stop();
}
