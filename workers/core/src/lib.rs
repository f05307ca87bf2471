//! Words every part shares. No I/O.
//!
//! ```text
//!   words                  enums that are single words outside, each said once
//!   id, instant, clock     ids, times as text, where time comes from
//!   digest                 SHA-256 as text
//!   failure                what went wrong, and what becomes of the job
//!   repeats                what fails over and over, said once
//!   server                 what of a server's address may be shown
//!
//!   recording              where a recording lies; recording_rule: what holds for some of them; signed: web addresses that
//!                          hold for a while
//!     raw_sound            how one without a header is written down
//!     job                  one recording to be processed once, and its lease
//!       standing           where it stands; stage: what is being done with it
//!       transition         every way from one state to another
//!     clip                 what one request to a recogniser carries
//!     transcript           what was said, by whom, when; script: in which Chinese script
//!     finding              what a rule found, and where; difference: what other rules found instead
//!     report, artifact     the result, and the files it is written to
//!       verdict            what a reviewer says of a finding
//!       message            what is told to the outside
//!
//!   account                an account at a provider
//!   audit                  the record of every decision, a chain per tenant
//! ```
//!
//! Times are milliseconds (`_ms`) or samples at [`SAMPLE_RATE_HZ`]; instants are milliseconds since the Unix epoch.

mod account;
mod accounting;
mod artifact;
pub mod audit;
mod clip;
mod clock;
mod difference;
mod digest;
mod failure;
mod finding;
mod id;
mod instant;
mod job;
mod message;
mod raw_sound;
mod recording;
mod recording_rule;
mod repeats;
mod report;
mod script;
mod server;
mod signed;
mod span;
mod speakers;
mod stage;
mod standing;
mod transcript;
mod transition;
mod verdict;
mod words;

pub use account::AccountStatus;
pub use accounting::{Accounting, ChannelAccounting};
pub use artifact::Artifact;
pub use clip::{Clip, ClipKey, MAX_CHANNELS, Region, SAMPLE_RATE_HZ, ms_to_samples, samples_to_ms};
pub use clock::{Clock, ManualClock, SystemClock};
pub use difference::{FindingPair, pair_findings};
pub use digest::{hex, sha256_hex};
pub use failure::{Disposition, Failure, Fault, Problem, WAIT_FOR_PERSON};
pub use finding::{Action, Evidence, Finding, FindingKind, Severity};
pub use id::{IdError, JobId, Tenant, WorkerId};
pub use instant::{minutes_seconds, rfc3339, rfc3339_ms};
pub use job::{Job, JobOptions, Lane, Lease, NewJob, Part, PartView};
pub use message::MessageKind;
pub use raw_sound::{RawEncoding, RawSound, SoundError};
pub use recording::{Address, RecordingUri, UriError, shown_url};
pub use recording_rule::{RecordingFacts, RecordingRule};
pub use repeats::{Repeated, Repeats};
pub use report::{Cost, Engine, Recording, RecordingPart, Report, RuleSetId, Warning};
pub use script::{to_simplified, traditional_pairs};
pub use server::{SERVER_HINT, check_server, shown_database, shown_server};
pub use signed::{signed_until_ms, unsigned};
pub use span::Span;
pub use speakers::SpeakersError;
pub use stage::Stage;
pub use standing::{JobState, Standing};
pub use transcript::{
    ClipText, Dropped, OtherLanguage, Refusal, Speaker, Speech, TimePrecision, TimedText, Utterance, Word,
};
pub use transition::{Mover, Step, Transition};
pub use verdict::Verdict;
pub use words::UnknownWord;
