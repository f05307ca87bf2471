//! Where a condition stands in its rule.

use crate::recording::within::Within;

/// What conditions inside inherit from those around them.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) rule: usize,
    pub(super) speaker: Option<String>,
    pub(super) within: Option<Within>,
    pub(super) depth: usize,
}
