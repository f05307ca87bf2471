//! One recording's way: fetch, decode, segment, transcribe, stitch, flag, write. One file per stage; [`Pipeline::run`]
//! is the list.

mod account;
mod ask;
mod circuit;
mod company;
mod decode;
mod early;
mod error;
mod fetch;
mod flag;
mod pipeline;
mod progress;
pub mod render;
mod rule_book;
mod segment;
mod stitch;
mod transcribe;
mod watched;
mod write;

pub use account::{Account, Accounts, Books};
pub use ask::{Answer, Ask, AskError};
pub use company::Company;
pub use error::JobError;
pub use pipeline::{Pipeline, Settings, Survey};
pub use progress::{NoProgress, Progress, Stage};
pub use rule_book::{RuleBook, compiled};
pub use stitch::{Speakers, stitch};
pub use watched::Tries;
