//! A run from its first server to its verdict.

use std::path::PathBuf;
use std::time::Duration;

use earmark_simulator::{Latency, Options, Simulator};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::backends::{Backends, Kind};
use crate::faults::carry_out;
use crate::fleet::Fleet;
use crate::journal::Outside;
use crate::offers::Offers;
use crate::plan::Plan;
use crate::recording::Sentence;
use crate::recovery::Recovery;
use crate::report::Report;
use crate::revival::Revival;
use crate::scale::{Outage, Scale};
use crate::verdict::{Allowed, judge};

/// What a run needs to know besides its plan.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program `earmark`.
    pub program: PathBuf,
    /// Where test recordings lie: `tests/fixtures`.
    pub fixtures: PathBuf,
    /// What the fleet runs on.
    pub kind: Kind,
    /// Where its files go; it must exist.
    pub folder: PathBuf,
}

/// Requests in flight that tier V3 allows.
pub(crate) const PERMITS: usize = 20;
/// The recogniser's time from a request's last byte to its answer.
const LATENCY: Duration = Duration::from_millis(50);
/// How long all jobs may take to end once nothing more goes wrong; those that have not by then are lost.
const CALM: Duration = Duration::from_secs(150);

/// As an operator sets a fleet whose machines die often: short leases, so that work is taken up soon.
pub(crate) const OPERATOR: [(&str, &str); 8] = [
    ("EARMARK__WORKER__LEASE_SECS", "3"),
    ("EARMARK__WORKER__POLL_MS", "200"),
    ("EARMARK__WORKER__SLOTS", "8"),
    ("EARMARK__WORKER__GRACE_SECS", "10"),
    ("EARMARK__AUDIO__PACK_TO_MS", "1000"),
    ("EARMARK__ASR__TIER", "V3"),
    ("EARMARK__ASR__FALLBACK", "off"),
    ("EARMARK__LOG__LEVEL", "info,sqlx=warn"),
];

/// The recogniser's stand-in. It refuses nothing: how many requests were in flight is counted, not bounded.
pub(crate) async fn simulator(seed: u64) -> Simulator {
    let options = Options { max_in_flight: 10_000, latency: Latency::Fixed(LATENCY), seed, ..Options::default() };
    Simulator::start(options).await.unwrap()
}

/// What the program is told in a run: who recognises, a provider or, without one, the built-in engine.
pub(crate) fn settings(backends: &Backends, scale: &Scale) -> Vec<(&'static str, String)> {
    let mut settings = backends.settings();
    settings.extend(OPERATOR.map(|(name, value)| (name, value.to_owned())));
    settings.push(("EARMARK__WORKER__BACKOFF_MS", scale.backoff.as_millis().to_string()));
    match &backends.provider {
        Some(simulator) => settings.extend([
            ("EARMARK__ASR__ENGINE", "glm".into()),
            ("EARMARK__ASR__BASE_URL", simulator.url().into()),
            ("EARMARK__ASR__API_KEY", "id.secret".into()),
        ]),
        None => settings.extend([("EARMARK__ASR__ENGINE", "local".into()), ("EARMARK__ASR__THREADS", "1".into())]),
    }
    settings
}

/// Carries `plan` out and judges what it left.
pub async fn run(plan: &Plan, about: &Settings) -> Report {
    let mut backends = Backends::start(about.kind, &about.folder).await;
    if plan.scale.engine_kills == 0 {
        backends.provider = Some(simulator(plan.seed).await);
    }
    let mut notes = Vec::new();
    if plan.scale.outages.contains(&Outage::FullDisk)
        && let Err(why) = backends.move_to_small_disk().await
    {
        notes.push(format!("no disk was full: {why}"));
    }
    let fleet = Fleet::new(&about.program, &about.folder, settings(&backends, &plan.scale));
    let database_url = backends.database_url();
    let outside = Outside::open(&database_url);
    if backends.postgres.is_some() {
        // The test server's default loses the last commits when it is killed, which no server of a fleet is set to.
        outside.rows("ALTER ROLE earmark SET synchronous_commit = on").await;
    }
    let migrated = fleet.ran(&["migrate"]).await;
    assert!(migrated.status.success(), "migrate: {}", String::from_utf8_lossy(&migrated.stderr));
    let sentence = Sentence::load(&about.fixtures);
    let uris: Vec<String> = (0..plan.scale.jobs)
        .map(|number| {
            let recording = sentence.recording(number, Sentence::phrases(number), 1200);
            backends.lay(&format!("call-{number:04}.wav"), &recording)
        })
        .collect();

    let redis_url = backends.redis.as_ref().map(|redis| redis.url());
    let (backends, fleet) = (Mutex::new(backends), Mutex::new(fleet));
    let (recovery, revival) = (Recovery::default(), Revival::default());
    let start = Instant::now();
    fleet.lock().await.fill(plan.scale.workers);
    let offers = Offers { plan, uris: &uris, redis_url, folder: &about.folder, fleet: &fleet, outside: &outside };
    let lived = async {
        let (done, offers) = tokio::join!(
            carry_out(plan, start, &backends, &fleet, &outside, (&recovery, &revival)),
            timeout(plan.length() + CALM, offers.all(start))
        );
        // All is calm now; whatever is open ends, or never will.
        let _ = timeout(CALM, all_final(&outside, plan.scale.jobs)).await;
        (done, offers.unwrap_or_default())
    };
    let (done, offers) = tokio::select! {
        lived = lived => lived,
        () = recovery.watch(&outside) => unreachable!("it watches until dropped"),
        () = revival.watch(&database_url) => unreachable!("it watches until dropped"),
        () = keep_up(&fleet, plan.scale.workers) => unreachable!("it looks until dropped"),
    };
    let took = start.elapsed();
    recovery.look(&outside).await;
    let (backends, mut fleet) = (backends.into_inner(), fleet.into_inner());
    let killed = fleet.end().await;
    // Whoever was at the provider when it went away has to ask again.
    let breaks = done.kills + done.stops + done.outages.get(&Outage::Provider).unwrap_or(&0);
    let allowed = Allowed { permits: PERMITS, again: breaks * PERMITS };
    let mut verdict = judge(plan, &backends, &fleet, &outside, allowed).await;
    if killed > 0 {
        verdict.wrong.push(format!("{killed} workers did not end when they were asked to"));
    }
    let (recovery, revival, fallen) = (recovery.times().await, revival.times().await, fleet.fallen.clone());
    Report { seed: plan.seed, done, offers, verdict, recovery, revival, took, fallen, notes }
}

async fn all_final(outside: &Outside, jobs: usize) {
    loop {
        let all = outside.jobs().await;
        if all.len() >= jobs && all.iter().all(crate::journal::JobRow::is_final) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// A service manager: whoever ends by itself is started again.
async fn keep_up(fleet: &Mutex<Fleet>, workers: usize) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        fleet.lock().await.fill(workers);
    }
}
