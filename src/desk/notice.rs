//! Lines on standard error beside the log's: words for people, or JSON objects where the log is of those.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use earmark_core::{Clock, Problem, SystemClock, rfc3339};
use serde_json::json;

/// Set once, before anything is said, and only read afterwards.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// From now on every line is a JSON object, as those of the log are.
pub fn speak_json() {
    IS_JSON.store(true, Ordering::Relaxed);
}

/// Whether every line is a JSON object.
pub fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// A line on standard error. A reader that went away is no error.
pub fn say(text: &str) {
    if is_json() {
        write(
            &json!({ "timestamp": now(), "level": "INFO", "fields": { "message": text }, "target": "earmark" })
                .to_string(),
        );
    } else {
        write(text);
    }
}

/// An error on standard error, `text` where it is for people.
pub fn error(problem: &Problem, text: &str) {
    if is_json() {
        let fields = json!({ "message": problem.message, "code": problem.code, "hint": problem.hint });
        write(&json!({ "timestamp": now(), "level": "ERROR", "fields": fields, "target": "earmark" }).to_string());
    } else {
        write(text);
    }
}

fn now() -> String {
    rfc3339(SystemClock.now_ms())
}

fn write(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
