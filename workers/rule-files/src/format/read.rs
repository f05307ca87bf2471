//! Reading one rule file.

use serde_saphyr::Budget;

use super::limits::MAX_DEPTH;
use super::mistake;
use super::rule::FileText;
use crate::error::RuleError;
use crate::source::SourceFile;

/// A rule file of this size is a mistake; word lists of a million entries are below it.
const MAX_SCALAR_BYTES: usize = 256 << 20;
const MAX_NODES: usize = 8_000_000;
/// Of the thread that reads a file. 64 levels overflowed a thread's usual 2 MB.
const STACK_BYTES: usize = 32 << 20;

/// Reads one rule file.
///
/// # Errors
/// What serde found first, with its place.
pub fn parse(file: &SourceFile) -> Result<FileText, RuleError> {
    let read = || {
        let mut budget = Budget::default();
        budget.max_events = MAX_NODES * 2;
        budget.max_nodes = MAX_NODES;
        budget.max_depth = MAX_DEPTH;
        budget.max_total_scalar_bytes = MAX_SCALAR_BYTES;
        let options = serde_saphyr::options! { budget: Some(budget), with_snippet: false };
        serde_saphyr::from_str_with_options(&file.text, options).map_err(|error| mistake::explain(file, &error))
    };
    // Levels take stack, more or less of it as the compiler optimises: whoever reads rules on a thread with a small one must
    // not end with a file that is nested deeply by mistake.
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().name("rule-file".into()).stack_size(STACK_BYTES);
        match reader.spawn_scoped(scope, read) {
            Ok(reading) => reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => read(),
        }
    })
}
