//! One recording's way: fetch, decode, segment, transcribe, stitch, flag, write.
//!
//! ```text
//! run              the list of stages, as Pipeline::run
//!  |
//! fetch            the recording, copied here
//! decode           16 kHz samples, channel by channel
//! segment          the clips with speech
//! transcribe       the clips' texts               saved_texts    those that are there already
//!  |                                              early_alert    findings told while texts come
//!  |                                              request        a clip sent under a permit; request_error
//!  |                                              other_language  speech in none of the languages allowed
//! stitch           turns of the recording                exchange       speakers whose words say they are exchanged
//! flag             what the rules find
//! write            artifacts and the result       render         the report as subtitles and text
//!                                                 unheard        what is told of what is not in the text
//!
//! context          what every stage needs
//!  |- settings               what the configuration says; sources: of single tenants, recorders, names
//!  |- provider_account       who listens; circuit_breaker, ledger: when nothing is asked, and what it costs
//!  |- rule_book              the rules in force
//!  |- progress               the stages' names, for whoever watches
//!  '- running                what runs for which attempt, on which stage
//! computing        while it computes a job is to blame for a death; isolation: who computes beside whom
//! gate             the stores, hosts and folders that a job needs, which may be away
//! files            the files that a recording consists of
//! error            why a job did not finish
//! ```

mod circuit_breaker;
mod computing;
mod context;
mod decode;
mod early_alert;
mod error;
mod exchange;
mod fetch;
mod files;
mod flag;
mod gate;
mod isolation;
mod ledger;
mod other_language;
mod progress;
mod provider_account;
pub mod render;
mod request;
mod request_error;
mod rule_book;
mod run;
mod running;
mod saved_texts;
mod segment;
mod settings;
mod sources;
mod stitch;
mod transcribe;
mod unheard;
mod write;

pub use context::Pipeline;
pub use error::JobError;
pub use isolation::Isolation;
pub use ledger::Ledger;
pub use progress::{NoProgress, Progress};
pub use provider_account::{ProviderAccount, ProviderAccounts};
pub use request::{Answer, Request};
pub use request_error::RequestError;
pub use rule_book::{RuleBook, compiled};
pub use run::Survey;
pub use running::RunningAttempts;
pub use settings::Settings;
pub use sources::{ExchangeMode, Profile, Sources};
pub use stitch::{Speakers, stitch};
