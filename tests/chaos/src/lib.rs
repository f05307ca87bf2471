//! The crash run: a fleet on servers of its own is killed, stopped and cut off at random moments, and what it leaves is
//! checked from outside: straight from the database, the object store and the log of the recogniser's stand-in.
//!
//! Where to look: `plan` is the seeded schedule of what happens, `backends` the servers, `fleet` the worker processes,
//! `offers` the producers, `faults` what goes wrong, `recovery` how long killed work waits, `verdict` the check,
//! `report` the table, `run` all of it in order; `long` is the one long recording that is killed five times.

#![allow(clippy::unwrap_used, reason = "a run that cannot go on ends")]

mod backends;
mod faults;
mod fleet;
mod journal;
mod long;
mod offers;
mod plan;
mod recording;
mod recovery;
mod report;
mod run;
mod verdict;

pub use backends::Kind;
pub use long::{LongRun, run_long};
pub use plan::{Plan, Scale};
pub use report::Report;
pub use run::{Settings, run};
pub use verdict::Verdict;
