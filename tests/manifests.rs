//! Manifests as other programs write them: read, or refused with the line before anything is journaled.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use support::{Machine, Ran};

fn submitted(machine: &Machine, bytes: &[u8]) -> Ran {
    let path = machine.folder.path().join("manifest");
    std::fs::write(&path, bytes).unwrap();
    machine.run(&["submit", "--json", "--manifest", "manifest"])
}

/// How many jobs there are; none where there is no database yet.
fn jobs(machine: &Machine) -> usize {
    machine.run(&["jobs", "list", "--json"]).json().len()
}

#[test]
fn a_byte_order_mark_and_line_ends_of_windows_are_no_part_of_a_manifest() {
    let machine = Machine::new();
    let text = "\u{feff}{\"uri\": \"s3://calls/2026/0001.wav\", \"key\": \"call-0001\"}\r\n{\"uri\": \"s3://calls/2026/0002.wav\", \"key\": \"call-0002\"}\r\n";
    let ran = submitted(&machine, text.as_bytes());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let listed = machine.run(&["jobs", "list", "--json"]).json();
    let keys: Vec<_> = listed.iter().map(|job| job["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["call-0002", "call-0001"]);
}

#[test]
fn what_is_no_manifest_is_refused_with_its_line_and_makes_no_job() {
    let machine = Machine::new();
    for (text, place) in [
        (
            "[\n  {\"uri\": \"s3://calls/2026/0001.wav\", \"key\": \"call-0001\"},\n  {\"uri\": \"s3://calls/2026/0002.wav\"}\n]\n",
            "manifest:1:",
        ),
        ("uri,key\ns3://calls/2026/0001.wav,call-0001\n", "manifest:1:"),
        ("s3://calls/2026/0001.wav\ns3://calls/2026/0002.wav,call-0002\n", "manifest:2:"),
        ("{\"uri\": \"s3://calls/2026/0001.wav\"},\n", "manifest:1:"),
        ("s3://calls/2026/0001.wav\n/no/such/file.wav\n", "manifest:2:"),
        ("{\"uri\": \"s3://calls/a.wav\", \"metadata\": {\"call_id\": 12345678901234567890123}}\n", "manifest:1:"),
    ] {
        let ran = submitted(&machine, text.as_bytes());
        assert!(ran.code == Some(2) && ran.stderr.contains(place), "{text}: {ran:?}");
        assert_eq!(jobs(&machine), 0, "{text}");
    }
}

#[test]
fn one_recording_signed_twice_is_one_job_and_its_signature_is_shown_nowhere() {
    let machine = Machine::new();
    let line = |hour: u32, by: &str| {
        format!(
            "{{\"uri\": \"https://calls.example.org/2026/0017.wav?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261128T{hour:02}0000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature={by}\", \"key\": \"call-0017\"}}\n"
        )
    };
    let ran = submitted(&machine, (line(8, "aaaaaaaa") + &line(9, "bbbbbbbb")).as_bytes());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines = ran.json();
    assert_eq!((lines.len(), &lines[0]["job_id"]), (2, &lines[1]["job_id"]));
    assert_eq!((&lines[0]["is_new"], &lines[1]["is_new"]), (&true.into(), &false.into()));
    let id = lines[0]["job_id"].as_str().unwrap();
    let fresh = "https://calls.example.org/2026/0017.wav?X-Amz-Date=20261128T100000Z&X-Amz-Expires=900&X-Amz-Signature=cccccccc";
    let other = "https://calls.example.org/2026/0018.wav?X-Amz-Signature=dddddddd";
    let (retried, refused) =
        (machine.run(&["jobs", "retry", id, "--uri", fresh]), machine.run(&["jobs", "retry", id, "--uri", other]));
    assert_eq!((retried.code, refused.code), (Some(0), Some(2)), "{retried:?} {refused:?}");
    let (listed, shown) = (machine.run(&["jobs", "list"]), machine.run(&["jobs", "show", id]));
    let told = format!("{ran:?} {retried:?} {refused:?} {listed:?} {shown:?}");
    for signature in ["aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd", "X-Amz-"] {
        assert!(!told.contains(signature), "{told}");
    }
}

#[test]
fn folders_and_patterns_are_what_lies_there_in_order_and_nothing_is_journaled_to_die() {
    let machine = Machine::new();
    for name in ["calls/b.wav", "calls/a.wav", "calls/2026/c.wav", "calls/a.txt"] {
        let path = machine.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, name).unwrap();
    }
    let folder = format!("file://{}/calls", machine.folder.path().display());
    for (words, expected) in [
        (vec!["calls/*.wav"], vec!["a.wav", "b.wav"]),
        (vec!["calls/"], vec!["c.wav", "a.wav", "b.wav"]),
        (vec![folder.as_str()], vec!["c.wav", "a.wav", "b.wav"]),
        (vec!["calls/b.wav", "calls/a.wav"], vec!["b.wav", "a.wav"]),
    ] {
        let ran = machine.run(&[&["submit", "--json", "--again"], &words[..]].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let submitted: Vec<String> =
            ran.json().iter().map(|line| line["job_id"].as_str().unwrap().to_owned()).collect();
        assert!(submitted.windows(2).all(|pair| pair[0] < pair[1]), "{ran:?}");
        let uris: Vec<String> = ran.json().iter().map(|line| line["uri"].as_str().unwrap().to_owned()).collect();
        assert!(uris.iter().zip(&expected).all(|(uri, name)| uri.ends_with(name)), "{words:?}: {uris:?}");
        assert_eq!(uris.len(), expected.len());
    }
    let before = jobs(&machine);
    for word in ["calls/*.mp3", "s3://calls/2026/", "s3://calls/2026/*.wav", "nowhere/*.wav"] {
        let ran = machine.run(&["submit", word]);
        assert!(ran.code == Some(2) && ran.stderr.contains("hint:"), "{word}: {ran:?}");
    }
    assert_eq!(jobs(&machine), before);
}
