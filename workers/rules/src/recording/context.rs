//! What is known of a recording beyond its words.

use earmark_core::{Lane, Speech, Tenant};
use serde_json::{Map, Value};

/// What is known of a recording beyond its words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// Length of the recording; 0 where nobody knows: then no rule is left out for it.
    pub duration_ms: u64,
    /// ISO 639-1 of most of the speech; also the language of the reasons.
    pub language: Option<String>,
    /// How the recording came in.
    pub lane: Option<Lane>,
    /// Whose recording; none where nobody knows: then no rule is left out for it.
    pub tenant: Option<Tenant>,
    /// What the producer gave along.
    pub metadata: Map<String, Value>,
    /// When the job was accepted, in milliseconds since 1970: a rule counts within its dates of validity. None: all
    /// rules count.
    pub accepted_at_ms: Option<i64>,
    /// Where there is speech, in order of time; empty: the utterances' times stand for it.
    pub speech: Vec<Speech>,
}
