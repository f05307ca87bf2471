//! Words every part shares: job, recording, clip, transcript, finding, report, audit, clock, disposition. No I/O.
//!
//! Times are milliseconds (`_ms`) or samples at [`SAMPLE_RATE_HZ`]; instants are milliseconds since the Unix epoch.

mod artifact;
pub mod audit;
mod clip;
mod clock;
mod difference;
mod digest;
mod failure;
mod finding;
mod id;
mod job;
mod recording;
mod report;
mod script;
mod transcript;

pub use artifact::Artifact;
pub use clip::{Clip, ClipKey, Region, SAMPLE_RATE_HZ, ms_to_samples, samples_to_ms};
pub use clock::{Clock, ManualClock, SystemClock};
pub use difference::{FindingPair, pair_findings};
pub use digest::{hex, sha256_hex};
pub use failure::{Disposition, Failure, Problem, WAIT_FOR_PERSON};
pub use finding::{Action, Evidence, Finding, FindingKind, Severity};
pub use id::{IdError, JobId, Tenant, WorkerId};
pub use job::{Job, JobOptions, JobState, Lane, Lease, NewJob, Standing, UnknownWord};
pub use recording::{Address, RecordingUri, UriError, shown_url};
pub use report::{Cost, Engine, Recording, Report, RuleSetId, Warning, minutes_seconds, rfc3339, rfc3339_ms};
pub use script::{to_simplified, traditional_pairs};
pub use transcript::{ClipText, Dropped, Refusal, Speaker, Speech, TimePrecision, TimedText, Utterance, Word};
