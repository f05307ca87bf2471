//! How much of everything there is in a run.

use std::time::Duration;

/// A part that is away, full or closed for a while, so long that whoever counts tries would have spent them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outage {
    /// The object store refuses connections.
    Store,
    /// The provider's stand-in refuses connections.
    Provider,
    /// PostgreSQL broke off as in a failing machine.
    Database,
    /// PostgreSQL takes no writes, as one that was moved away from: the fleet's sessions are ended when it begins, and
    /// those that are opened meanwhile stay as they are when it ends.
    ReadOnly,
    /// There is no room on the disk of the journal.
    FullDisk,
    /// Redis is at its `maxmemory`.
    FullRedis,
    /// Redis was killed, and comes back with nothing of what it knew.
    Redis,
}

impl Outage {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Store, Self::Provider, Self::Database, Self::ReadOnly, Self::FullDisk, Self::FullRedis, Self::Redis];

    /// How long it is felt when it is over: 0, not at all; 1, nothing is sent for some seconds, so that jobs fill the slots
    /// and nobody notices what else is away; 2, nobody is granted a permit for a lease's time.
    pub(crate) fn aftermath(self) -> u8 {
        match self {
            Self::Store | Self::Database | Self::ReadOnly | Self::FullDisk => 0,
            Self::Provider | Self::FullRedis => 1,
            Self::Redis => 2,
        }
    }

    /// Whether a worker is killed in it, too. Not where the connections that workers have are what is tried: one that was
    /// started anew has others, and would hide that those who stayed cannot go on.
    pub(crate) fn kills_a_worker(self) -> bool {
        match self {
            Self::Store | Self::Provider | Self::Redis => true,
            Self::Database | Self::ReadOnly | Self::FullDisk | Self::FullRedis => false,
        }
    }

    /// Its word in reports and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Provider => "provider",
            Self::Database => "database",
            Self::ReadOnly => "read-only",
            Self::FullDisk => "full-disk",
            Self::FullRedis => "full-redis",
            Self::Redis => "redis",
        }
    }
}

impl std::str::FromStr for Outage {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let words = Self::ALL.map(Self::word);
        Self::ALL.into_iter().find(|outage| outage.word() == word).ok_or_else(|| format!("one of {}", words.join(", ")))
    }
}

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Jobs offered, some of them twice.
    pub jobs: usize,
    /// Worker processes that run at a time.
    pub workers: usize,
    /// Kills of workers.
    pub kills: usize,
    /// Kills of the engine that a worker computes with. Where there are any, workers compute by themselves instead of
    /// asking a provider.
    pub engine_kills: usize,
    /// Workers that are stopped for longer than their leases and go on then.
    pub stops: usize,
    /// Kills of Redis, which forgets everything with each.
    pub redis_kills: usize,
    /// Times that Redis is flushed.
    pub flushes: usize,
    /// Times in which the object store fails every third request and cuts every fourth object.
    pub store_bursts: usize,
    /// Kills of PostgreSQL.
    pub database_kills: usize,
    /// Time over which all of that is spread.
    pub span: Duration,
    /// Before that, one after the other.
    pub outages: &'static [Outage],
    /// How long the object store is away: longer than the tries of a job last.
    pub store_away: Duration,
    /// How long another part is away.
    pub away: Duration,
    /// How long one is full, or takes no writes.
    pub pinched: Duration,
    /// Between the end of an outage and the jobs that are offered before the next, at least.
    pub calm: Duration,
    /// `worker.backoff_ms`: the five tries of a job are spent after fifteen times that, and what they take themselves.
    pub backoff: Duration,
}

impl Scale {
    /// The crash run.
    pub const FULL: Self = Self {
        jobs: 1000,
        workers: 4,
        kills: 200,
        engine_kills: 0,
        stops: 10,
        redis_kills: 5,
        flushes: 1,
        store_bursts: 8,
        database_kills: 4,
        span: Duration::from_secs(280),
        outages: &Outage::ALL,
        store_away: Duration::from_secs(120),
        away: Duration::from_secs(120),
        pinched: Duration::from_secs(10),
        calm: Duration::from_secs(8),
        backoff: Duration::from_secs(2),
    };
    /// The one for every change.
    pub const SHORT: Self = Self {
        jobs: 100,
        workers: 4,
        kills: 8,
        engine_kills: 0,
        stops: 1,
        redis_kills: 0,
        flushes: 1,
        store_bursts: 1,
        database_kills: 0,
        span: Duration::from_secs(10),
        outages: &Outage::ALL,
        store_away: Duration::from_secs(8),
        away: Duration::from_secs(4),
        pinched: Duration::from_secs(3),
        calm: Duration::from_millis(1500),
        backoff: Duration::from_millis(50),
    };
    /// The same for a journal in SQLite.
    pub const SHORT_ONE_MACHINE: Self = Self {
        jobs: 40,
        kills: 4,
        stops: 0,
        flushes: 0,
        store_bursts: 0,
        span: Duration::from_secs(4),
        outages: &[Outage::FullDisk, Outage::Store, Outage::FullDisk],
        ..Self::SHORT
    };
    /// Workers with the built-in engine.
    pub const ENGINES: Self = Self {
        jobs: 600,
        workers: 3,
        kills: 60,
        engine_kills: 200,
        stops: 3,
        redis_kills: 2,
        flushes: 1,
        store_bursts: 3,
        database_kills: 2,
        span: Duration::from_secs(330),
        outages: &[],
        ..Self::FULL
    };
    /// The same for every change.
    pub const SHORT_ENGINES: Self = Self {
        jobs: 24,
        workers: 2,
        kills: 3,
        engine_kills: 12,
        stops: 0,
        redis_kills: 0,
        flushes: 0,
        store_bursts: 0,
        database_kills: 0,
        span: Duration::from_secs(15),
        ..Self::ENGINES
    };

    /// From the end of this outage to the jobs that are offered before the next: longer after the provider's, whose account
    /// is asked again only after a while.
    pub(crate) fn calm_after(&self, outage: Outage) -> Duration {
        match outage {
            Outage::Provider => self.calm * 4,
            Outage::Store
            | Outage::Database
            | Outage::ReadOnly
            | Outage::FullDisk
            | Outage::FullRedis
            | Outage::Redis => self.calm,
        }
    }

    /// How long this outage lasts.
    pub(crate) fn length(&self, outage: Outage) -> Duration {
        match outage {
            Outage::Store => self.store_away,
            Outage::Provider | Outage::Database | Outage::Redis => self.away,
            Outage::ReadOnly | Outage::FullDisk | Outage::FullRedis => self.pinched,
        }
    }
}
