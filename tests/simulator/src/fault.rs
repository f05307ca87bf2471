//! What can be made to go wrong, and for which requests.

use serde::{Deserialize, Serialize};

use crate::refusal::ErrorShape;

/// One line of a schedule. As JSON: `{"match": {"nth": [2]}, "fault": {"kind": "error", "code": "1305"}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The requests it is for; all when empty.
    #[serde(rename = "match", default)]
    pub matching: Match,
    /// What becomes of them.
    pub fault: Fault,
    /// From the request's last byte to the fault. Without it errors, bodies and resets come at once, and what is done
    /// to an answer happens after the request's latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
}

impl Rule {
    /// A fault for every request.
    pub fn always(fault: Fault) -> Self {
        Self::when(Match::default(), fault)
    }

    /// A fault for the `nth` request, the first being 1.
    pub fn nth(nth: u64, fault: Fault) -> Self {
        Self::when(Match { nth: vec![nth], ..Match::default() }, fault)
    }

    /// A fault for the requests `matching` names.
    pub fn when(matching: Match, fault: Fault) -> Self {
        Self { matching, fault, delay_ms: None }
    }
}

/// Which requests a rule is for: those that meet all that is set. `nth` and `every` count the requests within the tier
/// that meet everything else, since the rules were put in place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// These alone, from 1; any when empty.
    pub nth: Vec<u64>,
    /// Each that is a multiple of it.
    pub every: Option<u64>,
    /// `request_id` contains it.
    pub request_id: Option<String>,
    /// The audio's hash begins with it.
    pub audio_sha256: Option<String>,
    /// The key ends with it.
    pub key: Option<String>,
    /// Not sooner than this after the rules were put in place.
    pub after_ms: Option<u64>,
    /// Only until then.
    pub before_ms: Option<u64>,
    /// One in so many: 0.0 to 1.0, drawn with the simulator's seed in the order the requests come in.
    pub probability: Option<f64>,
    /// So often and no more.
    pub times: Option<u64>,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// An error with its documented status and text.
    Error {
        /// One of the documented codes, or any other; none for a body without one.
        #[serde(default)]
        code: Option<String>,
        /// Instead of the code's own.
        #[serde(default)]
        status: Option<u16>,
        /// Instead of the simulator's own.
        #[serde(default)]
        shape: Option<ErrorShape>,
        /// For 1308 and 1310, as in the text: `2026-11-22 18:00:00`. Without it, in an hour, Chinese time.
        #[serde(default)]
        reset_at: Option<String>,
        /// Sent as `Retry-After`.
        #[serde(default)]
        retry_after_secs: Option<u64>,
    },
    /// A page of HTML, as a gateway sends it.
    Html {
        /// Its HTTP status.
        status: u16,
    },
    /// Nothing but a head.
    EmptyBody {
        /// Its HTTP status.
        status: u16,
    },
    /// The connection is reset when the head is there. Such a request takes no place of the tier, and of its match only
    /// what needs no body counts; with `request_id`, `audio_sha256` or `key` the reset comes after the body.
    ResetBeforeBody,
    /// The connection is reset after the body was read.
    ResetAfterBody,
    /// The connection breaks after so many deltas; a plain answer breaks in the middle.
    CutStream {
        /// Deltas sent whole.
        deltas: usize,
    },
    /// A stream ends in order after its deltas, without `done` and `[DONE]`. Nothing happens to a plain answer.
    StreamWithoutDone,
    /// The answer's body comes byte by byte.
    SlowBody {
        /// Between two bytes.
        byte_ms: u64,
    },
    /// No answer, for as long as the client waits.
    Stall,
}

impl Fault {
    /// An error by its code, everything else as documented.
    pub fn error(code: &str) -> Self {
        Self::Error { code: Some(code.into()), status: None, shape: None, reset_at: None, retry_after_secs: None }
    }
}
