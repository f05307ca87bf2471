//! Rule sets in force: swapped while jobs run, refused when they are bad, activated and rolled back, named by jobs; and
//! results that a rule holds back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};

use earmark_simulator::{DefaultText, Key, Options, Simulator};
use serde_json::{Value, json};
use support::{Machine, Ran, Service, fixture};

/// Three clips.
const CALL: &str = "dialogues/zh-dev-02-collection-abuse.pcm8k.wav";
const KEY: &str = "0123456789.s3cret";
const SAID: &str = "我们保证收益";

/// A rule file with one rule.
fn rule(id: &str) -> String {
    format!(
        "rules:\n  - id: {id}\n    category: c\n    severity: high\n    words: [保证收益]\n    examples:\n      hit: [保证收益]\n"
    )
}

fn write(machine: &Machine, name: &str, text: &str) -> PathBuf {
    let path = machine.folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

fn run(machine: &Machine, args: &[&str]) -> Ran {
    tokio::task::block_in_place(|| machine.run(args))
}

fn well(machine: &Machine, args: &[&str]) -> Ran {
    let ran = run(machine, args);
    assert_eq!(ran.code, Some(0), "{args:?}: {}{}", ran.stdout, ran.stderr);
    ran
}

/// Entries of the audit log of one kind.
fn on_record(machine: &Machine, kind: &str) -> Vec<Value> {
    let entries = well(machine, &["audit", "export"]).json();
    entries.into_iter().filter(|entry| entry["kind"] == kind).collect()
}

/// The hash of the kept set with the rule `id`.
fn hash_of(machine: &Machine, id: &str) -> String {
    let listed = well(machine, &["rules", "list", "--json"]).json();
    let mut hashes = listed.iter().map(|set| set["sha256"].as_str().unwrap().to_owned());
    hashes.find(|hash| well(machine, &["rules", "show", hash]).stdout.contains(&format!("id: {id}"))).unwrap()
}

/// Answers nothing until it is opened.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        drop(self.changed.wait_while(self.is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

async fn posted(service: &Service, body: Value) -> String {
    let (status, answer) = service.post("/v1/jobs", &body, &[]).await;
    assert_eq!(status, 202, "{answer}");
    answer["job_id"].as_str().unwrap().to_owned()
}

async fn done(service: &Service, id: &str) -> Value {
    let path = format!("/v1/jobs/{id}");
    let job = service.until("the job's end", &path, |_, job| {
        assert!(job["state"] != "dead", "{job}");
        (job["state"] == "done").then(|| job.clone())
    });
    job.await
}

async fn report(service: &Service, id: &str) -> Value {
    done(service, id).await;
    let (status, report) = service.get(&format!("/v1/jobs/{id}/report")).await;
    assert_eq!(status, 200, "{report}");
    serde_json::from_str(&report).unwrap()
}

/// The rules that found something.
fn found_by(report: &Value) -> Vec<&str> {
    let mut ids: Vec<_> =
        report["findings"].as_array().unwrap().iter().map(|finding| finding["rule_id"].as_str().unwrap()).collect();
    ids.dedup();
    ids
}

/// A provider that answers with what `text` says.
async fn provider(text: DefaultText) -> Simulator {
    let options = Options { keys: vec![Key::new(KEY)], default_text: text, ..Options::default() };
    Simulator::start(options).await.unwrap()
}

/// An account there, and rules in the folder `rules`.
fn settings(url: &str) -> [(&'static str, &str); 6] {
    [
        ("EARMARK__ASR__ENGINE", "glm"),
        ("EARMARK__ASR__BASE_URL", url),
        ("EARMARK__ASR__API_KEY", KEY),
        ("EARMARK__ASR__FALLBACK", "off"),
        ("EARMARK__RULES__PATH", "rules"),
        ("EARMARK__RULES__RELOAD_SECS", "1"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_swapped_while_a_job_runs_and_bad_ones_are_refused_with_one_alert() {
    let gate = Arc::new(Gate::default());
    let passed = gate.clone();
    let default_text: DefaultText = Arc::new(move |_| {
        passed.pass();
        SAID.into()
    });
    let simulator = provider(default_text).await;
    let machine = Machine::new();
    write(&machine, "rules/a.yaml", &rule("first"));
    let settings = settings(simulator.url());
    let service = tokio::task::block_in_place(|| Service::start(&machine, "up", &settings));
    let job = || json!({"uri": format!("file://{}", fixture(CALL)), "repeat": true});
    let running = posted(&service, job()).await;
    service.running.meanwhile("the first request", simulator.wait_for_requests(1)).await;

    write(&machine, "rules/a.yaml", &rule("second"));
    service.running.until("the swap on record", || (!on_record(&machine, "rules.swapped").is_empty()).then_some(()));
    // Mistakes in the next one: what is in force stays, and somebody is told where they are, once.
    write(&machine, "rules/a.yaml", "rules:\n  - id: third\n    category: c\n    severity: grave\n");
    service
        .running
        .until("the alert", || (well(&machine, &["alerts", "list"]).stdout.contains("rules.refused")).then_some(()));
    gate.open();
    let began = report(&service, &running).await;
    assert_eq!(found_by(&began), ["first"], "a job keeps the rules it began with");
    let (first, second) = (hash_of(&machine, "first"), hash_of(&machine, "second"));
    assert_eq!(began["rule_set"]["sha256"], json!(first));
    let after = report(&service, &posted(&service, job()).await).await;
    assert_eq!((found_by(&after), &after["rule_set"]["sha256"]), (vec!["second"], &json!(second)));
    assert!(!after["speech"].as_array().unwrap().is_empty());
    let named = json!({"uri": job()["uri"], "repeat": true, "rule_set": first});
    let named = report(&service, &posted(&service, named).await).await;
    assert_eq!(found_by(&named), ["first"], "a job may name its rules");
    let finished = on_record(&machine, "job.done");
    let judged: Vec<_> = finished.iter().map(|entry| entry["rule_set_sha256"].as_str().unwrap()).collect();
    assert_eq!(judged, [&first, &second, &first]);

    let alerts = well(&machine, &["alerts", "list"]).stdout;
    assert_eq!(alerts.matches("rules.refused").count(), 1, "{alerts}");
    assert!(alerts.contains("a.yaml:4:"), "{alerts}");
    write(&machine, "rules/a.yaml", &rule("fourth"));
    service
        .running
        .until("the second swap on record", || (on_record(&machine, "rules.swapped").len() >= 2).then_some(()));
    service.running.until("the end of the alert", || {
        (!well(&machine, &["alerts", "list"]).stdout.contains("rules.refused")).then_some(())
    });
    let swapped = on_record(&machine, "rules.swapped");
    assert_eq!(swapped[1]["rule_set_sha256"], json!(hash_of(&machine, "fourth")));
    // A set that a person puts in force comes before the files.
    well(&machine, &["rules", "activate", &first[..10], "--by", "judge"]);
    service
        .running
        .until("the third swap on record", || (on_record(&machine, "rules.swapped").len() >= 3).then_some(()));
    let activated = report(&service, &posted(&service, job()).await).await;
    assert_eq!(found_by(&activated), ["first"]);
    service.stop();
}

/// Runs SQL on the database of `machine`.
fn sql(machine: &Machine, statement: &str) {
    let run = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.execute(sys.argv[2])\ndb.commit()\n";
    let mut python = std::process::Command::new("python3");
    let ran = python.args(["-c", run]).arg(machine.database()).arg(statement).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_not_swapped_before_that_is_on_record() {
    let simulator = provider(Arc::new(|_| SAID.into())).await;
    let machine = Machine::new();
    write(&machine, "rules/a.yaml", &rule("first"));
    let settings = settings(simulator.url());
    let service = tokio::task::block_in_place(|| Service::start(&machine, "up", &settings));
    let job = || json!({"uri": format!("file://{}", fixture(CALL)), "repeat": true});
    sql(
        &machine,
        "CREATE TRIGGER no_record BEFORE INSERT ON audit_entries WHEN NEW.kind = 'rules.swapped'
         BEGIN SELECT RAISE(ABORT, 'no room'); END",
    );
    write(&machine, "rules/a.yaml", &rule("second"));
    // Kept, so about to be taken up: what fails from here on is the record.
    service.running.until("the second rule set", || {
        (well(&machine, &["rules", "list", "--json"]).json().len() >= 2).then_some(())
    });
    let judged = report(&service, &posted(&service, job()).await).await;
    assert_eq!(found_by(&judged), ["first"], "what is not on record does not take place");
    assert!(on_record(&machine, "rules.swapped").is_empty());
    sql(&machine, "DROP TRIGGER no_record");
    service.running.until("the swap on record", || (!on_record(&machine, "rules.swapped").is_empty()).then_some(()));
    let judging = async { while found_by(&report(&service, &posted(&service, job()).await).await) != ["second"] {} };
    service.running.meanwhile("a job that is judged by the second set", judging).await;
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_is_activated_rolled_back_listed_and_written_out_again() {
    let machine = Machine::new();
    write(&machine, "one/a.yaml", &rule("one"));
    write(&machine, "two.yaml", &rule("two"));
    write(&machine, "bad.yaml", "rules:\n  - id: x\n    category: c\n    severity: grave\n");
    write(&machine, "failing.yaml", &rule("failing").replace("hit: [保证收益]", "hit: [你好]"));
    let bad = run(&machine, &["rules", "activate", "bad.yaml"]);
    assert!(bad.code == Some(2) && bad.stderr.contains("bad.yaml:4:"), "{}", bad.stderr);
    let failing = run(&machine, &["rules", "activate", "failing.yaml"]);
    assert!(failing.code == Some(2) && failing.stderr.contains("--even-if-examples-fail"), "{}", failing.stderr);
    assert!(failing.stdout.contains("failing.yaml:7"), "{}", failing.stdout);
    let nameless = run(&machine, &["rules", "activate", "one", "--by", " "]);
    assert!(nameless.code == Some(2) && nameless.stderr.contains("give a name"), "{}", nameless.stderr);
    let none = run(&machine, &["rules", "rollback"]);
    assert!(none.code == Some(2) && none.stderr.contains("no rule set before"), "{}", none.stderr);
    let unknown = run(&machine, &["rules", "activate", "abcdef"]);
    assert!(unknown.code == Some(2) && unknown.stderr.contains("no rule set `abcdef`"), "{}", unknown.stderr);

    well(&machine, &["rules", "activate", "one", "--by", "judge", "--note", "the first"]);
    well(&machine, &["rules", "activate", "two.yaml", "--by", "judge"]);
    let in_force = || {
        let listed = well(&machine, &["rules", "list", "--json"]).json();
        let mut active = listed.into_iter().filter(|set| !set["in_force"].is_null());
        let set = active.next();
        assert_eq!(active.next(), None);
        set.map(|set| (set["name"].as_str().unwrap().to_owned(), set["in_force"].as_str().unwrap().to_owned()))
    };
    let (name, why) = in_force().unwrap();
    assert!(name == "two" && why.contains("cli:judge"), "{why}");
    assert!(well(&machine, &["doctor"]).stdout.contains("cli:judge"));
    assert!(well(&machine, &["config"]).stdout.contains("come before rules.path"));
    well(&machine, &["rules", "activate", "failing.yaml", "--even-if-examples-fail"]);
    for before in ["two", "one"] {
        well(&machine, &["rules", "rollback", "--by", "judge"]);
        assert_eq!(in_force().unwrap().0, before);
    }
    let records = on_record(&machine, "rules.activated");
    assert_eq!((records.len(), on_record(&machine, "rules.rolled_back").len()), (3, 2));
    assert!(records[0].to_string().contains("the first") && records[0]["actor"] == "cli:judge", "{}", records[0]);

    // Written out, it is the same set.
    let out = machine.folder.path().join("out");
    let hash = hash_of(&machine, "one");
    well(&machine, &["rules", "show", "--out", "out"]);
    assert_eq!(std::fs::read_to_string(out.join("a.yaml")).unwrap(), rule("one"));
    assert!(well(&machine, &["rules", "check", "out"]).stdout.contains(&hash));
    assert_eq!(run(&machine, &["rules", "show", "--out", "out"]).code, Some(2), "nothing is written over");
    well(&machine, &["rules", "activate", "--configured"]);
    well(&machine, &["rules", "rollback"]);
    assert_eq!(in_force().unwrap().0, "one");

    // Jobs may name a kept set, and no other.
    let call = fixture("real/austen0880.flac");
    well(&machine, &["submit", "--rules", &hash[..12], &call]);
    let refused = run(&machine, &["submit", "--rules", &"0".repeat(64), &call]);
    assert!(refused.code == Some(2) && refused.stderr.contains("no rule set"), "{}", refused.stderr);
    let examples = well(&machine, &["rules", "test", "two.yaml", "--json"]).json_whole();
    assert_eq!((&examples["examples"], &examples["failed"]), (&json!(1), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_with_which_no_process_can_start_are_an_alert_until_one_starts_with_good_ones() {
    let simulator = provider(Arc::new(|_| SAID.into())).await;
    let machine = Machine::new();
    let settings = settings(simulator.url());
    let alerts = || well(&machine, &["alerts", "list"]).stdout.matches("rules.refused").count();
    write(&machine, "rules/a.yaml", "rules:\n  - id: third\n    category: c\n    severity: grave\n");
    for _ in 0..2 {
        let mut command = machine.command(&["up"]);
        let ran = tokio::task::block_in_place(|| Ran::of(&command.envs(settings).output().unwrap()));
        assert!(ran.code == Some(2) && ran.stderr.contains("a.yaml:4:"), "{}", ran.stderr);
        assert_eq!(alerts(), 1, "once, however often it is tried");
    }
    write(&machine, "rules/a.yaml", &rule("good"));
    let service = tokio::task::block_in_place(|| Service::start(&machine, "up", &settings));
    assert_eq!(alerts(), 0);
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_thing_is_counted_in_the_singular() {
    let machine = Machine::new();
    write(&machine, "one.yaml", &rule("one"));
    let checked = well(&machine, &["rules", "check", "one.yaml"]).stdout;
    assert!(checked.contains("one: 1 rule, 1 word, 1 example, sha256 "), "{checked}");
    let tested = well(&machine, &["rules", "test", "one.yaml"]).stdout;
    assert!(tested.contains("1 example, 0 failed"), "{tested}");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_for_which_there_is_no_receiver_are_not_said_to_wait() {
    let machine = Machine::new();
    well(&machine, &["migrate"]);
    let stats = well(&machine, &["queue", "stats"]).stdout;
    let line = "outbox   0 messages for nobody: notify.url is not set; removed after 30 days";
    assert!(stats.contains(line), "{stats}");
    let settings = [("EARMARK__NOTIFY__URL", "http://127.0.0.1:1/")];
    let stats =
        tokio::task::block_in_place(|| Ran::of(&machine.command(&["queue", "stats"]).envs(settings).output().unwrap()))
            .stdout;
    assert!(stats.contains("outbox   0 messages wait"), "{stats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_tried_on_rules_for_certain_recordings_which_say_for_which() {
    let machine = Machine::new();
    let file = rule("vip").replace("    words:", "    applies_to: {queues: [vip]}\n    words:") + &rule("all")[7..];
    write(&machine, "a.yaml", &file);
    let text = |more: &[&str]| well(&machine, &[&["rules", "test", "a.yaml", "--text", SAID], more].concat());
    let shown = text(&[]).stdout;
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].contains(" all ") && !lines[0].contains("only where"), "{shown}");
    assert!(lines[1].contains(" vip ") && lines[1].ends_with("[only where queue is vip]"), "{shown}");
    let only: Vec<Value> = text(&["--json"]).json().into_iter().map(|finding| finding["only_for"].clone()).collect();
    assert_eq!(only, [json!([]), json!(["queue is vip"])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_result_is_locked_until_a_reviewer_releases_it() {
    let simulator = provider(Arc::new(|_| SAID.into())).await;
    let machine = Machine::new();
    let plain = write(&machine, "rules/a.yaml", &rule("plain"));
    let settings = settings(simulator.url());
    let service = tokio::task::block_in_place(|| Service::start(&machine, "up", &settings));
    let uri = format!("file://{}", fixture(CALL));
    let refused = service.post("/v1/jobs", &json!({"uri": uri, "rule_set": "0".repeat(64)}), &[]).await;
    assert_eq!((refused.0, refused.1["error"]["code"].as_str()), (422, Some("rules.unknown")), "{}", refused.1);
    let refused = service.post("/v1/jobs", &json!({"uri": uri, "rule_set": "latest"}), &[]).await;
    assert_eq!((refused.0, refused.1["error"]["code"].as_str()), (400, Some("job.rule_set")));

    let id = posted(&service, json!({ "uri": uri })).await;
    assert_eq!(done(&service, &id).await["held"], false);
    let (status, error) = service.post(&format!("/v1/jobs/{id}/release"), &json!({}), &[]).await;
    assert_eq!((status, error["error"]["code"].as_str()), (409, Some("result.not_held")));
    assert!(!well(&machine, &["alerts", "list"]).stdout.contains("finding.alert"));

    let rules = rule("grave").replace("severity: high", "severity: low\n    actions: [alert, block]");
    std::fs::write(plain, rules).unwrap();
    service.running.until("the swap on record", || (!on_record(&machine, "rules.swapped").is_empty()).then_some(()));
    let id = posted(&service, json!({"uri": uri, "repeat": true})).await;
    let release = format!("/v1/jobs/{id}/release");
    done(&service, &id).await;
    // Each of the three clips is told as it comes, and the whole confirms it, over however many turns its text is spread.
    let alerts = |args: &[&str]| well(&machine, args).stdout.matches("finding.alert").count();
    assert_eq!(alerts(&["alerts", "list", "--all"]), 3);
    assert!(on_record(&machine, "finding.withdrawn").is_empty());
    assert_eq!(alerts(&["alerts", "list"]), 3);
    for file in ["report", "transcript.txt", "transcript.srt"] {
        let (status, body) = service.get(&format!("/v1/jobs/{id}/{file}")).await;
        let error: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, error["error"]["code"].as_str()), (423, Some("result.held")), "{file}: {error}");
        assert!(error["error"]["hint"].as_str().unwrap().contains("/release"));
    }
    assert_eq!(done(&service, &id).await["held"], true);
    assert!(well(&machine, &["jobs", "show", &id]).stdout.contains("for review since"));
    // The latest first.
    let held: Vec<Value> =
        well(&machine, &["jobs", "list", "--json"]).json().iter().map(|job| job["held"].clone()).collect();
    assert_eq!(held, [json!(true), json!(false)]);
    let shown = well(&machine, &["results", "show", &id]);
    assert!(shown.stderr.contains("holds this result back"), "{}", shown.stderr);
    let export = run(&machine, &["results", "export", &id]);
    assert!(export.code == Some(2) && export.stderr.contains("--held"), "{}", export.stderr);
    well(&machine, &["results", "export", "--held", &id]);

    let (status, error) = service.post(&release, &json!({"nota": "x"}), &[]).await;
    assert_eq!((status, error["error"]["code"].as_str()), (400, Some("result.release")));
    let (status, error) = service.post(&release, &json!({"note": "x".repeat(4001)}), &[]).await;
    assert_eq!((status, error["error"]["code"].as_str()), (400, Some("text.too_long")), "{error}");
    let (status, released) = service.post(&release, &json!({"note": "looked at it"}), &[]).await;
    assert_eq!((status, &released["held"], &released["job_id"]), (200, &json!(false), &json!(id)));
    let listed: Value = serde_json::from_str(&service.get("/v1/jobs").await.1).unwrap();
    let job = &listed["jobs"][0];
    assert_eq!((&job["held"], &job["released_by"]), (&json!(false), &json!("http:loopback")));
    assert_eq!((&job["released_by"], &job["released_at"]), (&released["released_by"], &released["released_at"]));
    assert_eq!(service.get(&format!("/v1/jobs/{id}/report")).await.0, 200);
    let record = on_record(&machine, "result.released").remove(0);
    assert!(record["actor"] == "http:loopback" && record.to_string().contains("looked at it"), "{record}");
    let again = run(&machine, &["results", "release", &id, "--by", "judge"]);
    assert!(again.code == Some(2) && again.stderr.contains("not held"), "{}", again.stderr);
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_runs_a_recording_sees_that_its_result_is_held_and_how_to_release_it() {
    let simulator = provider(Arc::new(|_| SAID.into())).await;
    let machine = Machine::new();
    let rules = rule("grave").replace("severity: high", "severity: low\n    actions: [alert, block]");
    write(&machine, "rules/a.yaml", &rules);
    let run = |args: &[&str]| {
        let mut command = machine.command(args);
        command.envs(settings(simulator.url()));
        tokio::task::block_in_place(|| Ran::of(&command.output().unwrap()))
    };
    let call = fixture("real/austen0880.flac");
    let ran = run(&["run", &call]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for line in ["HELD BACK for review", "1 alert", "earmark alerts list"] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    assert!(ran.stderr.contains("HELD BACK for review; 1 alert") && !ran.stderr.contains("ERROR"), "{}", ran.stderr);
    let (early, late) = ran.stderr.split_once("HELD BACK for review").unwrap();
    assert_eq!(early.matches("alert: rule grave in job").count(), 1, "as it is found, once: {}", ran.stderr);
    assert!(!late.contains("alert: rule grave"), "{}", ran.stderr);
    let command = ran.stdout.lines().find_map(|line| line.split_once("earmark results release "));
    let (id, _) = command.unwrap().1.split_once(' ').unwrap();
    well(&machine, &["results", "release", id, "--by", "judge"]);

    // As soon as nothing holds it back, nothing of it is said.
    write(&machine, "rules/a.yaml", &rule("plain"));
    let ran = run(&["run", &call]);
    assert!(!ran.stdout.contains("HELD") && !ran.stdout.contains("alert"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_whole_text_takes_back_is_withdrawn_and_its_alert_closed() {
    // The words are there first, and then what makes an exception of them.
    let simulator = provider(Arc::new(|_| "我们保证收益都是骗人的，请您一定不要相信这样的话".into())).await;
    let machine = Machine::new();
    let alerting = "severity: low\n    actions: [alert]\n    except: [保证收益都是骗人]";
    let rules = rule("promise").replace("severity: high", alerting);
    write(&machine, "rules/a.yaml", &rules);
    let mut settings = settings(simulator.url()).to_vec();
    settings.push(("EARMARK__ASR__STREAM", "true"));
    let service = tokio::task::block_in_place(|| Service::start(&machine, "up", &settings));
    let id = posted(&service, json!({"uri": format!("file://{}", fixture(CALL))})).await;
    let report = report(&service, &id).await;
    assert_eq!(report["findings"], json!([]));
    let withdrawn = on_record(&machine, "finding.withdrawn");
    assert_eq!(withdrawn.len(), 3, "one for each clip");
    assert!(withdrawn[0].to_string().contains("promise") && withdrawn[0]["rule_set_sha256"].is_string());
    assert!(!well(&machine, &["alerts", "list"]).stdout.contains("finding.alert"));
    let all = well(&machine, &["alerts", "list", "--all"]).stdout;
    assert_eq!(all.matches("the whole recording does not confirm it").count(), 3, "{all}");
    service.stop();
}
