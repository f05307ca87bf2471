//! What runs for long: the API and the worker, and what looks after them.

mod orphans;
mod rule_watch;
mod tidying;
mod up;

pub use up::up;

/// Says something to whoever started the service, on standard error. A reader that went away is no error.
fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}
