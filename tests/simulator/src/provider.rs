//! What all connections share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use time::macros::format_description;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::heard::Heard;
use crate::latency::Latency;
use crate::log::Log;
use crate::options::Options;
use crate::places::{Place, Places};
use crate::reply::Meta;
use crate::schedule::Schedule;

/// The service behind its connections.
pub(crate) struct Provider {
    pub(crate) options: Options,
    pub(crate) log: Log,
    pub(crate) places: Arc<Places>,
    /// Ends everything that runs.
    pub(crate) closed: CancellationToken,
    max_in_flight: AtomicUsize,
    chance: Mutex<Chance>,
}

/// What is decided one request at a time.
#[derive(Debug)]
pub(crate) struct Chance {
    pub(crate) schedule: Schedule,
    pub(crate) latency: Latency,
    pub(crate) rng: fastrand::Rng,
}

impl Provider {
    pub(crate) fn new(options: Options) -> std::io::Result<Self> {
        let chance = Chance {
            schedule: Schedule::new(options.faults.clone(), Instant::now()),
            latency: options.latency.clone(),
            rng: fastrand::Rng::with_seed(options.seed),
        };
        Ok(Self {
            log: Log::new(options.log_file.as_deref())?,
            places: Arc::default(),
            closed: CancellationToken::new(),
            max_in_flight: options.max_in_flight.into(),
            chance: Mutex::new(chance),
            options,
        })
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.options.clock.now_ms()
    }

    pub(crate) fn chance(&self) -> MutexGuard<'_, Chance> {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_max_in_flight(&self, limit: usize) {
        self.max_in_flight.store(limit, Ordering::SeqCst);
    }

    /// A place within the tier of `key` and `model`.
    pub(crate) fn admit(&self, key: &str, model: &str) -> Option<Arc<Place>> {
        let own = self.options.keys.iter().find(|known| known.key == key).and_then(|known| known.max_in_flight);
        let limit = own.unwrap_or_else(|| self.max_in_flight.load(Ordering::SeqCst));
        self.places.take(key, model, limit)
    }

    pub(crate) fn latency(&self, heard: &Heard) -> Duration {
        let mut chance = self.chance();
        let Chance { latency, rng, .. } = &mut *chance;
        latency.draw(heard, rng)
    }

    /// The text: by the file's hash, by its samples' hash, or the default.
    pub(crate) fn text(&self, heard: &Heard) -> String {
        let texts = &self.options.texts;
        if texts.is_empty() {
            return (self.options.default_text)(heard);
        }
        let by_file = texts.get(&heard.audio_sha256);
        let found = by_file.or_else(|| heard.pcm_sha256().and_then(|hash| texts.get(&hash)));
        found.cloned().unwrap_or_else(|| (self.options.default_text)(heard))
    }

    /// A fresh id, and what else an answer to `heard` says about itself.
    pub(crate) fn meta(&self, heard: &Heard) -> Meta {
        let now_ms = self.now_ms();
        let tail = self.chance().rng.u64(..);
        let id = format!(
            "{}{tail:016x}",
            chinese_time(now_ms, format_description!("[year][month][day][hour][minute][second]"))
        );
        Meta {
            created: now_ms.div_euclid(1000),
            request_id: heard.request_id.clone().unwrap_or_else(|| id.clone()),
            id,
            model: heard.model.clone().unwrap_or_default(),
            audio_ms: heard.audio_ms.unwrap_or_default(),
        }
    }

    /// When a limit that was met now is lifted: in an hour, as the service writes it.
    pub(crate) fn next_flush_time(&self) -> String {
        let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
        chinese_time(self.now_ms() + 3_600_000, format)
    }
}

fn chinese_time(at_ms: i64, format: &[time::format_description::FormatItem<'_>]) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.to_offset(time::macros::offset!(+8)).format(format).unwrap_or_default()
}
