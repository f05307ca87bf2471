//! Patterns that names are read by: of the `regex` crate, whose time grows with the name's length and nothing else.

use std::str::FromStr;

use earmark_core::Address;
use regex::{Regex, RegexBuilder};

use crate::offer::Offer;

/// Largest compiled pattern, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Why a text is no pattern, with where it goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(pub(crate) String);

/// `pattern` for whole names.
pub(crate) fn whole(pattern: &str) -> Result<Regex, PatternError> {
    compiled(&format!("^(?:{pattern})$"))
        // The error shows the pattern: it must be the one that was written.
        .map_err(|_| compiled(pattern).err().unwrap_or_else(|| PatternError("its parentheses do not match".into())))
}

fn compiled(pattern: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(pattern).size_limit(MAX_BYTES).build().map_err(|error| PatternError(error.to_string()))
}

/// Shell patterns: `*` is any text without `/`, `**` any text, `?` any character, `[a-z]` one of them. Capitals count as
/// small letters. Without `/` it is for the last part of a name, else for all of it.
#[derive(Debug, Clone)]
pub struct Glob(Regex, bool);

impl FromStr for Glob {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let mut pattern = String::from("(?is)");
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '*' if rest.next_if_eq(&'*').is_some() => pattern.push_str(".*"),
                '*' => pattern.push_str("[^/]*"),
                '?' => pattern.push_str("[^/]"),
                '[' => {
                    let class: String = rest.by_ref().take_while(|c| *c != ']').collect();
                    if class.is_empty() || class.contains(['[', '\\', '&', '~']) {
                        return Err(PatternError(format!("`{text}` has a [ that is no list of characters")));
                    }
                    pattern.push_str(&format!("[{}]", class.replacen('!', "^", usize::from(class.starts_with('!')))));
                }
                _ => pattern.push_str(&regex::escape(&c.to_string())),
            }
        }
        let found = whole(&pattern).map_err(|_| PatternError(format!("`{text}` is no pattern such as *.vtt")))?;
        Ok(Self(found, text.contains('/')))
    }
}

impl Glob {
    /// Whether it means the file or object called `name`.
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(if self.1 { name } else { last(name) })
    }
}

/// The last part of `name`.
pub(crate) fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

impl Offer {
    /// What its recording is called: the path of a file or of a web address, the key of an object.
    pub fn name(&self) -> String {
        match (&self.path, self.shown().address()) {
            (Some(path), _) => path.to_string_lossy().into_owned(),
            (None, Ok(Address::File(path))) => path.to_string_lossy().into_owned(),
            (None, Ok(Address::S3 { key, .. })) => key,
            (None, Ok(Address::Http(url))) => url.path().into(),
            (None, Err(_)) => self.shown().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_patterns_mean_what_they_mean_in_a_shell() {
        let cases = [
            ("*.vtt", "a/b.vtt", true),
            ("*.vtt", "a/B.VTT", true),
            ("*.vtt", "a.vtt/b.wav", false),
            ("call-??.wav", "x/call-17.wav", true),
            ("call-[0-9]*.wav", "call-7x.wav", true),
            ("[!a]*", "b", true),
            ("[!a]*", "abc", false),
            ("2026/**/in/*.wav", "2026/01/31/in/a.wav", true),
            ("2026/*/a.wav", "2026/01/31/a.wav", false),
            ("a.b", "aXb", false),
            (".*", "x/.DS_Store", true),
        ];
        for (glob, name, expected) in cases {
            assert_eq!(glob.parse::<Glob>().unwrap().matches(name), expected, "{glob} {name}");
        }
        for wrong in ["[", "[]x", "a[z-b]"] {
            assert!(wrong.parse::<Glob>().is_err(), "{wrong}");
        }
    }
}
