//! A type for each id.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} `{value}` is not 1 to {max} characters of {allowed}")]
pub struct IdError {
    kind: &'static str,
    value: String,
    max: usize,
    allowed: &'static str,
}

/// One job: a UUID whose order is the order of acceptance (version 7), as 36 characters of text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(String);

/// The instant of the last id, and how many came before it in that millisecond, from some number on.
static LAST: Mutex<(i64, u32)> = Mutex::new((i64::MIN, 0));

/// Where the next id of the millisecond `now_ms` stands among those that came after `last`: higher than all before. The
/// first is `start`, of 20 bits; 26 are kept, which leaves room for more ids than can be given in a millisecond.
fn place(last: &mut (i64, u32), now_ms: i64, start: u32) -> u32 {
    *last = if last.0 == now_ms { (now_ms, last.1.wrapping_add(1)) } else { (now_ms, start) };
    last.1
}

impl JobId {
    /// A fresh id for a job accepted at `now_ms`. Those that a process gives sort in the order in which it gives them, also
    /// within a millisecond: jobs that are offered together are taken in their order.
    pub fn at(now_ms: i64) -> Self {
        // Both numbers are whole after every statement.
        Self::after(&mut LAST.lock().unwrap_or_else(PoisonError::into_inner), now_ms)
    }

    fn after(last: &mut (i64, u32), now_ms: i64) -> Self {
        let random = uuid::Uuid::new_v4();
        let mut bytes = [0_u8; 10];
        bytes.copy_from_slice(&random.as_bytes()[6..]);
        // The version and variant bits of the v4 lie in these bytes and are no randomness: the builder sets its own
        // variant; mix the first four bytes over what remains fixed.
        for (byte, extra) in bytes.iter_mut().zip(random.as_bytes()) {
            *byte ^= extra;
        }
        let start = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) >> 4;
        let place = place(last, now_ms, start);
        // The bits that the builder leaves of the first four bytes: 4, 8, 6 and 8.
        let byte = |bits: u32, mask: u8| (place >> bits).to_be_bytes()[3] & mask;
        bytes[..4].copy_from_slice(&[byte(22, 0x0F), byte(14, 0xFF), byte(8, 0x3F), byte(0, 0xFF)]);
        let now_ms = u64::try_from(now_ms).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(now_ms, &bytes).into_uuid().to_string())
    }

    /// The id in `text`.
    ///
    /// # Errors
    /// [`IdError`] when it is no UUID.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        match uuid::Uuid::parse_str(text) {
            Ok(id) => Ok(Self(id.to_string())),
            Err(_) => {
                Err(IdError { kind: "job id", value: text.into(), max: 36, allowed: "hex digits and `-` (a UUID)" })
            }
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whose recording it is: one audit chain, one folder, one turn among equals. 1 to 64 of `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Tenant(String);

impl Tenant {
    /// The tenant named `text`.
    ///
    /// # Errors
    /// [`IdError`] for other characters, other lengths, or a name of dots only (it is a folder's name too).
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let has_name = text.chars().any(|c| c != '.');
        if has_name && text.len() <= 64 && text.chars().all(is_allowed) {
            return Ok(Self(text.into()));
        }
        Err(IdError { kind: "tenant", value: text.into(), max: 64, allowed: "A-Z a-z 0-9 . _ - (not dots alone)" })
    }

    /// The tenant as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    fn default() -> Self {
        Self("default".into())
    }
}

impl<'de> Deserialize<'de> for Tenant {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// One start of one worker process; never used twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(String);

impl WorkerId {
    /// A fresh id.
    pub fn fresh() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string())
    }

    /// The id that was stored as `text`.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! display {
    ($($id:ty),*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
display!(JobId, Tenant, WorkerId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_jobs_sort_after_earlier_ones() {
        assert!(JobId::at(1_000) < JobId::at(2_000));
        assert_ne!(JobId::at(1_000), JobId::at(1_000));
    }

    #[test]
    fn jobs_of_one_millisecond_sort_in_their_order() {
        let mut last = (0, 0);
        let ids: Vec<JobId> = (0..5000).map(|_| JobId::after(&mut last, 4_000_000_000_000)).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ids.iter().all(|id| JobId::parse(&id.0).as_ref() == Ok(id) && id.0.as_bytes()[14] == b'7'));
    }

    #[test]
    fn a_tenant_is_a_safe_folder_name() {
        for (text, is_valid) in
            [("acme", true), ("a.b-c_9", true), ("", false), ("..", false), ("a/b", false), ("租户", false)]
        {
            assert_eq!(Tenant::parse(text).is_ok(), is_valid, "{text}");
        }
        assert!(Tenant::parse(&"x".repeat(65)).is_err());
    }
}
