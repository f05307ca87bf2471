//! What happens when: made from a seed, so that a run can be had again.

use std::time::Duration;

use crate::scale::{Outage, Scale};

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
    /// An outage begins.
    Begin(Outage),
    /// It ends.
    End(Outage),
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
/// From the jobs that are offered before an outage to its begin: some of them are at work by then.
const LEAD: Duration = Duration::from_secs(1);
/// Workers are there after this.
const WARM_UP: Duration = Duration::from_secs(3);
const TENANTS: [&str; 4] = ["bank", "shop", "clinic", "court"];

impl Plan {
    /// The schedule of `seed`.
    pub fn new(seed: u64, scale: Scale) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let outages = in_turn(&mut random, scale);
        let begun =
            outages.last().map_or(Duration::ZERO, |(from, last)| *from + scale.length(*last) + scale.calm_after(*last));
        let mut faults = Vec::new();
        for (from, outage) in &outages {
            let length = scale.length(*outage);
            faults.extend([(*from, Fault::Begin(*outage)), (*from + length, Fault::End(*outage))]);
            let (killed, which) = (length.mul_f64(0.2 + 0.6 * random.f64()), random.usize(..scale.workers));
            if outage.kills_a_worker() {
                faults.push((*from + killed, Fault::KillWorker(which)));
            }
        }
        let at = |random: &mut fastrand::Rng| begun + scale.span.mul_f64(0.01 + 0.99 * random.f64());
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
                let from = begun + part * u32::try_from(number).unwrap() + (part - time).mul_f64(random.f64());
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
            let from = begun + part * u32::try_from(number).unwrap() + part.mul_f64(0.5 * random.f64());
            let which = random.usize(..scale.workers);
            faults.extend([(from, Fault::StopWorker(which)), (from + STOPPED_FOR, Fault::ContinueWorker)]);
        }
        faults.sort_by_key(|(at, _)| *at);
        let offers = offers(&mut random, scale, &outages, begun);
        Self { seed, scale, faults, offers }
    }

    /// From its start until nothing more happens.
    pub fn length(&self) -> Duration {
        let last = self.faults.last().map_or(Duration::ZERO, |(at, _)| *at);
        last.max(self.offers.last().map_or(Duration::ZERO, |(at, _)| *at))
    }

    /// How many of its faults are `wanted`.
    pub fn count(&self, wanted: impl Fn(&Fault) -> bool) -> usize {
        self.faults.iter().filter(|(_, fault)| wanted(fault)).count()
    }
}

/// The outages in the seed's order, those with an aftermath behind the others, and when each begins.
fn in_turn(random: &mut fastrand::Rng, scale: Scale) -> Vec<(Duration, Outage)> {
    let mut outages = scale.outages.to_vec();
    random.shuffle(&mut outages);
    outages.sort_by_key(|outage| outage.aftermath());
    let mut at = WARM_UP;
    outages
        .into_iter()
        .map(|outage| {
            let from = at + LEAD;
            at = from + scale.length(outage) + scale.calm_after(outage);
            (from, outage)
        })
        .collect()
}

/// Some before each outage and some in it; the others in bursts over the span, the last well before its end so that kills
/// find work.
fn offers(
    random: &mut fastrand::Rng,
    scale: Scale,
    outages: &[(Duration, Outage)],
    begun: Duration,
) -> Vec<(Duration, Vec<Offer>)> {
    let all: Vec<Offer> = (0..scale.jobs)
        .map(|number| Offer {
            number,
            tenant: TENANTS[random.usize(..TENANTS.len())],
            lane: ["webhook", "call", "call", "call", "archive"][random.usize(..5)],
            way: [Way::Intake, Way::Manifest, Way::Intake, Way::Manifest, Way::Both, Way::Twice][random.usize(..6)],
        })
        .collect();
    let few = BURST.min(scale.jobs / (3 * outages.len()).max(1)).max(1);
    let (about_outages, others) = all.split_at((2 * few * outages.len()).min(all.len()));
    let moments = outages.iter().flat_map(|(from, outage)| {
        let in_it = scale.length(*outage).mul_f64(0.1 + 0.15 * random.f64());
        [*from - LEAD, *from + in_it]
    });
    let mut offers: Vec<_> = moments.zip(about_outages.chunks(few).map(<[Offer]>::to_vec)).collect();
    let burst = BURST.min(others.len().div_ceil(3)).max(1);
    let bursts = others.len().div_ceil(burst);
    offers.extend(others.chunks(burst).enumerate().map(|(number, offers)| {
        let from = scale.span.mul_f64(0.95 * float(number) / float(bursts));
        (begun + from, offers.to_vec())
    }));
    offers
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
        let outages = Scale::FULL.outages.len();
        assert_eq!(plan.count(|fault| matches!(fault, Fault::KillWorker(_))), 203);
        assert_eq!(plan.count(|fault| matches!(fault, Fault::Begin(_))), outages);
        assert_eq!(plan.count(|fault| *fault == Fault::RedisDown), 5);
        assert_eq!(plan.count(|fault| *fault == Fault::RedisUp), 5);
        assert_eq!(plan.offers.iter().map(|(_, offers)| offers.len()).sum::<usize>(), 1000);
        assert!(plan.offers.is_sorted_by_key(|(at, _)| *at));
        // What goes down comes up before it goes down again.
        let redis: Vec<_> =
            plan.faults.iter().filter(|(_, f)| matches!(f, Fault::RedisDown | Fault::RedisUp)).collect();
        assert!(redis.chunks(2).all(|pair| pair[0].1 == Fault::RedisDown && pair[1].1 == Fault::RedisUp));
    }

    #[test]
    fn one_part_is_away_at_a_time_and_nothing_else_fails_with_it() {
        for (seed, scale) in [(1, Scale::FULL), (2, Scale::SHORT), (3, Scale::SHORT_ONE_MACHINE)] {
            let plan = Plan::new(seed, scale);
            let mut seen: Vec<_> =
                plan.faults.iter().filter(|(_, fault)| !matches!(fault, Fault::KillWorker(_))).collect();
            let others = seen.split_off(2 * scale.outages.len());
            for pair in seen.chunks(2) {
                let [(from, Fault::Begin(outage)), (to, Fault::End(same))] = pair else { panic!("{pair:?}") };
                assert_eq!((outage, *to - *from), (same, scale.length(*outage)));
            }
            assert!(!others.iter().any(|(_, fault)| matches!(fault, Fault::Begin(_) | Fault::End(_))));
            // Longer than the tries of a job last.
            assert!(scale.store_away > scale.backoff * 15 + Duration::from_secs(5), "{scale:?}");
        }
    }
}
