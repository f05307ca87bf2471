//! What happens when: made from a seed, so that a run can be had again.

use std::time::Duration;

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
    /// Time over which all of it is spread.
    pub span: Duration,
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
        span: Duration::from_secs(330),
    };
    /// The one for every change.
    pub const SHORT: Self = Self {
        jobs: 60,
        workers: 4,
        kills: 10,
        engine_kills: 0,
        stops: 1,
        redis_kills: 1,
        flushes: 1,
        store_bursts: 1,
        database_kills: 1,
        span: Duration::from_secs(20),
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
    };
}

/// Something that goes wrong, or right again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL for a worker that is not stopped, which is started again at once; counted from this one.
    KillWorker(usize),
    /// SIGKILL for the engine of a worker that is not stopped, counted from this one.
    KillEngine(usize),
    /// SIGSTOP for a worker that is not stopped, counted from this one.
    StopWorker(usize),
    /// SIGCONT for the one that was stopped first.
    ContinueWorker,
    /// SIGKILL for Redis.
    RedisDown,
    /// An empty Redis in its place.
    RedisUp,
    /// `FLUSHALL`: Redis runs on and has forgotten everything.
    FlushRedis,
    /// The object store begins to fail.
    StoreFails,
    /// It works again.
    StoreWorks,
    /// PostgreSQL breaks off as in a failing machine.
    DatabaseDown,
    /// It comes back with all that was committed.
    DatabaseUp,
}

/// How a job is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// An entry on the intake stream.
    Intake,
    /// A line of a manifest.
    Manifest,
    /// Both, with the same key.
    Both,
    /// Twice on the intake stream, with the same key.
    Twice,
}

/// A job as its producer knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The number of its recording, and of the job.
    pub number: usize,
    /// Whose job it is.
    pub tenant: &'static str,
    /// `webhook`, `call` or `archive`.
    pub lane: &'static str,
    /// How it reaches the journal.
    pub way: Way,
}

impl Offer {
    /// The producer's key, one of its own for each job.
    pub fn key(&self) -> String {
        format!("job-{}", self.number)
    }
}

/// A run's schedule, from its start.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it was made from.
    pub seed: u64,
    /// How much of everything.
    pub scale: Scale,
    /// In order of time.
    pub faults: Vec<(Duration, Fault)>,
    /// Together when they are offered together, in order of time.
    pub offers: Vec<(Duration, Vec<Offer>)>,
}

/// Longer than a lease of the run's workers.
const STOPPED_FOR: Duration = Duration::from_secs(7);
/// Jobs that are offered at once.
const BURST: usize = 40;
const TENANTS: [&str; 4] = ["bank", "shop", "clinic", "court"];

impl Plan {
    /// The schedule of `seed`.
    pub fn new(seed: u64, scale: Scale) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut faults = Vec::new();
        let at = |random: &mut fastrand::Rng| scale.span.mul_f64(0.01 + 0.99 * random.f64());
        for _ in 0..scale.kills {
            faults.push((at(&mut random), Fault::KillWorker(random.usize(..scale.workers))));
        }
        for _ in 0..scale.engine_kills {
            faults.push((at(&mut random), Fault::KillEngine(random.usize(..scale.workers))));
        }
        for _ in 0..scale.flushes {
            faults.push((at(&mut random), Fault::FlushRedis));
        }
        // Those that last do not overlap others of their kind: each has a part of the span.
        let mut lasting = |count: usize, begin: &dyn Fn(&mut fastrand::Rng) -> Fault, end, longest: Duration| {
            for number in 0..count {
                let part = scale.span.div_f64(float(count));
                let time = longest.mul_f64(0.3 + 0.7 * random.f64()).min(part.mul_f64(0.8));
                let from = part * u32::try_from(number).unwrap() + (part - time).mul_f64(random.f64());
                let begin = begin(&mut random);
                faults.extend([(from, begin), (from + time, end)]);
            }
        };
        let secs = Duration::from_secs;
        lasting(scale.redis_kills, &|_| Fault::RedisDown, Fault::RedisUp, secs(3));
        lasting(scale.database_kills, &|_| Fault::DatabaseDown, Fault::DatabaseUp, secs(3));
        lasting(scale.store_bursts, &|_| Fault::StoreFails, Fault::StoreWorks, secs(6));
        for number in 0..scale.stops {
            let part = scale.span.div_f64(float(scale.stops));
            let from = part * u32::try_from(number).unwrap() + part.mul_f64(0.5 * random.f64());
            let which = random.usize(..scale.workers);
            faults.extend([(from, Fault::StopWorker(which)), (from + STOPPED_FOR, Fault::ContinueWorker)]);
        }
        faults.sort_by_key(|(at, _)| *at);
        let offers = offers(&mut random, scale);
        Self { seed, scale, faults, offers }
    }

    /// How many of its faults are `wanted`.
    pub fn count(&self, wanted: impl Fn(&Fault) -> bool) -> usize {
        self.faults.iter().filter(|(_, fault)| wanted(fault)).count()
    }
}

/// Bursts over the span, the last well before its end so that kills find work.
fn offers(random: &mut fastrand::Rng, scale: Scale) -> Vec<(Duration, Vec<Offer>)> {
    let all: Vec<Offer> = (0..scale.jobs)
        .map(|number| Offer {
            number,
            tenant: TENANTS[random.usize(..TENANTS.len())],
            lane: ["webhook", "call", "call", "call", "archive"][random.usize(..5)],
            way: [Way::Intake, Way::Manifest, Way::Intake, Way::Manifest, Way::Both, Way::Twice][random.usize(..6)],
        })
        .collect();
    let burst = BURST.min(scale.jobs.div_ceil(3)).max(1);
    let bursts = scale.jobs.div_ceil(burst);
    all.chunks(burst)
        .enumerate()
        .map(|(number, offers)| (scale.span.mul_f64(0.95 * float(number) / float(bursts)), offers.to_vec()))
        .collect()
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("plans have fewer than 2^32 of anything"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_one_schedule_with_all_that_was_asked_for() {
        let plan = Plan::new(7, Scale::FULL);
        let again = Plan::new(7, Scale::FULL);
        assert_eq!((&plan.faults, &plan.offers), (&again.faults, &again.offers));
        assert_ne!(plan.faults, Plan::new(8, Scale::FULL).faults);
        assert_eq!(plan.count(|fault| matches!(fault, Fault::KillWorker(_))), 200);
        assert_eq!(plan.count(|fault| *fault == Fault::RedisDown), 5);
        assert_eq!(plan.count(|fault| *fault == Fault::RedisUp), 5);
        assert_eq!(plan.offers.iter().map(|(_, offers)| offers.len()).sum::<usize>(), 1000);
        // What goes down comes up before it goes down again.
        let redis: Vec<_> =
            plan.faults.iter().filter(|(_, f)| matches!(f, Fault::RedisDown | Fault::RedisUp)).collect();
        assert!(redis.chunks(2).all(|pair| pair[0].1 == Fault::RedisDown && pair[1].1 == Fault::RedisUp));
    }
}
