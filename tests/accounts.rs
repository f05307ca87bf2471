//! `earmark accounts`: stopping accounts, opening them, and what was used of them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::{Machine, Ran};

fn accounts(machine: &Machine, args: &[&str]) -> Ran {
    let mut command = machine.command(&[&["accounts"], args].concat());
    command
        .env("EARMARK__ASR__ENGINE", "glm")
        .env("EARMARK__ASR__FALLBACK", "off")
        .env("EARMARK__ASR__API_KEY", "id.s3cret")
        .env("EARMARK__ASR__TIER", "V2")
        .env("EARMARK__ACCOUNTS__KEYS", "night=night.s3cret@V1/7")
        .env("EARMARK__ACCOUNTS__TENANTS", "bank=night");
    let ran = Ran::of(&command.output().unwrap());
    assert!(!format!("{ran:?}").contains("s3cret"), "{ran:?}");
    ran
}

/// The account in the list.
fn listed(machine: &Machine, name: &str) -> Value {
    let ran = accounts(machine, &["list", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.json().into_iter().find(|account| account["account"] == name).unwrap()
}

fn sql(machine: &Machine, script: &str) {
    let run = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.executescript(sys.argv[2])\ndb.commit()\n";
    assert!(Command::new("python3").args(["-c", run]).arg(machine.database()).arg(script).status().unwrap().success());
}

fn migrated() -> Machine {
    let machine = Machine::new();
    assert_eq!(machine.run(&["migrate"]).code, Some(0));
    machine
}

#[test]
fn accounts_are_listed_with_their_limits_and_without_their_keys() {
    let machine = migrated();
    let usual = listed(&machine, "default");
    assert_eq!((&usual["tier"], &usual["limit"], &usual["state"]), (&json!("V2"), &json!(15), &json!("open")));
    assert_eq!((&usual["limit_now"], &usual["in_flight"]), (&json!(15), &json!(0)));
    assert_eq!(usual["today"]["requests"], 0);
    let night = listed(&machine, "night");
    assert_eq!((&night["tier"], &night["limit"], &night["in_flight"]), (&json!("V1"), &json!(7), &json!(0)));
    let ran = accounts(&machine, &["list"]);
    assert!(ran.stdout.lines().any(|line| line.contains("night") && line.contains("open")), "{}", ran.stdout);
    // With the engine built in there is no other account.
    let local = machine.run(&["accounts", "list", "--json"]).json();
    assert_eq!((local.len(), &local[0]["account"], &local[0]["limit"]), (1, &json!("built-in"), &Value::Null));
}

#[test]
fn a_paused_account_says_why_and_until_when_and_resuming_wakes_its_jobs() {
    let machine = migrated();
    let ran =
        accounts(&machine, &["pause", "night", "--until", "2999-01-01T08:00:00+08:00", "--reason", "moving house"]);
    assert_eq!(
        (ran.code, ran.stdout.trim()),
        (Some(0), "night is paused, until 2999-01-01T00:00:00Z"),
        "{}",
        ran.stderr
    );
    let night = listed(&machine, "night");
    assert_eq!((&night["state"], &night["until"]), (&json!("paused"), &json!("2999-01-01T00:00:00Z")));
    assert_eq!((&night["why"], &night["changed_by"]), (&json!("moving house"), &json!("cli")));
    assert_eq!(listed(&machine, "default")["state"], "open");
    let ran = accounts(&machine, &["pause", "night"]);
    assert_eq!(ran.stdout.trim(), "night is paused already, until it is resumed");
    let alerts = machine.run(&["alerts", "list"]).stdout;
    assert!(alerts.matches("account.paused").count() == 1 && alerts.contains("moving house"), "{alerts}");

    machine.run(&["submit", "a.wav", "b.wav", "c.wav"]);
    sql(
        &machine,
        "UPDATE jobs SET run_at_ms = 32503680000000, error_code = CASE uri WHEN 'c.wav' THEN 'fetch.connect' ELSE 'transcribe.account_paused' END;",
    );
    let ran = accounts(&machine, &["resume", "night"]);
    assert_eq!((ran.code, ran.stdout.trim()), (Some(0), "night is open, 2 jobs were woken"), "{}", ran.stderr);
    assert_eq!(listed(&machine, "night")["state"], "open");
    assert_eq!(accounts(&machine, &["resume"]).stdout.trim(), "default is open, 0 jobs were woken");
    let kinds: Vec<_> =
        machine.run(&["audit", "export"]).json().into_iter().map(|entry| entry["kind"].clone()).collect();
    assert_eq!(kinds[0], "account.paused");
    assert_eq!(kinds.last(), Some(&json!("account.resumed")));
    assert_eq!(machine.run(&["audit", "verify"]).code, Some(0));
}

#[test]
fn what_was_used_is_summed_by_day_tenant_and_account() {
    let machine = migrated();
    let row = |day: &str, tenant: &str, job: &str, requests: u32| {
        format!(
            "INSERT INTO usage VALUES ('{day}', '{tenant}', 'default', '{job}', {requests}, {requests}, {requests}000, {requests}000, {requests}000, {requests}00);"
        )
    };
    let job = "01890000-0000-7000-8000-000000000000";
    sql(
        &machine,
        &[row("2026-01-01", "bank", "", 1), row("2026-01-02", "bank", job, 20), row("2026-01-02", "bank", "", 300)]
            .concat(),
    );
    let ran = accounts(&machine, &["usage", "--json"]).json();
    assert_eq!(ran.len(), 2);
    assert_eq!(
        ran[1],
        json!({
            "day": "2026-01-02", "tenant": "bank", "account": "default", "job_id": null, "requests": 320, "answered": 320,
            "audio_ms": 320_000, "billed_ms": 320_000, "price_cny": 0.32, "latency_ms": 32_000
        })
    );
    let ran = accounts(&machine, &["usage", "--json", "--since", "2026-01-02", "--tenant", "bank", "--by-job"]).json();
    assert_eq!(ran.iter().map(|row| row["job_id"].clone()).collect::<Vec<_>>(), [Value::Null, json!(job)]);
    assert!(accounts(&machine, &["usage", "--json", "--account", "night"]).json().is_empty());
    let table = accounts(&machine, &["usage", "--by-job"]).stdout;
    let all: Vec<_> = table.lines().rev().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(all, ["all", "321", "321", "5:21", "5:21", "0.3210"], "{table}");
    assert!(table.contains(job), "{table}");
}

#[test]
fn what_is_no_account_no_day_and_no_time_to_come_is_refused_with_a_hint() {
    let machine = migrated();
    for (args, part) in [
        (vec!["pause", "nigth"], "default, night"),
        (vec!["resume", "nigth"], "there is no account `nigth`"),
        (vec!["pause", "night", "--until", "tomorrow"], "--until tomorrow"),
        (vec!["pause", "night", "--until", "2020-01-01T00:00:00Z"], "is over"),
        (vec!["usage", "--since", "2026-02-30"], "--since 2026-02-30"),
        (vec!["usage", "--tenant", "../x"], "../x"),
    ] {
        let ran = accounts(&machine, &args);
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(part), "{args:?}: {}", ran.stderr);
    }
    assert!(machine.run(&["alerts", "list"]).stdout.matches("account.paused").count() == 0);
}
