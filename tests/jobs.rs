//! Jobs as producers see them: the same again, the same audio under another name, pauses, and a worker's orderly end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::process::Command;
use std::time::Duration;

use earmark_simulator::{Fault, Key, Latency, Options, Rule, Simulator};
use serde_json::{Value, json};
use support::{Machine, Ran, Running, fixture};

/// Three clips.
const CALL: &str = "dialogues/zh-dev-02-collection-abuse.pcm8k.wav";
const KEY: &str = "0123456789.s3cret";

/// A machine whose account is at a simulator.
struct Office {
    machine: Machine,
    simulator: Simulator,
}

impl Office {
    async fn start(options: Options) -> Self {
        let simulator = Simulator::start(Options { keys: vec![Key::new(KEY)], ..options }).await.unwrap();
        Self { machine: Machine::new(), simulator }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.machine.command(args);
        command
            .env("EARMARK__ASR__ENGINE", "glm")
            .env("EARMARK__ASR__BASE_URL", self.simulator.url())
            .env("EARMARK__ASR__API_KEY", KEY)
            .env("EARMARK__ASR__FALLBACK", "off")
            .env("EARMARK__WORKER__GRACE_SECS", "0");
        command
    }

    /// Runs the program to its end; the simulator answers meanwhile.
    fn run(&self, args: &[&str]) -> Ran {
        let ran = tokio::task::block_in_place(|| Ran::of(&self.command(args).output().unwrap()));
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.stderr);
        ran
    }

    fn work(&self) -> Running {
        Running::start(self.command(&["work"]))
    }

    fn job(&self, id: &str) -> Value {
        self.run(&["jobs", "show", "--json", id]).json().remove(0)
    }

    fn copy(&self, name: &str) -> String {
        let path = self.machine.folder.path().join(name);
        std::fs::copy(fixture(CALL), &path).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn stop(worker: Running) {
    tokio::task::block_in_place(|| worker.stop());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_audio_under_another_name_is_not_sent_again() {
    let office = Office::start(Options::default()).await;
    let worker = office.work();
    let submit = |args: &[&str]| {
        let ran = office.run(&[&["submit", "--wait", "--timeout", "4m", "--json"], args].concat());
        ran.json()[0]["job_id"].as_str().unwrap().to_owned()
    };
    let first = submit(&[&office.copy("first.wav")]);
    let sent = office.simulator.requests();
    assert_eq!(sent, 3);
    let report = |id: &str| office.run(&["results", "export", id]).json_whole();
    let texts = |report: &Value| {
        let utterances = report["utterances"].as_array().unwrap();
        utterances.iter().map(|one| one["text"].clone()).collect::<Vec<_>>()
    };

    let second = submit(&[&office.copy("second.wav")]);
    assert_eq!(office.simulator.requests(), sent, "nothing was sent for the second");
    let (asked, reused) = (report(&first), report(&second));
    assert_eq!((texts(&reused), reused["cost"]["requests"].clone()), (texts(&asked), json!(0)));
    assert_eq!((&reused["cost"]["billed_ms"], &reused["cost"]["price_cny"]), (&json!(0), &json!(0.0)));
    let warnings = reused["warnings"].as_array().unwrap();
    let told = warnings.iter().find(|warning| warning["code"] == "transcript_reused").unwrap();
    assert!(told["detail"].as_str().unwrap().contains(&first), "{told}");
    assert_eq!(office.job(&second)["clips_done"], 3);
    let done = office.run(&["audit", "export"]).json().into_iter().rfind(|entry| entry["kind"] == "job.done").unwrap();
    assert!(done.to_string().contains("reused_from") && done.to_string().contains(&first), "{done}");

    // Another tenant's is another's, and whoever wants it done again gets it done again.
    submit(&["--tenant", "other", &office.copy("third.wav")]);
    assert_eq!(office.simulator.requests(), 2 * sent);
    submit(&["--again", &office.copy("fourth.wav")]);
    assert_eq!(office.simulator.requests(), 3 * sent);
    stop(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_stopped_hands_back_at_once_what_it_cannot_finish() {
    let never = Options { latency: Latency::Fixed(Duration::from_secs(3600)), ..Options::default() };
    let office = Office::start(never).await;
    let id = office.run(&["submit", "--json", &fixture(CALL)]).json()[0]["job_id"].as_str().unwrap().to_owned();
    let worker = office.work();
    worker.meanwhile("the first request", office.simulator.wait_for_requests(1)).await;
    assert_eq!(office.job(&id)["standing"], "leased");
    stop(worker);
    let job = office.job(&id);
    assert_eq!(
        (&job["state"], &job["standing"], &job["attempt"]),
        (&json!("ready"), &json!("ready"), &json!(0)),
        "{job}"
    );
    let look = "import sqlite3, sys\nprint(sqlite3.connect(sys.argv[1]).execute('SELECT lease_owner, lease_until_ms FROM jobs').fetchall())\n";
    let owner = Command::new("python3").args(["-c", look]).arg(office.machine.database()).output().unwrap();
    assert_eq!(String::from_utf8(owner.stdout).unwrap().trim(), "[(None, None)]");

    // The next worker does not wait for anything.
    let sent = office.simulator.requests();
    let next = office.work();
    next.meanwhile("the next request", office.simulator.wait_for_requests(sent + 1)).await;
    assert_eq!(office.job(&id)["standing"], "leased");
    next.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_badly_and_is_offered_again_is_not_passed_over_in_silence() {
    let office =
        Office::start(Options { faults: vec![Rule::always(Fault::error("1301"))], ..Options::default() }).await;
    let broken = office.machine.folder.path().join("broken.wav");
    std::fs::write(&broken, b"no sound at all").unwrap();
    let broken = broken.to_str().unwrap();
    let worker = office.work();
    let ran = tokio::task::block_in_place(|| {
        Ran::of(&office.command(&["submit", "--wait", "--timeout", "4m", broken]).output().unwrap())
    });
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let again = office.run(&["submit", "--json", broken]);
    assert_eq!((&again.json()[0]["state"], &again.json()[0]["is_new"]), (&json!("dead"), &json!(false)));
    assert!(again.stderr.contains("earmark jobs retry") && again.stderr.contains("--again"), "{}", again.stderr);
    let other = office.run(&["submit", "--json", "--again", broken]);
    assert_eq!(other.json()[0]["is_new"], true);
    // Other content under the same name is another job.
    std::fs::write(broken, b"and now something else").unwrap();
    assert_eq!(office.run(&["submit", "--json", broken]).json()[0]["is_new"], true);
    stop(worker);
}

#[test]
fn the_queue_is_paused_resumed_and_shown() {
    let machine = Machine::new();
    machine.run(&["submit", "--lane", "archive", "--priority", "-5", "a.wav", "b.wav"]);
    let listed = |args: &[&str]| machine.run(&[&["jobs", "list", "--json"], args].concat()).json();
    assert!(listed(&[]).iter().all(|job| job["standing"] == "ready" && job["priority"] == -5));
    let paused = machine.run(&["queue", "pause", "--lane", "archive"]);
    assert!(paused.code == Some(0) && paused.stdout.contains("lane archive is paused"), "{paused:?}");
    assert_eq!((listed(&["--state", "paused"]).len(), listed(&["--state", "waiting"]).len()), (2, 0));
    assert_eq!(listed(&["--state", "ready"]).len(), 2, "as it is stored");
    let stats = machine.run(&["queue", "stats", "--json"]).json_whole();
    assert_eq!((&stats["lanes"][2]["paused"], &stats["pauses"][0]["lane"]), (&json!(2), &json!("archive")), "{stats}");
    let shown = machine.run(&["queue", "stats"]).stdout;
    assert!(shown.contains("lane archive since"), "{shown}");
    assert_eq!(machine.run(&["queue", "resume"]).code, Some(0));
    assert!(listed(&["--state", "paused"]).is_empty());
    let refused = machine.run(&["submit", "--priority", "101", "c.wav"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("101, -100 to 100"), "{refused:?}");
}
