//! Words for whoever started the service.

use std::io::Write as _;

/// A line on standard error. A reader that went away is no error.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
