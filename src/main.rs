//! Parse and dispatch.

use std::process::ExitCode;

fn main() -> ExitCode {
    earmark::main()
}
