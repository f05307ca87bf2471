//! Who speaks on which channel, and how headerless sound is read: said by the job at any door, by rules and by tenants; and
//! what is done where the words prove otherwise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use earmark_servers::RedisServer;
use serde_json::{Value, json};
use support::{Machine, Ran, Service, fixture};

/// A call whose customer is on channel 0, as some recorders write it.
const AGENT_ON_THE_RIGHT: &str = "cases/agent-on-the-right.wav";
/// A call whose agent is on channel 0.
const AGENT_ON_THE_LEFT: &str = "dialogues/en-dev-01-investment-guaranteed.mulaw8k.wav";

fn run(settings: &[(&str, &str)], args: &[&str]) -> (Machine, Value) {
    let machine = Machine::new();
    let mut command = machine.command(&[&["run", "--json"], args].concat());
    command.envs(settings.iter().copied());
    let ran = Ran::of(&command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report = ran.json().remove(0);
    (machine, report)
}

/// Who is heard on channel 0, then on channel 1.
fn speakers(report: &Value) -> [Vec<String>; 2] {
    [0, 1].map(|channel| {
        let heard = report["utterances"].as_array().unwrap().iter().filter(|said| said["channel"] == channel);
        let mut names: Vec<String> = heard.map(|said| said["speaker"].as_str().unwrap().to_owned()).collect();
        names.dedup();
        names
    })
}

fn found(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["rule_id"].as_str().unwrap()).collect()
}

fn warning<'a>(report: &'a Value, code: &str) -> Option<&'a Value> {
    report["warnings"].as_array().unwrap().iter().find(|warning| warning["code"] == code)
}

#[test]
fn speakers_are_those_of_the_job_then_of_a_rule_then_of_its_tenant() {
    let call = fixture(AGENT_ON_THE_RIGHT);
    let by_tenant = ("EARMARK__AUDIO__TENANT_SPEAKERS", "acme=left|right");
    let by_rule = ("EARMARK__AUDIO__SPEAKER_RULES", "name=AGENT-on-the-* -> customer|agent");
    let by_recorder = ("EARMARK__AUDIO__SOURCE_PROFILE", "amazon-connect");
    for (settings, args, expected) in [
        (&[][..], &[&*call][..], ["agent", "customer"]),
        (&[by_tenant, by_rule, by_recorder], &[&call, "--tenant", "acme", "--speakers", "b, c"], ["b", "c"]),
        (&[by_tenant, by_rule, by_recorder], &[&call, "--tenant", "acme"], ["customer", "agent"]),
        (&[by_tenant, by_recorder], &[&call, "--tenant", "acme"], ["left", "right"]),
        (&[by_recorder], &[&call], ["customer", "agent"]),
    ] {
        let (_, report) = run(settings, args);
        assert_eq!(speakers(&report), expected.map(|name| vec![name.to_owned()]), "{settings:?} {args:?}");
        let codes: Vec<_> = report["warnings"].as_array().unwrap().iter().map(|warning| &warning["code"]).collect();
        assert!(codes.is_empty(), "{codes:?}");
    }
}

#[test]
fn exchanged_speakers_are_warned_of_and_where_it_is_wanted_exchanged_before_the_rules_look() {
    let call = fixture(AGENT_ON_THE_LEFT);
    let wrong = ("EARMARK__AUDIO__SPEAKERS", "customer,agent");
    let exchange = ("EARMARK__AUDIO__EXCHANGE_SPEAKERS", "exchange");

    let (_, right) = run(&[], &[&call]);
    assert!(warning(&right, "speakers_exchanged").is_none(), "{:?}", right["warnings"]);

    let (_, warned) = run(&[wrong], &[&call]);
    let warning_of = warning(&warned, "speakers_exchanged").unwrap();
    assert_eq!(warning_of["channel"], 0);
    assert!(warning_of["spans"].as_array().is_some_and(|spans| !spans.is_empty()), "{warning_of}");
    let detail = warning_of["detail"].as_str().unwrap();
    assert!(detail.contains("call is being recorded") && detail.contains("nothing was exchanged"), "{detail}");
    assert_ne!(found(&warned), found(&right));

    let (machine, exchanged) = run(&[wrong, exchange], &[&call]);
    let detail = warning(&exchanged, "speakers_exchanged").unwrap()["detail"].as_str().unwrap();
    assert!(detail.contains("they were exchanged before the rules looked"), "{detail}");
    assert_eq!((speakers(&exchanged), found(&exchanged)), (speakers(&right), found(&right)));
    let entries = machine.run(&["audit", "export"]).json();
    let done = entries.iter().rfind(|entry| entry["kind"] == "job.done").unwrap();
    let payload: Value = serde_json::from_str(done["payload"].as_str().unwrap()).unwrap();
    assert_eq!(payload["speakers_exchanged"]["is_done"], true, "{payload}");
    assert_eq!(payload["speakers"]["by_channel"], json!(["customer", "agent"]));
    assert_eq!(machine.run(&["audit", "verify"]).code, Some(0));

    // A producer's word for this very recording stays, with the warning.
    let (_, own) = run(&[exchange], &[&call, "--speakers", "customer,agent"]);
    assert_eq!(speakers(&own), [vec!["customer".to_owned()], vec!["agent".to_owned()]]);
    assert!(warning(&own, "speakers_exchanged").is_some());
    let (_, off) = run(&[wrong, ("EARMARK__AUDIO__EXCHANGE_SPEAKERS", "off")], &[&call]);
    assert!(warning(&off, "speakers_exchanged").is_none());
}

#[tokio::test]
async fn speakers_offered_over_http_are_shown_and_hold_in_the_report() {
    let machine = Machine::new();
    let service = Service::start(&machine, "up", &[]);
    let uri = format!("file://{}", fixture(AGENT_ON_THE_RIGHT));
    let body = json!({ "uri": uri, "speakers": ["customer", "agent"], "sound": "pcm_s16le:8000:2" });
    let (status, accepted) = service.post("/v1/jobs", &body, &[]).await;
    assert_eq!((status, &accepted["speakers"]), (202, &json!(["customer", "agent"])));
    let other = json!({ "uri": uri, "speakers": "agent,customer" });
    assert_eq!(service.post("/v1/jobs", &other, &[]).await.0, 202, "with other speakers it is another job");
    let (status, said) = service.post("/v1/jobs", &json!({ "uri": uri, "speakers": 7 }), &[]).await;
    assert_eq!((status, &said["error"]["code"]), (422, &json!("job.malformed")));

    let path = format!("/v1/jobs/{}", accepted["job_id"].as_str().unwrap());
    let job = service.until("the job's end", &path, |_, job| {
        ["done", "dead"].contains(&job["state"].as_str()?).then(|| job.clone())
    });
    let job = job.await;
    assert_eq!(job["speakers"], json!(["customer", "agent"]));
    assert_eq!(job["sound"], json!({ "encoding": "pcm_s16le", "rate_hz": 8000, "channels": 2 }));
    let report: Value = serde_json::from_str(&service.get(&format!("{path}/report")).await.1).unwrap();
    assert_eq!(speakers(&report), [vec!["customer".to_owned()], vec!["agent".to_owned()]]);
    let shown = machine.run(&["jobs", "show", job["job_id"].as_str().unwrap()]);
    assert!(shown.stdout.contains("customer, agent") && shown.stdout.contains("pcm_s16le:8000:2"), "{}", shown.stdout);
    service.stop();
}

#[tokio::test]
async fn an_entry_of_the_stream_names_speakers_and_sound_as_text_or_as_json() {
    let (machine, redis) = (Machine::new(), RedisServer::start());
    let service = Service::start(&machine, "serve", &[("EARMARK__QUEUE__URL", &redis.url())]);
    let json_sound = r#"{"encoding": "pcm_s16le", "rate_hz": 8000, "channels": 2}"#;
    for (key, names, sound) in
        [("text", "customer,agent", "pcm_s16le:8000:2"), ("json", r#"["customer", "agent"]"#, json_sound)]
    {
        let entry =
            ["XADD", "earmark:intake", "*", "uri", "s3://calls/a.raw", "key", key, "speakers", names, "sound", sound];
        redis.ask::<String>(&entry).await;
        let path = format!("/v1/jobs?key={key}");
        let job =
            service.until("the entry's job", &path, |_, listed| listed["jobs"].as_array()?.first().cloned()).await;
        assert_eq!(job["speakers"], json!(["customer", "agent"]));
        assert_eq!(job["sound"], json!({ "encoding": "pcm_s16le", "rate_hz": 8000, "channels": 2 }));
    }
    service.stop();
}

#[test]
fn a_manifests_line_comes_before_the_shells_words_and_a_known_key_keeps_what_it_was_offered_with() {
    let machine = Machine::new();
    let list = machine.folder.path().join("list.jsonl");
    let lines = [
        json!({ "uri": "s3://calls/1.raw", "key": "1", "speakers": ["customer", "agent"] }),
        json!({ "uri": "s3://calls/2.raw", "key": "2", "sound": { "encoding": "pcm_alaw" } }),
    ];
    std::fs::write(&list, lines.map(|line| line.to_string()).join("\n")).unwrap();
    let args = ["submit", "--manifest", "list.jsonl", "--speakers", "left,right", "--sound", "pcm_s16le:8000:2"];
    let ran = machine.run(&args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut jobs = machine.run(&["jobs", "list", "--json"]).json();
    jobs.sort_by_key(|job| job["key"].to_string());
    let sound = json!({ "encoding": "pcm_s16le", "rate_hz": 8000, "channels": 2 });
    assert_eq!((&jobs[0]["speakers"], &jobs[0]["sound"]), (&json!(["customer", "agent"]), &sound));
    let alaw = json!({ "encoding": "pcm_alaw" });
    assert_eq!((&jobs[1]["speakers"], &jobs[1]["sound"]), (&json!(["left", "right"]), &alaw));

    let again = machine.run(&["submit", "s3://calls/1.raw", "--key", "1", "--speakers", "agent,customer"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.stderr.contains("was offered with other speakers"), "{}", again.stderr);
    for (args, words) in [
        (["submit", "a.raw", "--speakers", "agent,"], "no name of a speaker"),
        (["submit", "a.raw", "--sound", "pcm_s16:8000"], "use one of pcm_s16le"),
    ] {
        let ran = machine.run(&args);
        assert!(ran.code == Some(2) && ran.stderr.contains(words) && ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
}

#[test]
fn a_recording_without_a_header_is_read_as_its_job_or_a_rule_says() {
    let call = fixture("cases/two-directions.raw");
    let by_rule = ("EARMARK__AUDIO__SOUND_RULES", "tenant=acme & name=*.raw -> pcm_s16le:8000:2");
    for (settings, args) in [
        (&[][..], &[&*call, "--sound", "pcm_s16le:8000:2", "--speakers", "customer,agent"][..]),
        (&[by_rule], &[&call, "--tenant", "acme", "--speakers", "customer,agent"]),
    ] {
        let (_, report) = run(settings, args);
        let recording = &report["recording"];
        assert_eq!((&recording["codec"], &recording["channels"]), (&json!("pcm_s16le"), &json!(2)));
        assert!(recording["duration_ms"].as_u64().unwrap().abs_diff(4600) < 50, "{recording}");
        assert_eq!(speakers(&report), [vec!["customer".to_owned()], vec!["agent".to_owned()]]);
        let second = report["utterances"].as_array().unwrap().iter().find(|said| said["channel"] == 1).unwrap();
        assert!(second["start_ms"].as_u64().unwrap().abs_diff(3000) < 200, "{second}");
    }
}
