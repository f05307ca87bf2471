//! A stand-in for GLM-ASR, for tests and benchmarks: it refuses what the service refuses, keeps the tier, writes down
//! every request with the hash and the length of its audio, and fails on a schedule.
//!
//! ```no_run
//! # async fn example() -> Result<(), earmark_simulator::StartError> {
//! use earmark_simulator::{Options, Simulator};
//!
//! let simulator = Simulator::start(Options { max_in_flight: 20, ..Options::default() }).await?;
//! let base_url = simulator.url();
//! // … a client sends clips to {base_url}/audio/transcriptions …
//! assert!(simulator.peak_in_flight().all <= 20);
//! # Ok(())
//! # }
//! ```
//!
//! Where to look: `server` takes connections, `exchange` is one request from its head to its answer, `ask` what a
//! request must hold, `work` the time it takes and how it ends, `places` the tier, `fault` the schedule of failures,
//! `log` and `summary` what is known afterwards.

mod ask;
mod audio;
mod auth;
mod body;
mod error_codes;
mod exchange;
mod fault;
mod form;
mod heard;
mod latency;
mod log;
mod mp3;
mod options;
mod places;
mod provider;
mod refusal;
mod reply;
mod schedule;
mod server;
mod simulator;
mod stream;
mod summary;
mod work;

pub use audio::Container;
pub use error_codes::{ERROR_CODES, ErrorCode};
pub use fault::{Fault, Match, Rule};
pub use heard::{Heard, pcm_sha256, sha256_hex};
pub use latency::{Latency, LatencyError};
pub use log::Record;
pub use options::{DefaultText, Key, Options, deterministic};
pub use places::Peak;
pub use refusal::ErrorShape;
pub use reply::ReplyShape;
pub use simulator::{Simulator, StartError};
pub use stream::StreamShape;
pub use summary::Summary;
