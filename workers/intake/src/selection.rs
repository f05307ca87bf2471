//! Which files beside each other are recordings: recorders leave transcripts, chats and lists there as well.

use std::collections::BTreeMap;
use std::fmt;

use crate::pattern::{Glob, last};

/// What is taken of a folder's or prefix's files.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only these, where there are any.
    pub include: Vec<Glob>,
    /// None of these.
    pub exclude: Vec<Glob>,
}

impl Selection {
    /// Whether the file or object called `name` is taken.
    pub fn takes(&self, name: &str) -> bool {
        let is_any = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(name));
        (self.include.is_empty() || is_any(&self.include)) && !is_any(&self.exclude)
    }
}

/// What was left out of how many, by its kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    seen: u64,
    kinds: BTreeMap<String, u64>,
}

impl LeftOut {
    /// Counts the file or object called `name`; `is_taken` if it was not left out.
    pub fn count(&mut self, name: &str, is_taken: bool) {
        self.seen += 1;
        if !is_taken {
            let kind = last(name).rsplit_once('.').map_or("without an extension".into(), |(_, extension)| {
                let is_short = extension.chars().count() <= 12 && extension.chars().all(char::is_alphanumeric);
                if is_short { format!(".{}", extension.to_lowercase()) } else { "others".into() }
            });
            *self.kinds.entry(kind).or_default() += 1;
        }
    }

    /// How many were left out.
    pub fn total(&self) -> u64 {
        self.kinds.values().sum()
    }
}

/// `12 of 40 left out: 6 .vtt, 6 .json`, the most first.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        write!(f, "{} of {} left out: {}", self.total(), self.seen, kinds.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_excluded_or_not_included_is_left_out_and_counted_by_kind() {
        let globs = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Glob>>();
        let selection = Selection { include: globs(&["*.wav", "*.vtt"]), exclude: globs(&["*.vtt", "*-mix.*"]) };
        let mut left_out = LeftOut::default();
        for (name, taken) in [
            ("a.wav", true),
            ("a-mix.wav", false),
            ("a.vtt", false),
            ("b.VTT", false),
            ("README", false),
            ("c.a b", false),
        ] {
            assert_eq!(selection.takes(name), taken, "{name}");
            left_out.count(name, taken);
        }
        assert_eq!(left_out.to_string(), "5 of 6 left out: 2 .vtt, 1 .wav, 1 others, 1 without an extension");
        assert!(Selection::default().takes("anything"));
    }
}
