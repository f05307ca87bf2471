//! The files a rule set is made of.

use earmark_core::RuleSetId;
use earmark_core::hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Where rules name list files.
const LIST_FIELDS: [&str; 2] = ["words_from", "except_from"];
const DOMAIN: &[u8] = b"earmark/rules/1";

/// A file of a rule set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceFile {
    /// Relative to the rule set's folder, with `/` between the parts: part of the set's hash and of every error.
    pub path: String,
    /// The whole file.
    pub text: String,
}

impl SourceFile {
    /// Whether a file of this name belongs to a rule set.
    pub fn is_rule_file(path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml"))
    }

    /// Whether a file of this name is a list of words, which rules may name.
    pub fn is_list_file(path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        !name.starts_with('.') && name.ends_with(".txt")
    }

    /// Paths of the list files that the rules in this file name; none where it is no rule file.
    pub fn named_lists(&self) -> Vec<String> {
        // Reading the rules twice is for those who name lists.
        if !self.text.contains("_from") {
            return Vec::new();
        }
        let mut lists = Vec::new();
        if let Ok(value) = serde_saphyr::from_str(&self.text) {
            named_lists(&value, &mut lists);
        }
        lists
    }
}

/// Puts behind `lists` what stands in the fields of `value`, wherever they are, that name lists.
fn named_lists(value: &Value, lists: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| named_lists(item, lists)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::Array(paths) if LIST_FIELDS.contains(&name.as_str()) => {
                        lists.extend(paths.iter().filter_map(Value::as_str).map(|path| list_path(path).to_owned()));
                    }
                    _ => named_lists(value, lists),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The path of a list file as it stands among those of the set.
pub fn list_path(written: &str) -> &str {
    let path = written.trim();
    path.strip_prefix("./").unwrap_or(path)
}

/// `files` in order of their paths, and the id of the set they make: SHA-256 over path and text of each, every one
/// preceded by its length in bytes (8 bytes, big endian).
pub fn canonical(name: &str, files: &[SourceFile]) -> (Vec<SourceFile>, RuleSetId) {
    let mut sorted = files.to_vec();
    sorted.sort();
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    for part in sorted.iter().flat_map(|file| [&file.path, &file.text]) {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let id = RuleSetId { name: name.into(), sha256: hex(&hasher.finalize()) };
    (sorted, id)
}
