//! Rules over time: replays of stored transcripts, reviewers' verdicts, and how often a rule is right.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "support/stored.rs"]
mod stored;
mod support;

use earmark_core::JobId;
use serde_json::{Value, json};
use stored::store_dialogues;
use support::{Machine, Ran, Service};

/// The starter set with one rule removed, one added, and one graver, in the folder `changed`.
fn change_starter(machine: &Machine) {
    let (from, to) =
        (concat!(env!("CARGO_MANIFEST_DIR"), "/workers/rules/starter"), machine.folder.path().join("changed"));
    std::fs::create_dir(&to).unwrap();
    for file in ["en.yaml", "zh.yaml"] {
        let text = std::fs::read_to_string(format!("{from}/{file}")).unwrap();
        std::fs::write(to.join(file), text.replacen("severity: high", "severity: critical", 1)).unwrap();
    }
    let polite = "rules:\n  - id: greeting\n    category: greeting\n    severity: low\n    words: [您好, thank you]\n    message: says hello\n";
    std::fs::write(to.join("greeting.yaml"), polite).unwrap();
}

/// Every row of every table but those of replays, hashed by table.
fn rows(machine: &Machine) -> String {
    let look = "import sqlite3, sys, hashlib\ndb = sqlite3.connect(sys.argv[1])\n\
        for (name,) in db.execute(\"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'rule_replay%' ORDER BY name\").fetchall():\n  \
            rows = sorted(map(repr, db.execute(f'SELECT * FROM {name}')))\n  print(name, len(rows), hashlib.sha256('\\n'.join(rows).encode()).hexdigest())\n";
    let output = std::process::Command::new("python3").args(["-c", look]).arg(machine.database()).output().unwrap();
    let ran = Ran::of(&output);
    assert!(ran.code == Some(0) && ran.stdout.contains("finding_verdicts 0 "), "{} {}", ran.stdout, ran.stderr);
    ran.stdout
}

fn sql(machine: &Machine, statement: &str) {
    let run = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.execute(sys.argv[2])\ndb.commit()\n";
    let mut command = std::process::Command::new("python3");
    assert!(command.args(["-c", run]).arg(machine.database()).arg(statement).status().unwrap().success());
}

const REPLAY: [&str; 6] = ["rules", "replay", "--from", "starter", "--to", "changed"];

fn replay(machine: &Machine, more: &[&str]) -> Ran {
    let ran = machine.run(&[&REPLAY, more].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

#[tokio::test]
async fn a_replay_prints_the_same_bytes_twice_and_writes_nothing_but_its_record() {
    let machine = Machine::new();
    let ids = store_dialogues(&machine).await;
    change_starter(&machine);
    let before = rows(&machine);
    let first = replay(&machine, &["--json"]);
    let second = replay(&machine, &["--json"]);
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(rows(&machine), before);

    let lines = first.json();
    let (summary, jobs) = lines.split_last().unwrap();
    let summary = &summary["summary"];
    assert_eq!((&summary["jobs"], &summary["changed_jobs"]), (&json!(ids.len()), &json!(jobs.len())));
    let named: Vec<JobId> = jobs.iter().map(|job| JobId::parse(job["job_id"].as_str().unwrap()).unwrap()).collect();
    assert!(named.iter().all(|id| ids.contains(id)));
    let in_order: Vec<_> = ids.iter().filter(|id| named.contains(id)).cloned().collect();
    assert_eq!(named, in_order);
    let rule = |id: &str| summary["rules"].as_array().unwrap().iter().find(|row| row["rule_id"] == id).unwrap().clone();
    let notice = rule("recording-notice");
    assert!(
        notice["after"] == 0 && notice["removed"] == notice["before"] && notice["removed"].as_u64() > Some(0),
        "{notice}"
    );
    let greeting = rule("greeting");
    assert!(
        greeting["before"] == 0 && greeting["added"] == greeting["after"] && greeting["added"].as_u64() > Some(0),
        "{greeting}"
    );
    let graver = rule("zh-guaranteed-return");
    assert!(
        graver["changed"] == graver["before"]
            && graver["before"] == graver["after"]
            && graver["changed"].as_u64() > Some(0),
        "{graver}"
    );
    let changes = || jobs.iter().flat_map(|job| job["changes"].as_array().unwrap());
    let change =
        changes().find(|change| change["change"] == "changed" && change["rule_id"] == "zh-guaranteed-return").unwrap();
    assert_eq!(
        (&change["what"], &change["before"]["severity"], &change["after"]["severity"]),
        (&json!(["severity"]), &json!("high"), &json!("critical"))
    );

    let id = first.stderr.trim().strip_prefix("replay ").unwrap();
    let again = machine.run(&["rules", "replay", "--show", id, "--json"]);
    assert_eq!((again.code, &again.stdout), (Some(0), &first.stdout));
    let text = replay(&machine, &[]);
    assert_eq!(machine.run(&["rules", "replay", "--show", id]).stdout, text.stdout);
    assert!(text.stdout.contains("severity: high -> critical") && text.stdout.contains("(agent)"), "{}", text.stdout);
    assert_eq!(machine.run(&["rules", "replays", "--json"]).json().len(), 3);
    let some = replay(&machine, &["--json", "--limit", "2"]).json();
    assert_eq!(some.last().unwrap()["summary"]["jobs"], 2);
    let none = replay(&machine, &["--json", "--until", "2020-01-01"]).json();
    assert_eq!(none, [json!({"summary": none[0]["summary"]})]);
    assert_eq!(machine.run(&["rules", "replay", "--show", "none"]).code, Some(2));
    assert_eq!(machine.run(&["rules", "replay", "--from", "abc", "--to", "starter"]).code, Some(2));
    assert_eq!(machine.run(&["rules", "replay", "--from", "starter"]).code, Some(2));
}

#[tokio::test]
async fn a_replay_judges_as_the_job_was_judged() {
    let machine = Machine::new();
    store_dialogues(&machine).await;
    std::fs::write(
        machine.folder.path().join("nothing.yaml"),
        "rules:\n  - id: a\n    category: c\n    severity: low\n    words: [zzzzzzzz]\n    message: none\n",
    )
    .unwrap();
    let ran = machine.run(&["rules", "replay", "--from", "nothing.yaml", "--to", "starter", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let lines = ran.json();
    let (_, jobs) = lines.split_last().unwrap();
    assert!(jobs.len() > 5);
    for job in jobs {
        let report = machine.run(&["results", "export", job["job_id"].as_str().unwrap()]).json_whole();
        let found: Vec<&Value> = job["changes"].as_array().unwrap().iter().map(|change| &change["after"]).collect();
        let mut stored: Vec<&Value> = report["findings"].as_array().unwrap().iter().collect();
        assert_eq!(found.len(), stored.len());
        stored.retain(|finding| !found.contains(finding));
        assert!(stored.is_empty(), "{stored:?}");
    }
}

#[tokio::test]
async fn an_applied_replay_is_on_record_once_and_what_is_tampered_with_afterwards_is_noticed() {
    let machine = Machine::new();
    let ids = store_dialogues(&machine).await;
    change_starter(&machine);
    let ran = machine.run(&[&REPLAY[..], &["--apply"]].concat());
    assert!(ran.code == Some(2) && ran.stderr.contains("--by"), "{}", ran.stderr);
    for (args, part) in
        [(["--limit", "0", "--by", "ann"], "--limit"), (["--since", "2026-01-02", "--until", "2026-01-02"], "between")]
    {
        let ran = machine.run(&[&REPLAY[..], &args].concat());
        assert!(ran.code == Some(2) && ran.stderr.contains(part), "{args:?}: {}", ran.stderr);
    }
    let plain = replay(&machine, &["--json"]);
    let changed = plain.json().len() - 1;
    let first = replay(&machine, &["--json", "--apply", "--by", "ann"]);
    assert_eq!(first.stdout, plain.stdout);
    assert!(first.stderr.contains(&format!("applied to {changed} jobs; 0 had")), "{}", first.stderr);
    assert_eq!(machine.run(&["audit", "verify"]).code, Some(0));
    let before = rows(&machine);
    let second = replay(&machine, &["--json", "--apply", "--by", "ann"]);
    assert_eq!(second.stdout, first.stdout);
    assert!(second.stderr.contains(&format!("applied to 0 jobs; {changed} had")), "{}", second.stderr);
    assert_eq!(rows(&machine), before, "applied twice is applied once");

    let entries = machine.run(&["audit", "export"]).json();
    let replayed: Vec<&Value> = entries.iter().filter(|entry| entry["kind"] == "rules.replayed").collect();
    assert_eq!((replayed.len(), &replayed[0]["actor"]), (changed, &json!("cli:ann")));
    let words = plain.json()[0]["changes"][0]["after"]["matched"].as_str().unwrap_or("您好").to_owned();
    assert!(replayed.iter().all(|entry| words.is_empty() || !entry["payload"].to_string().contains(&words)));
    let report = machine.run(&["results", "export", ids[0].as_str()]).json_whole();
    assert!(report["warnings"].to_string().contains("findings_replayed"), "{report}");
    assert_eq!(report["rule_set"]["name"], "changed");
    assert!(report["findings"].to_string().contains("greeting"), "{report}");
    let back = machine.run(&["rules", "replay", "--from", "changed", "--to", "starter", "--apply", "--by", "ann"]);
    assert!(back.stderr.contains(&format!("applied to {changed} jobs")), "{}", back.stderr);
    assert_eq!(machine.run(&["audit", "verify"]).code, Some(0));

    sql(&machine, "UPDATE findings SET severity = 'low', severity_rank = 0 WHERE rule_id = 'zh-guaranteed-return'");
    let ran = machine.run(&["audit", "verify"]);
    assert!(ran.code == Some(1) && ran.stdout.contains("rules.replayed"), "{}", ran.stdout);
}

#[tokio::test]
async fn verdicts_are_given_by_command_and_over_http_and_make_precision() {
    let machine = Machine::new();
    store_dialogues(&machine).await;
    let ran = machine.run(&["rules", "stats"]);
    assert!(ran.stdout.contains("no verdicts yet") && !ran.stdout.contains(" % ("), "{}", ran.stdout);
    let listed = machine.run(&["findings", "list", "--rule", "zh-guaranteed-return", "--json"]).json();
    assert!(listed.len() >= 2, "{listed:?}");
    let place = |found: &Value| {
        (found["job_id"].as_str().unwrap().to_owned(), found["finding"]["id"].as_str().unwrap().to_owned())
    };
    let ((job, finding), (other_job, other)) = (place(&listed[0]), place(&listed[1]));
    let ran = machine.run(&["findings", "confirm", &job, &finding, "--by", "ann", "--note", "听过"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(machine.run(&["findings", "reject", &job, "f99"]).code, Some(2));
    assert_eq!(machine.run(&["findings", "reject", &job, &finding, "--by", ""]).code, Some(2), "nobody is no reviewer");

    let service = Service::start(&machine, "serve", &[]);
    let put = async |job: &str, finding: &str, body: Value| {
        let url = format!("{}/v1/jobs/{job}/findings/{finding}/verdict", service.url);
        let answer = service.client.put(url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, given) = put(&other_job, &other, json!({"verdict": "confirmed", "by": "bob"})).await;
    assert_eq!(
        (status, &given["verdict"]["verdict"], &given["verdict"]["by"]),
        (200, &json!("confirmed"), &json!("bob"))
    );
    assert_eq!(put(&other_job, &other, json!({"verdict": "rejected", "by": " ", "note": "a quote"})).await.0, 200);
    for (job, finding, body, status, code) in [
        (other_job.as_str(), "f99", json!({"verdict": "rejected"}), 404, "finding.unknown"),
        ("01890000-0000-7000-8000-000000000000", "f1", json!({"verdict": "rejected"}), 404, "job.unknown"),
        ("7", "f1", json!({"verdict": "rejected"}), 404, "job.unknown"),
        (other_job.as_str(), other.as_str(), json!({"verdict": "perhaps"}), 422, "verdict.malformed"),
        (
            other_job.as_str(),
            other.as_str(),
            json!({"verdict": "rejected", "note": "x".repeat(4001)}),
            400,
            "text.too_long",
        ),
    ] {
        let (answered, error) = put(job, finding, body).await;
        assert_eq!((answered, error["error"]["code"].as_str()), (status, Some(code)), "{error}");
    }
    let get = async |path: &str| serde_json::from_str::<Value>(&service.get(path).await.1).unwrap();
    let rejected = get("/v1/findings?verdict=rejected").await;
    assert_eq!(rejected["findings"].as_array().unwrap().len(), 1);
    assert_eq!(rejected["findings"][0]["verdict"]["by"], "http:loopback");
    let (mut path, mut seen) = ("/v1/findings?limit=2".to_owned(), Vec::new());
    loop {
        let page = get(&path).await;
        seen.extend(page["findings"].as_array().unwrap().iter().map(place));
        match page["next"].as_str() {
            Some(next) => path = format!("/v1/findings?limit=2&after={next}"),
            None => break,
        }
    }
    let whole: Vec<_> =
        machine.run(&["findings", "list", "--json", "--limit", "1000"]).json().iter().map(place).collect();
    assert_eq!(seen, whole);
    for wrong in ["verdict=no", "since=yesterday", "after=7", "colour=red"] {
        assert_eq!(service.get(&format!("/v1/findings?{wrong}")).await.0, 400, "{wrong}");
    }
    service.stop();

    let stats = machine.run(&["rules", "stats", "--rule", "zh-guaranteed-return", "--json"]).json();
    assert_eq!(
        (&stats[0]["confirmed"], &stats[0]["rejected"], &stats[0]["precision"]),
        (&json!(1), &json!(1), &json!({"count": 1, "of": 2, "share": 0.5, "low": 0.094531, "high": 0.905469}))
    );
    let text = machine.run(&["rules", "stats"]).stdout;
    assert!(text.contains("50.0 % (9.5–90.5)") && text.contains("no verdicts"), "{text}");
    let kinds: Vec<String> = machine
        .run(&["audit", "export"])
        .json()
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "finding.judged").count(), 3);
}

#[test]
fn labelled_transcripts_give_recall_and_precision_with_their_intervals() {
    let machine = Machine::new();
    assert_eq!(machine.run(&["migrate"]).code, Some(0));
    let labelled = support::fixture("labelled.jsonl");
    let ran = machine.run(&["rules", "stats", "--labelled", &labelled, "--set", "starter", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let rows = ran.json();
    let row = |name: &str| rows.iter().find(|row| row["rule_id"] == name).unwrap_or_else(|| panic!("{name}: {rows:?}"));
    for name in ["guaranteed_return", "zh-abuse", "en-abuse", "recording-notice"] {
        let row = row(name);
        assert!(row["expected"].as_u64() > Some(0), "{row}");
        assert_eq!(row["found"], row["expected"], "{row}");
        assert!(row["recall"]["low"].as_f64() < Some(1.0), "{row}");
    }
    let text = machine.run(&["rules", "stats", "--labelled", &labelled]).stdout;
    assert!(text.contains("100.0 % (") && !text.contains("100.0 % \n"), "{text}");

    for (line, part) in [
        ("{", "line 1"),
        (r#"{"text": "a", "expect": ["nothing-like-it"]}"#, "`nothing-like-it` is neither a rule nor a category"),
        (r#"{"expect": []}"#, "either `utterances` or `text`"),
        (r#"{"text": "a", "expcet": []}"#, "expcet"),
    ] {
        let path = machine.folder.path().join("wrong.jsonl");
        std::fs::write(&path, line).unwrap();
        let ran = machine.run(&["rules", "stats", "--labelled", "wrong.jsonl"]);
        assert!(ran.code == Some(2) && ran.stderr.contains(part), "{line}: {}", ran.stderr);
    }
    let path = machine.folder.path().join("missed.jsonl");
    std::fs::write(
        path,
        "{\"text\": \"今天天气很好\", \"expect\": [\"zh-abuse\"]}\n{\"text\": \"稳赚不赔\", \"expect\": []}\n",
    )
    .unwrap();
    let rows = machine.run(&["rules", "stats", "--labelled", "missed.jsonl", "--json"]).json();
    let abuse = rows.iter().find(|row| row["rule_id"] == "zh-abuse").unwrap();
    assert_eq!((&abuse["recall"]["share"], &abuse["precision"]), (&json!(0.0), &Value::Null));
    let promise = rows.iter().find(|row| row["rule_id"] == "zh-guaranteed-return").unwrap();
    assert_eq!((&promise["recall"], &promise["precision"]["share"]), (&Value::Null, &json!(0.0)));
}
