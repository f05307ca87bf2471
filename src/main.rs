//! Parse and dispatch.

use std::process::ExitCode;

fn main() -> ExitCode {
    earmark::doors::cli::main(|app, halves| Box::pin(earmark::service::up(app, halves)))
}
