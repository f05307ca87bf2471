//! Recordings among other files, and what names and sidecars say of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use earmark_servers::S3Server;
use serde_json::{Value, json};
use support::{Machine, Ran};

/// What a recorder leaves: two recordings, and six files beside them.
const LEFT: [&str; 8] = [
    "2026/GMT-1_Recording.m4a",
    "2026/GMT-1_Recording.transcript.vtt",
    "2026/GMT-1.timeline.json",
    "2026/GMT-1.chat.txt",
    "2026/call-7.wav",
    "2026/call-7_metadata.json",
    "2026/call-7.meta",
    "2026/.DS_Store",
];

fn lay(machine: &Machine, names: &[&str]) {
    for name in names {
        let path = machine.folder.path().join("calls").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"sound").unwrap();
    }
}

/// The last parts of what was accepted.
fn names(ran: &Ran) -> Vec<String> {
    let last = |line: &Value| line["uri"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    ran.json().iter().map(last).collect()
}

async fn with_store(machine: &Machine, server: &S3Server, args: &[&str]) -> Ran {
    let mut command = machine.command(args);
    command
        .env("EARMARK__STORAGE__S3_ENDPOINT", server.endpoint())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", S3Server::ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", S3Server::SECRET_KEY);
    tokio::task::spawn_blocking(move || Ran::of(&command.output().unwrap())).await.unwrap()
}

#[tokio::test]
async fn what_recorders_leave_beside_the_sound_makes_no_jobs_and_is_counted() {
    let machine = Machine::new();
    lay(&machine, &LEFT);
    let server = S3Server::start(&["calls"]).await;
    for name in LEFT {
        server.lay("calls", name, b"sound");
    }
    let recordings = ["GMT-1_Recording.m4a", "call-7.wav"];
    let words: Vec<String> = LEFT.iter().map(|name| format!("calls/{name}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    for args in [vec!["--prefix", "s3://calls/2026/"], vec!["calls"], vec!["./calls/2026"], words] {
        let ran = with_store(&machine, &server, &[&["submit", "--json", "--again"], args.as_slice()].concat()).await;
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(names(&ran), recordings, "{args:?}");
        assert!(ran.stderr.contains("6 of 8 left out: 2 .json, "), "{args:?}: {}", ran.stderr);
    }
    let submit = |args: &[&str]| machine.run(&[&["submit", "--json"], args].concat());
    // A file by itself is meant, and so is a manifest's line.
    assert_eq!(names(&submit(&["calls/2026/call-7.meta"])), ["call-7.meta"]);
    std::fs::write(machine.folder.path().join("list"), "calls/2026/GMT-1.chat.txt\n").unwrap();
    assert_eq!(names(&submit(&["--manifest", "list"])), ["GMT-1.chat.txt"]);
    // What somebody says goes before what is usual.
    assert_eq!(
        names(&submit(&["--include", "*.meta", "--include", "*.m4a", "calls"])),
        ["GMT-1_Recording.m4a", "call-7.meta"]
    );
    assert_eq!(
        names(&submit(&["--exclude", "2026/call-*", "--exclude", "**/call-*", "calls"])),
        ["GMT-1_Recording.m4a"]
    );
    let ran = submit(&["--include", "*.flac", "calls"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("8 of 8 left out"), "{}", ran.stderr);
    let ran = submit(&["--include", "[", "calls"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("list of characters"), "{}", ran.stderr);
}

#[tokio::test]
async fn names_and_sidecars_give_metadata_and_what_is_said_goes_before_them() {
    let machine = Machine::new();
    let server = S3Server::start(&["calls"]).await;
    let meta = json!({"Agent": {"Username": "li"}, "Queue": {"Name": "sales"}}).to_string();
    for (name, body) in [
        ("out-15550100-201-20260131-093015-1.7.wav", "sound"),
        ("out-15550100-201-20260131-093015-1.7.json", &meta),
        ("in-15550101-202-20260131-100000-1.8.wav", "sound"),
        ("in-15550101-202-20260131-100000-1.8.json", "{"),
        ("voicemail.wav", "sound"),
    ] {
        server.lay("calls", name, body.as_bytes());
        lay(&machine, &[name]);
        std::fs::write(machine.folder.path().join("calls").join(name), body).unwrap();
    }
    let pattern = r"(?P<direction>in|out)-(?P<number>\d+)-(?P<agent>\d+)-(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)-(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)-.+\.wav";
    let how = [
        "--name-pattern",
        pattern,
        "--zone",
        "+08:00",
        "--sidecar",
        "{stem}.json",
        "--sidecar-fields",
        "agent=/Agent/Username,queue=/Queue/Name",
    ];
    let metadata = |ran: &Ran| {
        let job = |line: &Value| {
            machine.run(&["jobs", "show", "--json", line["job_id"].as_str().unwrap()]).json_whole()["metadata"].clone()
        };
        ran.json().iter().map(job).collect::<Vec<_>>()
    };
    let expected = [
        json!({"direction": "in", "number": "15550101", "agent": "202", "started_at": "2026-01-31T10:00:00+08:00"}),
        json!({"direction": "out", "number": "15550100", "agent": "li", "queue": "sales",
               "started_at": "2026-01-31T09:30:15+08:00"}),
        json!({}),
    ];
    for place in [&["--prefix", "s3://calls/"][..], &["calls"]] {
        let ran = with_store(&machine, &server, &[&["submit", "--json"], place, &how].concat()).await;
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(metadata(&ran), expected, "{place:?}");
        for part in [
            "1.8.wav is taken without its sidecar",
            "it is no JSON",
            "voicemail.wav is taken without its sidecar",
            "1 name is not as the name pattern has it",
        ] {
            assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
        }
    }
    let line = json!({"uri": "s3://calls/out-15550100-201-20260131-093015-1.7.wav", "key": "k",
                      "metadata": {"agent": "wang", "number": 7}});
    std::fs::write(machine.folder.path().join("list"), line.to_string()).unwrap();
    let ran = with_store(&machine, &server, &[&["submit", "--json", "--manifest", "list"], &how[..]].concat()).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let said = json!({"direction": "out", "number": 7, "agent": "wang", "queue": "sales",
                      "started_at": "2026-01-31T09:30:15+08:00"});
    assert_eq!(metadata(&ran), [said]);

    for (name, value, part) in [
        ("NAME_PATTERN", "(?P<agent>[", "unclosed"),
        ("ZONE", "Europe/Berlin", "+08:00"),
        ("SIDECAR", "meta.json", "{stem}.json"),
    ] {
        let mut command = machine.command(&["submit", "calls"]);
        let ran = Ran::of(&command.env(format!("EARMARK__INTAKE__{name}"), value).output().unwrap());
        let is_told = ran.stderr.contains(&format!("EARMARK__INTAKE__{name} is `{value}`"));
        assert!(ran.code == Some(2) && is_told && ran.stderr.contains(part), "{}", ran.stderr);
    }
}
