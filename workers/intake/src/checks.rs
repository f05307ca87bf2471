//! What no database keeps, or only some, and what is no hash.

use serde_json::{Map, Value};

use crate::error::OfferError;
use crate::limits::{MAX_KEY_BYTES, MAX_METADATA_BYTES};

/// Refuses a key that is empty, too long, or holds U+0000.
pub(crate) fn key(key: &str) -> Result<(), OfferError> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        return Err(OfferError::Key(key.len()));
    }
    if key.contains('\0') {
        return Err(OfferError::Nul("the key"));
    }
    Ok(())
}

/// Refuses metadata that are too large, or hold U+0000 anywhere.
pub(crate) fn metadata(metadata: &Map<String, Value>) -> Result<(), OfferError> {
    let size_bytes = serde_json::to_string(metadata).map_or(0, |json| json.len());
    if size_bytes > MAX_METADATA_BYTES {
        return Err(OfferError::Metadata(size_bytes));
    }
    if metadata.iter().any(|(name, value)| name.contains('\0') || has_nul(value)) {
        return Err(OfferError::Nul("the metadata"));
    }
    Ok(())
}

/// Refuses what is no SHA-256 in lower-case hex.
pub(crate) fn rule_set(sha256: &str) -> Result<(), OfferError> {
    if sha256.len() == 64 && sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(());
    }
    Err(OfferError::RuleSet(sha256.chars().take(80).collect()))
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
    }
}
