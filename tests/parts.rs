//! A recording of several files, by every door: one job, one report, each file on channels of its own at its time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::path::{Path, PathBuf};

use earmark_servers::{RedisServer, S3Server};
use serde_json::{Value, json};
use support::{Machine, Ran, Service, fixture};

const IN: &str = "cases/call-17-in.wav";
const OUT: &str = "cases/call-17-out.wav";

/// What is heard on a channel: where it begins, by whom, and the words.
fn heard(report: &Value, channel: u64) -> (u64, String, String) {
    let utterances: Vec<&Value> =
        report["utterances"].as_array().unwrap().iter().filter(|said| said["channel"] == channel).collect();
    let first = utterances.first().unwrap_or_else(|| panic!("nothing on channel {channel}: {report}"));
    let words: Vec<&str> = utterances.iter().map(|said| said["text"].as_str().unwrap()).collect();
    (first["start_ms"].as_u64().unwrap(), first["speaker"].as_str().unwrap().into(), words.join(" ").to_lowercase())
}

#[track_caller]
fn assert_near(ms: u64, expected: u64) {
    assert!(ms.abs_diff(expected) <= 150, "{ms} ms, not {expected}");
}

/// The two directions of a call, under a machine's `calls`.
fn calls(machine: &Machine, names: &[(&str, &str)]) -> PathBuf {
    let folder = machine.folder.path().join("calls");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, source) in names {
        std::fs::copy(fixture(source), folder.join(name)).unwrap();
    }
    folder
}

fn schema() -> jsonschema::Validator {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

#[test]
fn two_directions_of_a_call_are_one_report_with_the_findings_of_both() {
    let machine = Machine::new();
    let rules = machine.folder.path().join("mine.yaml");
    let rule = |id: &str, word: &str, speaker: &str| {
        format!("  - {{id: {id}, category: test, severity: low, speaker: {speaker}, words: [\"{word}\"]}}\n")
    };
    let both = [rule("young", "young man", "agent"), rule("selfish", "selfish", "customer")].concat();
    std::fs::write(&rules, format!("rules:\n{both}")).unwrap();
    let (first, second) = (fixture(IN), fixture(OUT));
    let ran = machine.run(&["run", "--json", "--rules", "mine.yaml", "--together", &first, &second]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let [report] = ran.json().try_into().unwrap();
    let mistakes: Vec<String> = schema().iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(mistakes.is_empty(), "{mistakes:?}");

    let recording = &report["recording"];
    assert_eq!((recording["channels"].as_u64(), recording["duration_ms"].as_u64()), (Some(2), Some(8400)));
    assert_eq!((&recording["uri"], &recording["codec"]), (&json!(first), &json!("pcm_mulaw")));
    let (start_ms, speaker, words) = heard(&report, 0);
    assert_near(start_ms, 100);
    assert!(speaker == "agent" && words.contains("disposed young man"), "{speaker}: {words}");
    let (start_ms, speaker, words) = heard(&report, 1);
    assert_near(start_ms, 3000);
    assert!(speaker == "customer" && words.contains("selfish"), "{speaker}: {words}");
    let found: Vec<_> = report["findings"].as_array().unwrap().iter().map(|found| &found["rule_id"]).collect();
    assert_eq!(found, ["young", "selfish"]);

    let parts = recording["parts"].as_array().unwrap();
    let mut lines = String::new();
    for ((part, uri), first_channel) in parts.iter().zip([&first, &second]).zip(0..) {
        let bytes = std::fs::read(uri).unwrap();
        let sha256 = earmark_core::sha256_hex(&bytes);
        lines += &format!("{sha256} 0\n");
        let expected = json!({
            "uri": uri, "sha256": sha256, "size_bytes": bytes.len(), "duration_ms": 8400, "channels": 1,
            "codec": "pcm_mulaw", "sample_rate_hz": 8000, "offset_ms": 0, "first_channel": first_channel,
        });
        assert_eq!(*part, expected);
    }
    assert_eq!(recording["sha256"], earmark_core::sha256_hex(lines.as_bytes()));
    assert_eq!(recording["size_bytes"], 2 * 67_292);
    assert_eq!(machine.run(&["audit", "verify"]).code, Some(0));
}

#[test]
fn files_that_begin_later_keep_their_time_and_the_same_sound_is_not_sent_again() {
    let machine = Machine::new();
    let folder = calls(&machine, &[("a.wav", IN), ("b.wav", OUT), ("again-a.wav", IN), ("again-b.wav", OUT)]);
    let line = |first: &str, second: &str| json!({"parts": [{"uri": first, "speaker": "guest"}, {"uri": second, "offset_ms": 500, "speaker": "host"}]});
    std::fs::write(folder.join("first.jsonl"), line("calls/a.wav", "calls/b.wav").to_string()).unwrap();
    let others = [line("calls/again-a.wav", "calls/again-b.wav"), line("calls/again-b.wav", "calls/again-a.wav")];
    std::fs::write(folder.join("others.jsonl"), others.map(|line| line.to_string()).join("\n")).unwrap();
    let mut command = machine.command(&["work"]);
    command.env("EARMARK__WORKER__SLOTS", "1");
    let worker = support::Running::start(command);
    let submit = |manifest: &str| {
        let ran = machine.run(&["submit", "--json", "--wait", "--timeout", "5m", "--manifest", manifest]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let report = |line: &Value| {
            let id = line["job_id"].as_str().unwrap();
            machine.run(&["results", "export", id, "--format", "json"]).json_whole()
        };
        ran.json().iter().filter(|line| line["is_new"] == true).map(report).collect::<Vec<Value>>()
    };
    let first = submit("calls/first.jsonl").remove(0);
    assert_eq!(first["recording"]["duration_ms"], 8900);
    let ((start_ms, speaker, _), (other_ms, other, words)) = (heard(&first, 0), heard(&first, 1));
    assert_near(start_ms, 100);
    assert_near(other_ms, 3500);
    assert_eq!((speaker.as_str(), other.as_str()), ("guest", "host"));
    assert!(words.contains("selfish"), "{words}");

    let [again, swapped] = submit("calls/others.jsonl").try_into().unwrap();
    let is_reused = |report: &Value| {
        report["warnings"].as_array().unwrap().iter().any(|warning| warning["code"] == "transcript_reused")
    };
    assert!(is_reused(&again) && !is_reused(&swapped), "{again}\n{swapped}");
    assert_eq!(again["recording"]["sha256"], first["recording"]["sha256"]);
    assert_ne!(swapped["recording"]["sha256"], first["recording"]["sha256"]);
    assert_eq!(heard(&swapped, 0).1, "guest");
    worker.stop();
}

#[test]
fn a_file_that_is_missing_or_broken_ends_the_job_and_is_named() {
    let machine = Machine::new();
    let folder = calls(&machine, &[("a.wav", IN), ("noise.wav", "broken/random.wav")]);
    for (other, code) in [("none.wav", "fetch."), ("noise.wav", "decode.")] {
        let (first, second) = (folder.join("a.wav"), folder.join(other));
        let ran = machine.run(&["run", "--json", "--together", first.to_str().unwrap(), second.to_str().unwrap()]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let error = &ran.json()[0]["error"];
        let message = error["message"].as_str().unwrap();
        assert!(error["code"].as_str().unwrap().starts_with(code), "{error}");
        assert!(message.contains("file 2 of 2") && message.contains(other), "{message}");
    }
    let ran = machine.run(&["jobs", "list", "--json", "--state", "done"]);
    assert!(ran.json().is_empty(), "{}", ran.stdout);
}

fn submitted(machine: &Machine, args: &[&str]) -> Ran {
    machine.run(&[&["submit", "--json"], args].concat())
}

#[tokio::test]
async fn the_same_files_are_the_same_job_by_every_door_and_secrets_of_any_are_not_shown() {
    let machine = Machine::new();
    let redis = RedisServer::start();
    let service = Service::start(&machine, "serve", &[("EARMARK__QUEUE__URL", &redis.url())]);
    let folder = calls(&machine, &[("a.wav", IN), ("b.wav", OUT)]);
    let (a, b) = (folder.join("a.wav"), folder.join("b.wav"));
    let offer = json!({"parts": [a, {"uri": b, "offset_ms": 120}]});
    let (status, said) = service.post("/v1/jobs", &offer, &[]).await;
    assert_eq!((status, &said["uri"]), (202, &json!(a)), "{said}");
    let id = said["job_id"].as_str().unwrap().to_owned();
    let shell = submitted(&machine, &["--together", "--offsets", "0,120", "calls/a.wav", "calls/b.wav"]);
    std::fs::write(folder.join("list.jsonl"), offer.to_string()).unwrap();
    let manifest = submitted(&machine, &["--manifest", "calls/list.jsonl"]);
    for ran in [shell, manifest] {
        assert_eq!(ran.json()[0]["job_id"], id, "{} {}", ran.stdout, ran.stderr);
    }
    let others = [json!({"uri": a}), json!({"parts": [a, b]}), json!({"parts": [b, {"uri": a, "offset_ms": 120}]})];
    let mut seen = vec![id.clone()];
    for other in others {
        let (status, said) = service.post("/v1/jobs", &other, &[]).await;
        assert!(status == 202 && !seen.contains(&said["job_id"].to_string()), "{other}: {said}");
        seen.push(said["job_id"].to_string());
    }

    assert_eq!(service.post("/v1/jobs", &json!({"parts": [a]}), &[]).await.0, 200, "a list of one file is that file");

    // By Redis, signed, and told without what signs it.
    let signed = "https://me:pa55w0rd@example.org/out.wav?sig=51gnatur3";
    let add = async |parts: Value, key: &str| {
        redis.ask::<String>(&["XADD", "earmark:intake", "*", "parts", &parts.to_string(), "key", key]).await;
        let taken = async { while redis.ask::<u64>(&["XLEN", "earmark:intake"]).await > 0 {} };
        service.running.meanwhile("the entry to be taken", taken).await;
    };
    add(json!([a, {"uri": signed, "speaker": "customer"}]), "signed").await;
    add(json!([a, {"uri": signed, "speaker": "<v x>"}]), "wrong").await;
    add(json!([a, {"url": signed}]), "malformed").await;
    add(json!([a, b]), "signed").await;
    let (_, listed) = service.get("/v1/jobs?key=signed").await;
    let job = serde_json::from_str::<Value>(&listed).unwrap()["jobs"][0].clone();
    let told = json!([
        {"uri": a, "offset_ms": 0, "speaker": null},
        {"uri": "https://example.org/out.wav?…", "offset_ms": 0, "speaker": "customer"},
    ]);
    assert_eq!(job["parts"], told);
    let shown = machine.run(&["jobs", "show", job["job_id"].as_str().unwrap()]);
    assert!(shown.stdout.contains("2 of 2: https://example.org/out.wav?… at 0 ms, customer"), "{}", shown.stdout);
    let rejected: Vec<(String, Vec<String>)> = redis.ask(&["XRANGE", "earmark:rejected", "-", "+"]).await;
    let codes: Vec<bool> = ["job.speakers", "job.malformed", "job.key_reused"]
        .iter()
        .zip(&rejected)
        .map(|(code, (_, fields))| fields.iter().any(|field| field == code))
        .collect();
    assert_eq!(codes, [true, true, true], "{rejected:?}");
    let audit = machine.run(&["audit", "export"]);
    for text in [format!("{rejected:?}"), listed, shown.stdout, shown.stderr, audit.stdout] {
        assert!(!text.contains("pa55w0rd") && !text.contains("51gnatur3"), "{text}");
    }
    // The journal has them whole: called off and put back, the job has them still.
    let path = format!("/v1/jobs/{}", job["job_id"].as_str().unwrap());
    for step in ["cancel", "retry"] {
        let (status, told) = service.post(&format!("{path}/{step}"), &json!({}), &[]).await;
        assert_eq!((status, told["parts"].as_array().map(Vec::len)), (200, Some(2)), "{told}");
    }
    let database = std::fs::read(machine.database()).unwrap();
    let wal = std::fs::read(machine.database().with_extension("sqlite-wal")).unwrap_or_default();
    let holds = |bytes: &[u8]| bytes.windows(9).any(|window| window == b"51gnatur3");
    assert!(holds(&database) || holds(&wal), "a worker could not fetch it");
    service.stop();
}

#[test]
fn what_cannot_be_together_is_refused_with_what_to_do() {
    let machine = Machine::new();
    for (args, part) in [
        (vec!["--together", "--offsets", "0,1,2", "a.wav", "b.wav"], "3 numbers, there are 2 files"),
        (vec!["--together", "a.wav", "./a.wav"], "twice"),
        (vec!["--together", "a.wav", "s3://bucket"], "s3://bucket/key"),
        (vec!["--offsets", "0", "a.wav"], "--together"),
        (vec!["--together", "--legs", "asterisk", "a.wav"], "cannot be used with"),
        (vec!["--legs", "(in|out)", "a.wav"], "(?P<leg>in|out)"),
    ] {
        let ran = submitted(&machine, &args);
        assert!(ran.code == Some(2) && ran.stderr.contains(part), "{args:?}: {}", ran.stderr);
    }
    let many: Vec<String> = (0..17).map(|number| format!("{number}.wav")).collect();
    let ran = submitted(
        &machine,
        &[&["--together"], many.iter().map(String::as_str).collect::<Vec<_>>().as_slice()].concat(),
    );
    assert!(ran.code == Some(2) && ran.stderr.contains("17 files, the limit is 16"), "{}", ran.stderr);
}

/// For each job the names of its files.
fn jobs(machine: &Machine, ran: &Ran) -> Vec<Vec<String>> {
    let name = |uri: &Value| Path::new(uri.as_str().unwrap()).file_name().unwrap().to_string_lossy().into_owned();
    let files = |line: &Value| {
        let job = machine.run(&["jobs", "show", "--json", line["job_id"].as_str().unwrap()]).json_whole();
        match job["parts"].as_array() {
            Some(parts) => parts.iter().map(|part| name(&part["uri"])).collect(),
            None => vec![name(&job["uri"])],
        }
    };
    ran.json().iter().map(files).collect()
}

#[test]
fn legs_of_a_call_find_each_other_by_name_and_one_without_the_other_is_not_lost_in_silence() {
    let names = [("17-in.wav", IN), ("17-out.wav", OUT), ("18-in.wav", IN), ("whole.wav", IN)];
    let with = |settings: &[&str]| {
        let machine = Machine::new();
        calls(&machine, &names);
        let ran = submitted(&machine, &[&["--legs", "asterisk"], settings, &["calls"]].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        (jobs(&machine, &ran), ran.stderr)
    };
    let (alone, said) = with(&[]);
    assert_eq!(alone, [vec!["17-in.wav", "17-out.wav"], vec!["whole.wav"], vec!["18-in.wav"]]);
    assert!(said.contains("18-in.wav is taken by itself: the leg out of its call is not there"), "{said}");
    let (held, said) = with(&["--incomplete", "hold"]);
    assert_eq!(held, [vec!["17-in.wav", "17-out.wav"], vec!["whole.wav"]]);
    assert!(said.contains("18-in.wav is held back"), "{said}");

    // In a manifest too, by a rule of one's own; a line with parts is what it says.
    let machine = Machine::new();
    let folder = calls(&machine, &[]);
    let lines = [
        json!({"uri": "/c/rx_9.wav", "key": "call-9"}),
        json!({"uri": "/c/tx_8.wav"}),
        json!({"parts": [{"uri": "/c/rx_8.wav", "speaker": "agent"}]}),
        json!({"uri": "/c/tx_9.wav", "metadata": {"agent": "li"}}),
    ];
    std::fs::write(folder.join("list.jsonl"), lines.map(|line| line.to_string()).join("\n")).unwrap();
    let legs = r"(?P<leg>rx|tx)_(?P<call>\d+)\.wav";
    let ran = submitted(&machine, &["--legs", legs, "--manifest", "calls/list.jsonl"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(jobs(&machine, &ran), [vec!["rx_8.wav"], vec!["rx_9.wav", "tx_9.wav"], vec!["tx_8.wav"]]);
    let job = machine.run(&["jobs", "list", "--json", "--key", "call-9"]).json();
    assert_eq!(job[0]["metadata"], json!({"agent": "li"}));
}

#[tokio::test]
async fn legs_under_a_prefix_find_each_other_however_far_apart_they_are_listed() {
    let machine = Machine::new();
    let server = S3Server::start(&["calls"]).await;
    let sound = std::fs::read(fixture(IN)).unwrap();
    for number in 0..600 {
        for leg in ["in", "out"] {
            server.lay("calls", &format!("{leg}/{number}.wav"), &sound);
        }
    }
    server.lay("calls", "in/alone.wav", &sound);
    let mut command = machine.command(&[
        "submit",
        "--json",
        "--legs",
        r"(?P<leg>in|out)/(?P<call>.+)\.wav",
        "--prefix",
        "s3://calls/",
    ]);
    command
        .env("EARMARK__STORAGE__S3_ENDPOINT", server.endpoint())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", S3Server::ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", S3Server::SECRET_KEY);
    let ran = tokio::task::spawn_blocking(move || Ran::of(&command.output().unwrap())).await.unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.json().len(), 601);
    assert!(ran.stderr.contains("in/alone.wav is taken by itself"), "{}", ran.stderr);
    let listed = machine.run(&["jobs", "list", "--json", "--limit", "1000"]).json();
    let pairs = listed.iter().filter(|job| job["parts"].as_array().is_some_and(|parts| parts.len() == 2)).count();
    assert_eq!((pairs, listed.len()), (600, 601));
}
