//! Files that others name over HTTP: only in folders set up for it once others may ask, and nothing of any is told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use serde_json::{Value, json};
use support::{Machine, Service, fixture};

/// In the secret file, and nowhere else.
const SECRET: &str = "hunter2";
const KEYS: (&str, &str) = ("EARMARK__HTTP__API_KEYS", "crm=k3y@V0");
const BEARER: (&str, &str) = ("authorization", "Bearer k3y");

fn secret(machine: &Machine, name: &str) -> String {
    let path = machine.folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, format!("password = {SECRET}\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn with_a_key_no_file_may_be_named_and_none_is_told_from_one_that_is_missing() {
    let machine = Machine::new();
    let there = secret(&machine, "secret.txt");
    let missing = machine.folder.path().join("missing.txt").to_str().unwrap().to_owned();
    let service = Service::start(&machine, "serve", &[KEYS]);
    for offer in [
        json!({"uri": "PATH"}),
        json!({"uri": "file://PATH"}),
        json!({"parts": ["s3://calls/a.wav", {"uri": "file://PATH"}]}),
        json!({"uri": "PATH", "sound": "pcm_s16le:8000:1"}),
    ] {
        let mut said = Vec::new();
        for path in [&there, &missing] {
            let body: Value = serde_json::from_str(&offer.to_string().replace("PATH", path)).unwrap();
            let (status, error) = service.post("/v1/jobs", &body, &[BEARER]).await;
            assert_eq!((status, error["error"]["code"].as_str()), (400, Some("job.file_root")), "{body}: {error}");
            assert!(error["error"]["hint"].as_str().unwrap().contains("EARMARK__STORAGE__FILE_ROOTS"), "{error}");
            said.push(error.to_string().replace(path.as_str(), "PATH"));
        }
        assert_eq!(said[0], said[1]);
    }
    service.stop();
}

#[tokio::test]
async fn a_file_in_a_root_is_taken_and_a_text_in_it_is_refused_without_a_word_of_it() {
    let machine = Machine::new();
    let text = secret(&machine, "calls/notes.wav");
    let outside = secret(&machine, "secret.txt");
    let link = machine.folder.path().join("calls/link.wav");
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    let call = machine.folder.path().join("calls/a.wav");
    std::fs::copy(fixture("dialogues/zh-dev-02-collection-abuse.pcm8k.wav"), &call).unwrap();
    let roots = machine.folder.path().join("calls").to_str().unwrap().to_owned();
    let settings = [KEYS, ("EARMARK__STORAGE__FILE_ROOTS", roots.as_str())];
    let service = Service::start(&machine, "up", &settings);
    let refused = service.post("/v1/jobs", &json!({"uri": link}), &[BEARER]).await;
    assert_eq!((refused.0, refused.1["error"]["code"].as_str()), (400, Some("job.file_root")));
    let (status, _) = service.post("/v1/jobs", &json!({"uri": call}), &[BEARER]).await;
    assert_eq!(status, 202);
    let (status, accepted) = service.post("/v1/jobs", &json!({"uri": text}), &[BEARER]).await;
    assert_eq!(status, 202);
    let id = accepted["job_id"].as_str().unwrap();
    let shown = service.running.until("the text to be refused", || {
        let ran = machine.run(&["jobs", "show", id, "--json"]);
        (ran.json_whole()["state"] == "dead").then_some(ran)
    });
    assert_eq!(shown.json_whole()["error"]["code"], "decode.not_audio");
    assert!(!format!("{shown:?}").contains(SECRET), "{shown:?}");
    service.stop();
    // Here and now, by the user who may read it, it is no other.
    let ran = machine.run(&["run", "--json", &text]);
    let line = &ran.json()[0];
    assert_eq!(line["error"]["code"], "decode.not_audio", "{line}");
    assert!(!format!("{ran:?}").contains(SECRET), "{ran:?}");
}

#[tokio::test]
async fn with_nobody_from_elsewhere_a_file_is_taken_as_at_the_shell() {
    let machine = Machine::new();
    let service = Service::start(&machine, "serve", &[]);
    let (status, _) = service.post("/v1/jobs", &json!({"uri": "file:///recordings/17.wav"}), &[]).await;
    assert_eq!(status, 202);
    service.stop();
    let submitted = machine.run(&["submit", &secret(&machine, "a.wav")]);
    assert_eq!(submitted.code, Some(0), "{submitted:?}");
}
