//! earmark: recordings of meetings and calls in, transcripts, findings and evidence out.
//!
//! ```text
//! src        the program
//!   main          parse and dispatch: main()
//!   doors/        how it is asked: cli/  http/  transcriptions/  (callers: who may)
//!   service/      what runs for long: up, work, delivery, the rules' watch and the queue's, sweeping, retention
//!   desk/         what can be asked of earmark, whoever asks
//!   app engines   settings -> working parts, and nothing else
//!   config/       one file per section
//!   bin/          the built-in engine's own program
//! workers    the work
//! ```
//! `earmark_pipeline` holds the main path: fetch, decode, segment, transcribe, stitch, flag, write.
//!
//! What is public here is for `main`, and for the tests and benches that need a part of the program by itself.

mod app;
mod config;
mod desk;
mod doors;
mod engines;
mod service;

pub use app::{App, Loading};
pub use config::{CommandError, Config, ConfigProblem, environment};
pub use desk::orphans::{OrphanReport, OrphanSweep};

/// The program: runs the command line, and gives the exit code.
pub fn main() -> std::process::ExitCode {
    doors::cli::main(|desk, halves| Box::pin(service::up(desk, halves)))
}
