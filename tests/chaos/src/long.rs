//! One recording of three hours, whose worker is killed five times in the middle.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::backends::Backends;
use crate::fleet::Fleet;
use crate::journal::Outside;
use crate::recording::Sentence;
use crate::run::{PERMITS, Settings, settings, simulator};
use crate::scale::Scale;

/// What came of it.
#[derive(Debug)]
pub struct LongRun {
    /// The recording's length, in hours.
    pub hours: f64,
    /// Clips it was cut into.
    pub clips: usize,
    /// Kills of its worker that were planned.
    pub kills: usize,
    /// Requests that the simulator counted.
    pub requests: usize,
    /// Whether it is done.
    pub is_done: bool,
    /// From the first worker to its end.
    pub took: Duration,
}

impl LongRun {
    /// Clips and what the kills may cost.
    pub fn allowed(&self) -> usize {
        self.clips + self.kills * PERMITS
    }

    /// Whether what was in flight at the kills is all that was sent again.
    pub fn is_good(&self) -> bool {
        self.is_done && self.requests <= self.allowed()
    }
}

/// A phrase of 1.3 s every 6.3 s.
const PAUSE_MS: usize = 5000;

/// Makes a recording of `phrases`, has it transcribed, and kills its worker `kills` times, evenly among its requests.
pub async fn run_long(seed: u64, phrases: usize, kills: usize, about: &Settings) -> LongRun {
    let mut backends = Backends::start(about.kind, &about.folder).await;
    backends.provider = Some(simulator(seed).await);
    let mut fleet = Fleet::new(&about.program, &about.folder, settings(&backends, &Scale::FULL));
    assert!(fleet.ran(&["migrate"]).await.status.success());
    let recording = Sentence::load(&about.fixtures).recording(1, phrases, PAUSE_MS);
    let uri = backends.lay("long.wav", &recording);
    let submitted = fleet.ran(&["submit", "--key", "long", &uri]).await;
    assert!(submitted.status.success(), "{}", String::from_utf8_lossy(&submitted.stderr));
    let outside = Outside::open(&backends.database_url());
    let mut random = fastrand::Rng::with_seed(seed);
    let start = Instant::now();
    fleet.fill(1);
    for kill in 0..kills {
        // Somewhere in its part of the work.
        #[expect(clippy::as_conversions, reason = "small counts, and a share of one")]
        let requests = (phrases as f64 * ((kill as f64 + 0.3 + 0.6 * random.f64()) / kills as f64)) as usize;
        backends.provider.as_ref().unwrap().wait_for_requests(requests).await;
        if let Some(pid) = fleet.kill(0) {
            fleet.start_again(pid);
        }
    }
    let is_done = loop {
        let jobs = outside.jobs().await;
        if jobs.iter().all(crate::journal::JobRow::is_final) || start.elapsed() > Duration::from_secs(1200) {
            break jobs.iter().all(|job| job.state == "done");
        }
        sleep(Duration::from_millis(300)).await;
    };
    let took = start.elapsed();
    let clips = outside.jobs().await.iter().map(|job| usize::try_from(job.clips).unwrap_or(0)).sum();
    fleet.end().await;
    backends.redis.take();
    let bytes = u32::try_from(recording.len()).expect("a WAV file says its length in 32 bits");
    let hours = f64::from(bytes) / 8000.0 / 3600.0;
    let requests = backends.provider.map_or(0, |simulator| simulator.requests());
    LongRun { hours, clips, kills, requests, is_done, took }
}
