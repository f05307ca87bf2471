//! The built-in recogniser's process, started by `earmark` when it has clips for it.

use std::process::ExitCode;

fn main() -> ExitCode {
    earmark_engine::serve(std::env::args_os().skip(1))
}
