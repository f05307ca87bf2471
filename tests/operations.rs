//! What operators do when much goes wrong at once, and what is said to them meanwhile: floods, filters, logs of JSON, and
//! settings that are wrong, without their secrets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use serde_json::Value;
use support::{Machine, Ran, Running, Service};

/// An address of each kind with a secret in it, in the ways in which people get it wrong.
const ADDRESSES: [(&str, &str); 5] = [
    ("EARMARK__QUEUE__URL", "redis://:s3cr#et-1@redis.example.org/0"),
    ("EARMARK__DATABASE__URL", "postgres://earmark:s3cr/et-2@db.example.org/earmark"),
    ("EARMARK__DATABASE__URL", "postgres://earmark:12/s3cret-2@db.example.org/earmark"),
    ("EARMARK__ASR__PERMITS_URL", "redis://:s3cr?et-4@redis.example.org/0"),
    ("EARMARK__NOTIFY__URL", "https://hooks.example.org/in?token=s3cret-3"),
];
/// Parts of all of them.
const SECRETS: [&str; 6] = ["s3cr#", "s3cr/", "s3cret-", "et-1", "et-2", "s3cr?"];

fn with(machine: &Machine, args: &[&str], settings: &[(&str, &str)]) -> Ran {
    Ran::of(&machine.command(args).envs(settings.iter().copied()).output().unwrap())
}

fn assert_no_secret(what: &str, text: &str) {
    assert!(!SECRETS.iter().any(|secret| text.contains(secret)), "{what}: {text}");
}

#[test]
fn an_address_that_cannot_be_read_shows_no_secret_and_says_what_to_write() {
    let machine = Machine::new();
    assert_eq!(machine.run(&["migrate"]).code, Some(0));
    for (name, value) in ADDRESSES {
        for value in [value.to_owned(), format!("\"{value}\""), format!("'{value}'")] {
            let is_wrong = name != "EARMARK__NOTIFY__URL" || !value.starts_with("https");
            for args in [
                &["config"][..],
                &["config", "--json"],
                &["doctor"],
                &["up"],
                &["serve"],
                &["work"],
                &["submit", "a.wav"],
                &["jobs", "list"],
            ] {
                if !is_wrong && matches!(args[0], "up" | "serve" | "work" | "doctor") {
                    continue;
                }
                let ran = with(&machine, args, &[(name, value.as_str()), ("EARMARK__LOG__LEVEL", "trace")]);
                assert_no_secret(&format!("{args:?} {name}"), &format!("{}{}", ran.stdout, ran.stderr));
                if is_wrong {
                    assert_eq!(ran.code, Some(2), "{args:?} {name}={value}");
                    assert!(ran.stderr.contains(name), "{}", ran.stderr);
                    let signs = ["%23", "%2F", "%40"];
                    assert!(signs.iter().all(|sign| ran.stderr.contains(sign)), "{args:?}: {}", ran.stderr);
                }
            }
        }
    }
    let shown = with(&machine, &["config"], &ADDRESSES[4..]).stdout;
    assert!(shown.contains("https://hooks.example.org/…"), "{shown}");
}

#[test]
fn settings_that_every_job_would_die_of_are_refused_at_start() {
    let machine = Machine::new();
    for (settings, hint) in [
        (&[("EARMARK__ASR__LANGUAGES", "[\"zh\",\"en\"]")][..], "zh,en"),
        (&[("EARMARK__ASR__LANGUAGES", "zh-CN,en-US")], "write zh"),
        (&[("EARMARK__ASR__LANGUAGE", "zh-CN")], "write zh"),
        (&[("EARMARK__ASR__LANGUAGE", "xx")], "none of its"),
        (&[("EARMARK__ASR__API_KEY", "\"id.key\"")], "quotes"),
    ] {
        let ran = with(&machine, &["config"], settings);
        assert_eq!(ran.code, Some(2), "{settings:?}");
        assert!(ran.stderr.contains(hint) && ran.stderr.contains("hint:"), "{settings:?}: {}", ran.stderr);
    }
    let well = [("EARMARK__ASR__LANGUAGE", ""), ("EARMARK__ASR__LANGUAGES", "all"), ("EARMARK__WORKER__SLOTS", " ")];
    assert_eq!(with(&machine, &["config"], &well).code, Some(0));
}

/// Six files that are no sound, each a dead letter of its own and of one cause.
fn flood(machine: &Machine) {
    let names: Vec<String> = (1..=6).map(|number| format!("{number}.wav")).collect();
    for name in &names {
        std::fs::write(machine.folder.path().join(name), format!("no sound but the number {name}")).unwrap();
    }
    let mut args = vec!["run", "--json"];
    args.extend(names.iter().map(String::as_str));
    let ran = machine.run(&args);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
}

#[test]
fn a_flood_is_listed_as_one_thing_and_dealt_with_at_once() {
    let machine = Machine::new();
    flood(&machine);
    let alerts = machine.run(&["alerts", "list", "--json"]).json();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!((&alerts[0]["times"], &alerts[0]["kind"]), (&Value::from(6), &Value::from("job.dead")));
    assert!(machine.run(&["alerts", "list"]).stdout.contains("6 × job "));
    let code = machine.run(&["jobs", "list", "--json"]).json()[0]["error"]["code"].as_str().unwrap().to_owned();

    let listed = machine.run(&["jobs", "list", "--limit", "4"]).stdout;
    assert!(listed.contains("4 of 6; --limit N shows more"), "{listed}");
    let listed = machine.run(&["jobs", "list", "--since", "2h"]).stdout;
    assert!(listed.contains("dead") && !listed.contains("--limit"), "{listed}");
    assert_eq!(machine.run(&["jobs", "list", "--json", "--until", "2h"]).json().len(), 0);

    for args in [&["jobs", "retry"][..], &["jobs", "cancel"], &["alerts", "ack"], &["jobs", "retry", "--dry-run"]] {
        let ran = machine.run(args);
        assert!(ran.code == Some(2) && ran.stderr.contains("--all"), "{args:?}: {}", ran.stderr);
    }
    let wrong = machine.run(&["jobs", "retry", "--state", "leased"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("--state dead"), "{}", wrong.stderr);

    let tried = |more: &[&str]| machine.run(&[&["jobs", "retry", "--state", "dead", "--code", &code], more].concat());
    assert_eq!(tried(&["--since", "2h", "--dry-run"]).stdout, "6 jobs would be tried again\n");
    assert_eq!(tried(&["--tenant", "other", "--dry-run", "--json"]).json()[0]["jobs"], 0);
    assert_eq!(tried(&["--json"]).json().len(), 6);
    assert_eq!(machine.run(&["alerts", "list", "--json"]).stdout, "", "with the last of them it is closed");
    let all = machine.run(&["alerts", "list", "--all"]).stdout;
    assert!(all.contains("none of these jobs is dead any more"), "{all}");

    let called_off = machine.run(&["jobs", "cancel", "--state", "ready", "--lane", "call"]).stdout;
    assert!(called_off.contains("6 jobs called off"), "{called_off}");
    assert_eq!(machine.run(&["jobs", "cancel", "--all"]).stdout, "0 jobs called off, or stopping within seconds\n");
}

#[test]
fn alerts_are_acknowledged_by_what_they_are_about() {
    let machine = Machine::new();
    flood(&machine);
    let acked = |more: &[&str]| machine.run(&[&["alerts", "ack"], more].concat()).stdout;
    assert_eq!(acked(&["--kind", "job.quarantined", "--dry-run"]), "0 alerts would be acknowledged\n");
    assert_eq!(acked(&["--kind", "job.dead", "--since", "1h", "--dry-run"]), "1 alert would be acknowledged\n");
    assert!(acked(&["--kind", "job.dead", "--tenant", "default"]).contains(" acknowledged\n"));
    assert_eq!(machine.run(&["alerts", "list", "--json"]).stdout, "");
}

#[test]
fn a_log_of_json_holds_only_json() {
    let machine = Machine::new();
    let settings = [
        ("EARMARK__LOG__FORMAT", "json"),
        ("EARMARK__HTTP__LISTEN", "127.0.0.1:0"),
        ("EARMARK__NOTIFY__URL", "http://127.0.0.1:1/hook"),
    ];
    let mut command = machine.command(&["up"]);
    command.envs(settings);
    let running = Running::start(command);
    let mut said = vec![running.says_with("listening on ")];
    running.signal();
    said.extend(running.said.iter());
    said.push(with(&machine, &["jobs", "show", "7"], &settings).stderr);
    said.push(with(&machine, &["config"], &[settings[0], ("EARMARK__ASR__TIER", "V9")]).stderr);
    said.push(with(&machine, &["submit", "--timeout", "1s", "--wait", "https://example.org/a.wav"], &settings).stderr);
    let lines: Vec<&str> = said.iter().flat_map(|text| text.lines()).collect();
    assert!(lines.len() > 4, "{lines:?}");
    for line in lines {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(value["level"].is_string() && value["timestamp"].is_string(), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_that_nobody_escaped_is_read_over_http() {
    let machine = Machine::new();
    let service = Service::start(&machine, "serve", &[]);
    for path in [
        "/v1/jobs?since=2026-01-31T08:00:00+08:00",
        "/v1/jobs?since=2026-01-31T08:00:00%2B08:00",
        "/v1/jobs?since=7d",
        "/v1/findings?since=2026-01-31T08:00:00+08:00",
        "/v1/findings?since=2h",
    ] {
        let (status, text) = service.get(path).await;
        assert_eq!(status, 200, "{path}: {text}");
    }
    let (status, text) = service.get("/v1/jobs?since=yesterday").await;
    assert!(status == 400 && text.contains("2h"), "{text}");
}
