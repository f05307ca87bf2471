//! The crash run: a fleet on servers of its own is killed, stopped and cut off at random moments, and what it leaves is
//! checked from outside: straight from the database, the object store and the log of the recogniser's stand-in.
//!
//! Where to look: `scale` is how much of everything, `plan` the seeded schedule of what happens, `backends` the servers,
//! `fleet` the worker processes, `offers` the producers, `faults` what goes wrong, `outages` what is away or full for
//! longer, `recovery` how long killed work waits, `revival` how soon work goes on after an outage, `verdict` the check,
//! `report` the tables, `run` all of it in order; `long` is the one long recording that is killed five times.

#![allow(clippy::unwrap_used, reason = "a run that cannot go on ends")]

mod backends;
mod faults;
mod fleet;
mod journal;
mod long;
mod offers;
mod outages;
mod plan;
mod recording;
mod recovery;
mod report;
mod revival;
mod run;
mod scale;
mod verdict;

pub use backends::Kind;
pub use long::{LongRun, run_long};
pub use plan::Plan;
pub use report::Report;
pub use run::{Settings, run};
pub use scale::{Outage, Scale};
pub use verdict::Verdict;
