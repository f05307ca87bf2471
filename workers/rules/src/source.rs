//! The files a rule set is made of.

use earmark_core::RuleSetId;
use earmark_core::audit::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const DOMAIN: &[u8] = b"earmark/rules/1";

/// A file of a rule set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceFile {
    /// Relative to the rule set's folder, with `/` between the parts: part of the set's hash and of every error.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl SourceFile {
    /// Whether a file of this name belongs to a rule set.
    pub fn is_rule_file(path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml"))
    }
}

/// `files` in order of their paths, and the id of the set they make: SHA-256 over path and text of each, every one
/// preceded by its length in bytes (8 bytes, big endian).
pub(crate) fn canonical(name: &str, files: &[SourceFile]) -> (Vec<SourceFile>, RuleSetId) {
    let mut sorted = files.to_vec();
    sorted.sort();
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    for part in sorted.iter().flat_map(|file| [&file.path, &file.text]) {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let id = RuleSetId { name: name.into(), sha256: hex(&hasher.finalize()) };
    (sorted, id)
}
