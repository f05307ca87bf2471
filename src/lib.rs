//! earmark: recordings of meetings and calls in, transcripts, findings and evidence out.
//!
//! ```text
//! src        the program
//!   app engines   settings -> working parts, and nothing else
//!   config/       one file per section
//!   desk/         what can be asked of earmark, whoever asks
//!   doors/        how it is asked: cli/  http/  transcriptions/
//!   service/      what runs for long: up, the rule watch, tidying
//!   bin/          the built-in engine's own program
//! workers    the work
//! ```
//! `earmark_pipeline` holds the main path: fetch, decode, segment, transcribe, stitch, flag, write.

pub mod app;
pub mod config;
pub mod desk;
pub mod doors;
mod engines;
pub mod service;
