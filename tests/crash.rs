//! `kill -9`: every accepted job ends once, and no clip is transcribed twice.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::HashSet;

use support::{Machine, Running, fixture};

fn jobs(machine: &Machine) -> Vec<serde_json::Value> {
    machine.run(&["jobs", "list", "--json"]).json()
}

fn clips_done(machine: &Machine) -> u64 {
    jobs(machine).iter().map(|job| job["clips_done"].as_u64().unwrap()).sum()
}

fn is_done(machine: &Machine) -> bool {
    jobs(machine).iter().all(|job| job["state"] == "done")
}

#[test]
fn ten_jobs_survive_a_killed_worker_and_their_clips_are_not_transcribed_again() {
    let machine = Machine::new();
    // Clips of at most 10 s, so that there are many for the kill to fall between.
    let short_clips = ("EARMARK__AUDIO__PACK_TO_MS", "10000");
    // The same call ten times over, to be transcribed ten times: `--again` keeps them from sharing one transcript.
    let recording = fixture("dialogues/zh-dev-01-wealth-guaranteed.alaw8k.wav");
    let manifest = machine.folder.path().join("manifest");
    let lines: Vec<String> =
        (0..10).map(|i| serde_json::json!({"uri": recording, "key": format!("call-{i}")}).to_string()).collect();
    std::fs::write(&manifest, lines.join("\n")).unwrap();
    let submitted = machine.run(&["submit", "--again", "--manifest", manifest.to_str().unwrap()]);
    assert_eq!(submitted.code, Some(0), "{}", submitted.stderr);

    let start = || {
        let mut command = machine.command(&["up"]);
        command
            .env(short_clips.0, short_clips.1)
            .env("EARMARK__HTTP__LISTEN", "127.0.0.1:0")
            .env("EARMARK__ASR__BATCH", "1");
        Running::start(command)
    };
    let worker = start();
    // Some recording is under way and some of its clips are done.
    worker.until("the first four clips", || (clips_done(&machine) >= 4).then_some(()));
    worker.kill();
    let before = clips_done(&machine);
    let under_way = jobs(&machine).iter().filter(|job| job["state"] == "leased").count();
    let under_way = u64::try_from(under_way).unwrap();
    assert!(under_way > 0 && !is_done(&machine));

    let mut worker = start();
    worker.until("all ten jobs to be done", || is_done(&machine).then_some(()));
    worker.signal();
    assert!(worker.wait().success());
    let messages: Vec<String> = worker.said.iter().collect();
    // The dead worker's leases were free at once, not after their time.
    assert!(
        messages.iter().any(|line| line.contains("took") && line.contains("back from workers that had died")),
        "{messages:?}"
    );

    let jobs = jobs(&machine);
    assert_eq!(jobs.len(), 10);
    let mut requests = 0;
    let mut clips = 0;
    let mut texts = HashSet::new();
    for job in &jobs {
        let report = machine.run(&["results", "export", job["id"].as_str().unwrap()]).json_whole();
        requests += report["cost"]["requests"].as_u64().unwrap();
        clips += job["clips_total"].as_u64().unwrap();
        texts.insert(serde_json::to_string(&report["utterances"]).unwrap());
        let history = machine.run(&["jobs", "show", job["id"].as_str().unwrap()]).stdout;
        assert_eq!(history.matches("job.done").count(), 1, "{history}");
    }
    // Ten times the same call: the same words, killed or not.
    assert_eq!(texts.len(), 1);
    // Nothing was sent twice but what was in flight at the kill: one request of the engine's batch and one kept ready.
    assert!(
        requests >= clips && requests <= clips + 2 * under_way,
        "{requests} requests for {clips} clips, {before} done before the kill"
    );
    assert_eq!(machine.run(&["audit", "verify"]).code, Some(0));
}
