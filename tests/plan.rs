//! `earmark plan`: what recordings would take, without a request, a job or a file.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::{Machine, Ran, fixture};

/// On an account nobody can reach: a request would fail.
fn plan(machine: &Machine, args: &[&str]) -> Command {
    let mut command = machine.command(&[&["plan"], args].concat());
    command
        .env("EARMARK__ASR__ENGINE", "glm")
        .env("EARMARK__ASR__API_KEY", "id.s3cret")
        .env("EARMARK__ASR__BASE_URL", "http://127.0.0.1:9/")
        .env("EARMARK__ASR__MAX_IN_FLIGHT", "2");
    command
}

fn run(mut command: Command) -> Ran {
    Ran::of(&command.output().unwrap())
}

/// Two requests on `account`, answered today, that took `latency_ms` together.
fn measure(machine: &Machine, account: &str, latency_ms: u32) {
    let insert = "import sqlite3, sys, time\n\
        db = sqlite3.connect(sys.argv[1])\n\
        day = time.strftime('%Y-%m-%d', time.gmtime())\n\
        db.execute(\"INSERT INTO usage (day, tenant, account, job_id, requests, answered, latency_ms) VALUES (?, 'default', ?, '', 2, 2, ?)\", (day, sys.argv[2], sys.argv[3]))\n\
        db.commit()\n";
    let mut python = Command::new("python3");
    python.args(["-c", insert]).arg(machine.database()).args([account, &latency_ms.to_string()]);
    assert!(python.status().unwrap().success());
}

#[test]
fn a_plan_says_length_requests_price_and_time_and_makes_nothing() {
    let machine = Machine::new();
    let (speech, silence) = (fixture("real/austen0880.flac"), fixture("broken/silence.wav"));
    let ran = run(plan(&machine, &["--json", &speech, &silence, &speech, &speech]));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let lines = ran.json();
    assert_eq!(lines.len(), 5);
    let one = &lines[0];
    assert_eq!(one["recording"]["uri"], speech.as_str());
    assert_eq!((&one["requests"], &one["account"], &one["tenant"]), (&json!(1), &json!("default"), &json!("default")));
    let (duration_ms, speech_ms) = (number(&one["recording"]["duration_ms"]), number(&one["speech_ms"]));
    assert!(speech_ms > 1000 && speech_ms <= duration_ms, "{one}");
    let billed_ms = number(&one["billed_ms"]);
    assert_eq!(billed_ms, speech_ms.div_ceil(1000) * 1000, "a second that has begun is paid");
    assert_eq!(one["price_cny"], json!(price(billed_ms)));
    assert_eq!((&lines[1]["requests"], &lines[1]["price_cny"]), (&json!(0), &json!(0.0)), "silence costs nothing");

    let total = &lines[4]["total"];
    assert_eq!((&total["recordings"], &total["failed"], &total["requests"]), (&json!(4), &json!(0), &json!(3)));
    assert_eq!((number(&total["speech_ms"]), number(&total["billed_ms"])), (speech_ms * 3, billed_ms * 3));
    // Two at a time: three requests are two rounds.
    assert_eq!(
        total["accounts"],
        json!([{"account": "default", "requests": 3, "permits": 2, "latency_ms": 3000, "is_measured": false, "takes_ms": 6000}])
    );
    assert_eq!(total["takes_ms"], 6000);
    let left: Vec<_> = std::fs::read_dir(machine.folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_measured_latency_counts_more_than_an_expected_one_and_tenants_use_their_accounts() {
    let machine = Machine::new();
    assert_eq!(machine.run(&["migrate"]).code, Some(0));
    measure(&machine, "default", 3000);
    let speech = fixture("real/austen0880.flac");
    let manifest = machine.folder.path().join("calls.jsonl");
    let text = format!("# two calls\n{speech}\n{}\n", json!({ "uri": speech, "tenant": "bank", "lane": "archive" }));
    std::fs::write(&manifest, text).unwrap();
    let mut command = plan(&machine, &["--json", "--manifest", "calls.jsonl"]);
    command.env("EARMARK__ACCOUNTS__KEYS", "night=night.s3cret@V1").env("EARMARK__ACCOUNTS__TENANTS", "bank=night");
    command.env("EARMARK__ASR__EXPECTED_LATENCY_MS", "500").env("EARMARK__ASR__BILLING", "exact");
    let ran = run(command);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let lines = ran.json();
    assert_eq!((&lines[0]["account"], &lines[1]["account"]), (&json!("default"), &json!("night")));
    assert_eq!(lines[1]["billed_ms"], lines[1]["speech_ms"]);
    assert_eq!(
        lines[2]["total"]["accounts"],
        json!([
            {"account": "default", "requests": 1, "permits": 2, "latency_ms": 1500, "is_measured": true, "takes_ms": 1500},
            {"account": "night", "requests": 1, "permits": 10, "latency_ms": 500, "is_measured": false, "takes_ms": 500},
        ])
    );
    assert_eq!(lines[2]["total"]["takes_ms"], 1500, "the accounts work side by side");
    assert!(machine.run(&["jobs", "list", "--json"]).json().is_empty());
    assert!(!machine.output().exists());
}

#[test]
fn what_cannot_be_planned_is_a_line_with_code_and_hint_and_the_rest_is_planned() {
    let machine = Machine::new();
    let speech = fixture("real/austen0880.flac");
    let random = fixture("broken/random.wav");
    let ran = run(plan(&machine, &["--json", "no-such-file.wav", &random, &speech]));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let lines = ran.json();
    assert_eq!(lines[0]["recording"], json!({ "uri": "no-such-file.wav" }));
    for line in &lines[..2] {
        let error = &line["error"];
        assert!(error["code"].as_str().is_some_and(|code| code.contains('.')) && error["hint"].is_string(), "{line}");
    }
    assert_eq!((&lines[2]["requests"], &lines[3]["total"]["failed"]), (&json!(1), &json!(2)));

    let ran = run(plan(&machine, &["no-such-file.wav", &speech]));
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("no-such-file.wav: error:") && ran.stderr.contains("hint:"), "{}", ran.stderr);
    assert!(ran.stdout.contains("FAILED") && ran.stdout.contains("all 2"), "{}", ran.stdout);
    assert!(ran.stdout.contains("default: 1 request, 2 at a time, 3000 ms each (expected): 0:03"), "{}", ran.stdout);
}

#[test]
fn plan_and_submit_are_given_recordings_in_the_same_way() {
    let machine = Machine::new();
    std::fs::write(machine.folder.path().join("a.wav"), "").unwrap();
    std::fs::write(machine.folder.path().join("bad.jsonl"), "a.wav\n{\"url\": \"b.wav\"}\n").unwrap();
    for command in ["plan", "submit"] {
        for (args, part) in [
            (vec!["--manifest", "bad.jsonl"], "bad.jsonl:2: unknown field `url`"),
            (vec!["--manifest", "no-such-file"], "no-such-file"),
            (vec!["--prefix", "/calls/2026/"], "use s3://bucket/path/"),
            (vec!["--tenant", "../x", "a.wav"], "../x"),
            (vec![], "<URI>"),
        ] {
            let ran = machine.run(&[&[command], args.as_slice()].concat());
            assert_eq!(ran.code, Some(2), "{command} {args:?}: {}", ran.stderr);
            assert!(ran.stderr.contains(part), "{command} {args:?}: {}", ran.stderr);
        }
        let help = machine.run(&[command, "--help"]).stdout;
        assert!(!help.contains("Where the recordings are"), "{help}");
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// At 0.06 yuan a minute.
fn price(billed_ms: u64) -> f64 {
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "seconds")]
    let micro = (billed_ms as f64 / 60_000.0 * 60_000.0).ceil();
    micro / 1_000_000.0
}
