//! Rules held against one recording.

mod chosen;
mod cluster;
mod evaluation;
mod field;
pub(crate) mod judgement;
mod mentions;
mod reason;
mod row;
mod rule_findings;
mod sentences;
mod timeline;
mod unanswered;
mod voice;
