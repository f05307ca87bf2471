//! The audit log: a chain of entries per tenant, each sealing the one before it.
//!
//! An entry commits to its payload through a salted hash only, so a caller's data can be erased (payload and salt
//! destroyed) and the chain still verifies. Hashes are SHA-256 over a domain, a NUL and canonical JSON; canonical
//! JSON has sorted keys, no spaces, and integers as its only numbers.

mod kind;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Tenant;
use crate::digest::hex;

pub use kind::AuditKind;

const PAYLOAD_DOMAIN: &str = "earmark/audit/payload/1";
const ENTRY_DOMAIN: &str = "earmark/audit/entry/1";

/// What the first entry of a chain has as its previous hash.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A decision to be put on record.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// Who decided: `worker:…`, `cli:…`, `http:…`.
    pub actor: String,
    /// The tenant whose chain it is.
    pub tenant: Tenant,
    /// What is put on record.
    pub kind: AuditKind,
    /// Which job, where there is one.
    pub job_id: Option<String>,
    /// What was decided. Integers are its only numbers.
    pub payload: Value,
    /// Rules in force, where they matter.
    pub rule_set_sha256: Option<String>,
    /// Recogniser, where it matters: `local whisper-base 4.8.4`.
    pub engine: Option<String>,
    /// The recording's bytes, where known.
    pub audio_sha256: Option<String>,
}

/// What is hashed and chained: everything of an entry but the payload itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// Place in the tenant's chain, from 1.
    pub seq: i64,
    /// Milliseconds since the epoch.
    pub time_ms: i64,
    /// Who decided: `worker:…`, `cli:…`, `http:…`.
    pub actor: String,
    /// The tenant whose chain it is.
    pub tenant: Tenant,
    /// What happened: the word of an [`AuditKind`], or one of a later version.
    pub kind: String,
    /// Id of the job it is about, where there is one.
    pub job_id: Option<String>,
    /// Salted hash of the payload.
    pub payload_hash: String,
    /// Rules in force.
    pub rule_set_sha256: Option<String>,
    /// Recogniser that was at work, where it matters: `local whisper-base 4.8.4`.
    pub engine: Option<String>,
    /// The recording's bytes.
    pub audio_sha256: Option<String>,
    /// Hash of the entry before, or [`GENESIS`].
    pub prev_hash: String,
}

/// One row of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// What is chained.
    #[serde(flatten)]
    pub head: AuditHead,
    /// Canonical JSON; none after an erasure.
    pub payload: Option<String>,
    /// 32 hex digits that keep the payload's hash from being guessed; none after an erasure.
    pub salt: Option<String>,
    /// Hash of `head`.
    pub hash: String,
}

/// Why a chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// A number that is no integer can be written in more than one way.
    #[error("an audit payload holds the number {0}, only integers have one spelling")]
    NotCanonical(String),
    /// The sequence jumps.
    #[error("entry {expected} of tenant {tenant} is missing, {found} stands in its place")]
    Gap {
        /// The tenant whose chain it is.
        tenant: Tenant,
        /// The number that should come.
        expected: i64,
        /// The number that came.
        found: i64,
    },
    /// Does not follow the entry before.
    #[error("entry {seq} of tenant {tenant} does not follow the entry before it")]
    Unlinked {
        /// The tenant whose chain it is.
        tenant: Tenant,
        /// Place of the entry in the chain, from 1.
        seq: i64,
    },
    /// Something in the entry was changed.
    #[error("entry {seq} of tenant {tenant} was changed: its hash does not fit")]
    Changed {
        /// The tenant whose chain it is.
        tenant: Tenant,
        /// Place of the entry in the chain, from 1.
        seq: i64,
    },
    /// A column holds what no version of earmark writes.
    #[error("entry {seq} of tenant {tenant} cannot be read: {why}")]
    Unreadable {
        /// The tenant whose chain it is.
        tenant: Tenant,
        /// Place of the entry in the chain, from 1.
        seq: i64,
        /// Which column, and what is wrong with it.
        why: String,
    },
    /// The payload was changed.
    #[error("the payload of entry {seq} of tenant {tenant} was changed: its hash does not fit")]
    PayloadChanged {
        /// The tenant whose chain it is.
        tenant: Tenant,
        /// Place of the entry in the chain, from 1.
        seq: i64,
    },
    /// The chain's end is not where the head says.
    #[error("the chain of tenant {tenant} ends at entry {found}, its head says {expected}")]
    WrongEnd {
        /// The tenant whose chain it is.
        tenant: Tenant,
        /// By the head.
        expected: i64,
        /// By the rows.
        found: i64,
    },
}

/// `value` as canonical JSON.
///
/// # Errors
/// [`AuditError::NotCanonical`] for a number that is no integer.
fn canonical_json(value: &Value) -> Result<String, AuditError> {
    let mut text = String::new();
    write_canonical(value, &mut text)?;
    Ok(text)
}

fn write_canonical(value: &Value, text: &mut String) -> Result<(), AuditError> {
    match value {
        Value::Number(number) if number.is_f64() => return Err(AuditError::NotCanonical(number.to_string())),
        Value::Array(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                write_canonical(item, text)?;
            }
            text.push(']');
        }
        Value::Object(map) => {
            // Sorted here, whatever order the map keeps.
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            text.push('{');
            for (i, (name, item)) in fields.into_iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                text.push_str(&Value::String(name.clone()).to_string());
                text.push(':');
                write_canonical(item, text)?;
            }
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
    Ok(())
}

fn digest(domain: &str, parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(domain.as_bytes());
    for part in parts {
        hasher.update([0]);
        hasher.update(part.as_bytes());
    }
    hex(&hasher.finalize())
}

/// A fresh salt: 122 random bits as 32 hex digits.
pub fn fresh_salt() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

impl AuditHead {
    /// Hash of this head.
    fn hash(&self) -> String {
        let value = serde_json::json!({
            "seq": self.seq, "time_ms": self.time_ms, "actor": self.actor, "tenant": self.tenant.as_str(), "kind": self.kind,
            "job_id": self.job_id, "payload_hash": self.payload_hash, "rule_set_sha256": self.rule_set_sha256,
            "engine": self.engine, "audio_sha256": self.audio_sha256, "prev_hash": self.prev_hash,
        });
        digest(ENTRY_DOMAIN, &[&canonical_json(&value).expect("a head holds texts and integers only")])
    }
}

impl AuditEntry {
    /// The entry that follows `prev_hash` at place `seq`.
    ///
    /// # Errors
    /// [`AuditError::NotCanonical`] for a payload with other numbers than integers.
    pub fn seal(event: &AuditEvent, seq: i64, time_ms: i64, prev_hash: &str, salt: String) -> Result<Self, AuditError> {
        let payload = canonical_json(&event.payload)?;
        let head = AuditHead {
            seq,
            time_ms,
            actor: event.actor.clone(),
            tenant: event.tenant.clone(),
            kind: event.kind.as_str().into(),
            job_id: event.job_id.clone(),
            payload_hash: digest(PAYLOAD_DOMAIN, &[&salt, &payload]),
            rule_set_sha256: event.rule_set_sha256.clone(),
            engine: event.engine.clone(),
            audio_sha256: event.audio_sha256.clone(),
            prev_hash: prev_hash.into(),
        };
        let hash = head.hash();
        Ok(Self { head, payload: Some(payload), salt: Some(salt), hash })
    }
}

/// Verifies one tenant's chain, entry by entry, in constant memory.
#[derive(Debug)]
pub struct ChainVerifier {
    tenant: Tenant,
    last_seq: i64,
    last_hash: String,
}

impl ChainVerifier {
    /// A verifier at the start of `tenant`'s chain.
    pub fn new(tenant: Tenant) -> Self {
        Self { tenant, last_seq: 0, last_hash: GENESIS.into() }
    }

    /// Takes the next entry, in order of `seq`.
    ///
    /// # Errors
    /// [`AuditError::Gap`], [`AuditError::Unlinked`], [`AuditError::Changed`], [`AuditError::PayloadChanged`].
    pub fn take(&mut self, entry: &AuditEntry) -> Result<(), AuditError> {
        let (tenant, seq) = (self.tenant.clone(), entry.head.seq);
        if seq != self.last_seq + 1 {
            return Err(AuditError::Gap { tenant, expected: self.last_seq + 1, found: seq });
        }
        if entry.head.prev_hash != self.last_hash || entry.head.tenant != self.tenant {
            return Err(AuditError::Unlinked { tenant, seq });
        }
        if entry.head.hash() != entry.hash {
            return Err(AuditError::Changed { tenant, seq });
        }
        let is_payload_sound = match (&entry.payload, &entry.salt) {
            (Some(payload), Some(salt)) => digest(PAYLOAD_DOMAIN, &[salt, payload]) == entry.head.payload_hash,
            // Erased: both are gone, the commitment stays.
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !is_payload_sound {
            return Err(AuditError::PayloadChanged { tenant, seq });
        }
        self.last_seq = seq;
        self.last_hash.clone_from(&entry.hash);
        Ok(())
    }

    /// Checks the chain's end against the head that is kept beside it: cutting off the tail is a change too.
    ///
    /// # Errors
    /// [`AuditError::WrongEnd`].
    pub fn finish(self, head_seq: i64, head_hash: &str) -> Result<i64, AuditError> {
        if (self.last_seq, self.last_hash.as_str()) == (head_seq, head_hash) {
            return Ok(self.last_seq);
        }
        Err(AuditError::WrongEnd { tenant: self.tenant, expected: head_seq, found: self.last_seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chain(length: i64) -> Vec<AuditEntry> {
        let mut prev = GENESIS.to_owned();
        (1..=length)
            .map(|seq| {
                let event = AuditEvent {
                    actor: "test".into(),
                    tenant: Tenant::default(),
                    kind: AuditKind::JobAccepted,
                    job_id: Some(format!("job-{seq}")),
                    payload: json!({"uri": "录音.wav", "n": seq}),
                    rule_set_sha256: None,
                    engine: None,
                    audio_sha256: None,
                };
                let entry = AuditEntry::seal(&event, seq, 1000 + seq, &prev, fresh_salt()).expect("canonical");
                prev.clone_from(&entry.hash);
                entry
            })
            .collect()
    }

    fn verify(entries: &[AuditEntry], head_seq: i64, head_hash: &str) -> Result<i64, AuditError> {
        let mut verifier = ChainVerifier::new(Tenant::default());
        for entry in entries {
            verifier.take(entry)?;
        }
        verifier.finish(head_seq, head_hash)
    }

    #[test]
    fn a_sound_chain_verifies_and_an_erased_payload_leaves_it_sound() {
        let mut entries = chain(5);
        let head = entries[4].hash.clone();
        assert_eq!(verify(&entries, 5, &head), Ok(5));
        entries[2].payload = None;
        entries[2].salt = None;
        assert_eq!(verify(&entries, 5, &head), Ok(5));
    }

    #[test]
    fn an_entry_of_a_kind_of_a_later_version_is_read_and_verified_as_it_stands() {
        let mut entries = chain(1);
        entries[0].head.kind = "job.postponed".into();
        entries[0].hash = entries[0].head.hash();
        let head = entries[0].hash.clone();
        assert_eq!(verify(&entries, 1, &head), Ok(1));
        let shown = serde_json::to_string(&entries[0]).expect("texts and integers");
        assert!(shown.contains("\"kind\":\"job.postponed\""), "{shown}");
        assert_eq!(serde_json::from_str::<AuditEntry>(&shown).expect("an entry"), entries[0]);
    }

    #[test]
    fn every_kind_of_tampering_is_seen() {
        type Tamper = fn(&mut Vec<AuditEntry>);
        let cases: &[(&str, Tamper)] = &[
            ("payload", |e| e[2].payload = Some("{\"n\":9}".into())),
            ("salt", |e| e[2].salt = Some(fresh_salt())),
            ("payload gone, salt left", |e| e[2].payload = None),
            ("actor", |e| e[2].head.actor = "nobody".into()),
            ("job", |e| e[2].head.job_id = None),
            ("time", |e| e[2].head.time_ms += 1),
            ("hash", |e| e[2].hash = GENESIS.into()),
            ("removed", |e| drop(e.remove(2))),
            ("tail removed", |e| drop(e.pop())),
            ("swapped", |e| e.swap(2, 3)),
        ];
        for (name, tamper) in cases {
            let mut entries = chain(5);
            let head = entries[4].hash.clone();
            tamper(&mut entries);
            assert!(verify(&entries, 5, &head).is_err(), "{name}");
        }
    }

    #[test]
    fn canonical_json_has_one_spelling() {
        let value = json!({"b": [1, "x\n", null, true], "a": {"录": -3}});
        assert_eq!(canonical_json(&value), Ok(r#"{"a":{"录":-3},"b":[1,"x\n",null,true]}"#.into()));
        assert!(canonical_json(&json!({"p": 0.5})).is_err());
    }
}
