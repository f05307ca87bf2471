//! earmark: recordings of meetings and calls in, transcripts, findings and evidence out.
//!
//! ```text
//! src        the program      cli/  one file per subcommand      config/  one file per section
//!                             http/ one file per resource        app.rs   settings -> working parts
//!                             bin/  the built-in engine's own program
//! workers    the work         core  storage  queue  permits  audio  asr  engine  words  rule-files  rules  notify  pipeline
//! ```
//! `earmark_pipeline` holds the main path: fetch, decode, segment, transcribe, stitch, flag, write.

pub mod app;
pub mod cli;
pub mod complaint;
pub mod config;
mod engines;
pub mod http;
mod instant;
mod places;
mod queue_stats;
mod replay;
mod rule_files;
mod rule_watch;
mod rules_in_force;
mod settings;
mod span;
mod statistics;
mod text_file;
mod tidy;
mod work;
