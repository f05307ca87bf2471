//! The account's tier, kept exactly by several processes while one of them is killed and started again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::HashMap;
use std::process::{Command, Stdio};

use earmark_simulator::{Options, Peak, Simulator};
use support::{Machine, Ran, Running, fixture};

/// V0.
const PERMITS: usize = 5;
const PROCESSES: usize = 4;
const RECORDINGS: usize = 30;
const PHRASES: usize = 10;
/// Of mu-law.
const RATE_HZ: usize = 8000;
const SILENCE: u8 = 0xff;

/// A call of short phrases with long pauses. No phrase sounds exactly like one of another recording: `number` stands in
/// the lowest bits of its loudest samples.
fn recording(number: usize) -> Vec<u8> {
    let file = std::fs::read(fixture("formats/austen0870.mulaw8k.wav")).unwrap();
    let data = file.windows(4).position(|name| name == b"data").unwrap();
    let (head, sentence) = (&file[..data], &file[data + 8..]);
    let phrase = RATE_HZ * 13 / 10;
    let mut samples = vec![SILENCE; RATE_HZ / 2];
    for place in 0..PHRASES {
        let from = place * (sentence.len() - phrase) / PHRASES;
        let mut spoken = sentence[from..from + phrase].to_vec();
        let mut loudest: Vec<usize> = (phrase / 4..phrase * 3 / 4).collect();
        loudest.sort_by_key(|at| spoken[*at] & 0x7f);
        for (bit, at) in loudest.into_iter().take(8).enumerate() {
            spoken[at] = (spoken[at] & 0xfe) | u8::from((number >> bit) & 1 == 1);
        }
        samples.extend(spoken);
        samples.resize(samples.len() + RATE_HZ * 6 / 5, SILENCE);
    }
    let bytes = u32::try_from(samples.len()).unwrap();
    let mut call = [head, b"data", &bytes.to_le_bytes(), &samples].concat();
    let riff = u32::try_from(call.len() - 8).unwrap();
    call[4..8].copy_from_slice(&riff.to_le_bytes());
    call
}

/// A machine whose account is at `simulator`.
struct Office {
    machine: Machine,
    base_url: String,
}

impl Office {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.machine.command(args);
        command
            .env("EARMARK__ASR__ENGINE", "glm")
            .env("EARMARK__ASR__FALLBACK", "off")
            .env("EARMARK__ASR__BASE_URL", &self.base_url)
            .env("EARMARK__ASR__API_KEY", "id.secret")
            .env("EARMARK__ASR__TIER", "V0")
            .env("EARMARK__AUDIO__PACK_TO_MS", "1000");
        command
    }

    fn work(&self) -> Running {
        Running::start(self.command(&["work"]))
    }

    fn manifest(&self) -> String {
        let calls = (0..RECORDINGS).map(|number| {
            let call = self.machine.folder.path().join(format!("call-{number}.wav"));
            std::fs::write(&call, recording(number)).unwrap();
            call.to_str().unwrap().to_owned()
        });
        let manifest = self.machine.folder.path().join("manifest");
        std::fs::write(&manifest, calls.collect::<Vec<_>>().join("\n")).unwrap();
        manifest.to_str().unwrap().to_owned()
    }
}

#[test]
fn four_processes_keep_the_tier_exactly_while_one_is_killed_and_every_clip_is_sent_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let simulator =
        runtime.block_on(Simulator::start(Options { max_in_flight: PERMITS, ..Options::default() })).unwrap();
    let office = Office { machine: Machine::new(), base_url: simulator.url().into() };
    let submitting = office
        .command(&["submit", "--wait", "--timeout", "4m", "--json", "--manifest", &office.manifest()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut workers: Vec<Running> = (0..PROCESSES).map(|_| office.work()).collect();

    let third = RECORDINGS * PHRASES / 3;
    runtime.block_on(workers[0].meanwhile("a third of the requests", simulator.wait_for_requests(third)));
    let sent_before = simulator.log().len();
    std::mem::replace(&mut workers[0], office.work()).kill();
    let submitted = Ran::of(&submitting.unwrap().wait_with_output().unwrap());
    assert_eq!(submitted.code, Some(0), "{}", submitted.stderr);
    workers.into_iter().for_each(Running::stop);

    let (summary, log) = (simulator.summary(), simulator.log());
    let Peak { with_client, .. } = summary.peak_in_flight;
    assert!(with_client <= PERMITS, "{with_client} requests in flight");
    assert_eq!(summary.by_code.keys().collect::<Vec<_>>(), ["200"], "nothing was refused");

    // Every job once.
    let done: Vec<_> = office.machine.run(&["audit", "export"]).json();
    let done = done.iter().filter(|entry| entry["kind"] == "job.done").map(|entry| entry["job_id"].as_str().unwrap());
    let mut times: HashMap<&str, usize> = HashMap::new();
    done.for_each(|job| *times.entry(job).or_default() += 1);
    assert_eq!((times.len(), times.values().max()), (RECORDINGS, Some(&1)));
    let jobs = office.machine.run(&["jobs", "list", "--json", "--limit", "1000"]).json();
    let clips: u64 = jobs.iter().map(|job| job["clips_total"].as_u64().unwrap()).sum();
    assert_eq!(u64::try_from(summary.distinct_audio), Ok(clips));

    // Every clip once, but those that the killed process had in flight, or answered and not yet written down.
    let mut sendings: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, request) in log.iter().enumerate() {
        sendings.entry(&request.audio_sha256).or_default().push(number);
    }
    let again: Vec<_> = sendings.values().filter(|numbers| numbers.len() > 1).collect();
    assert!(again.len() <= 2 * PERMITS, "{} clips were sent again", again.len());
    for numbers in again {
        assert!(numbers.len() == 2 && numbers[0] < sent_before + PERMITS, "{numbers:?}");
    }
    drop(simulator);
}
