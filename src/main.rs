//! Parse and dispatch.

use std::process::ExitCode;

fn main() -> ExitCode {
    earmark::doors::cli::main(|desk, halves| Box::pin(earmark::service::up(desk, halves)))
}
