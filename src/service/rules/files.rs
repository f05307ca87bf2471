//! The rules at the configured path: whether their files have changed, and what they say.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use earmark_core::sha256_hex;
use earmark_rules::RuleSet;

use crate::config::CommandError;
use crate::desk::rules::files;

/// Mistakes that an alert names; `rules check` names them all.
const NAMED: usize = 3;
/// Files that are looked at, at most: nobody keeps rules in more.
const MOST_FILES: usize = 10_000;

/// Size and time of every file at the configured path: all that is looked at while nothing changes.
pub(super) type Stamp = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// Rules that cannot be taken up.
pub(super) struct BadRules {
    /// A hash of what is there: tells them from others.
    pub(super) content_sha256: String,
    /// What is wrong with them.
    pub(super) error: CommandError,
}

impl BadRules {
    /// The first mistakes, each with file, line and column.
    pub(super) fn summary(&self) -> String {
        let mistakes: Vec<&str> =
            self.error.problem.message.lines().filter(|line| !line.trim_start().starts_with("hint:")).collect();
        let more = mistakes.len().saturating_sub(NAMED);
        let named = mistakes.iter().take(NAMED).copied().collect::<Vec<_>>().join("; ");
        if more > 0 { format!("{named}; and {more} more") } else { named }
    }
}

/// The rules at `path`, or what is wrong with them, and the files beside a single one that belong to it.
pub(super) fn read(path: &Path) -> (Vec<PathBuf>, Result<RuleSet, BadRules>) {
    let files = match files::read(path) {
        Ok(files) => files,
        Err(error) => {
            let content_sha256 = sha256_hex(error.problem.message.as_bytes());
            return (Vec::new(), Err(BadRules { content_sha256, error }));
        }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let beside = files.iter().map(|file| folder.join(&file.path)).filter(|file| file != path);
    let lists = if path.is_dir() { Vec::new() } else { beside.collect() };
    let rules = files::compile(path, &files).map_err(|error| {
        let mut content = Vec::new();
        for text in files.iter().flat_map(|file| [&file.path, &file.text]) {
            content.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            content.extend(text.as_bytes());
        }
        BadRules { content_sha256: sha256_hex(&content), error }
    });
    (lists, rules)
}

/// Size and time of every file at `rest` and below; what cannot be looked at has none.
pub(super) fn stamp(mut rest: Vec<PathBuf>) -> Stamp {
    let mut found = Stamp::new();
    while let Some(path) = rest.pop() {
        if found.len() == MOST_FILES {
            break;
        }
        let facts = std::fs::metadata(&path).ok();
        if facts.as_ref().is_some_and(std::fs::Metadata::is_dir) {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            // As they are read: neither what is hidden nor links to folders.
            let is_read = |entry: &std::fs::DirEntry| {
                let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
                let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
                !is_hidden && (!is_link || !entry.path().is_dir())
            };
            rest.extend(entries.filter(is_read).map(|entry| entry.path()));
        } else {
            let size = facts.as_ref().map_or(0, std::fs::Metadata::len);
            found.push((path, size, facts.and_then(|facts| facts.modified().ok())));
        }
    }
    found.sort();
    found
}

/// `work` on a thread where it may wait for a disk.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CommandError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| CommandError::internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_changes_with_every_file_below_and_not_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = |path: &Path| stamp(vec![path.to_path_buf()]);
        std::fs::create_dir(folder.path().join("words")).unwrap();
        std::fs::write(folder.path().join("rules.yaml"), "a").unwrap();
        let before = stamp(folder.path());
        assert_eq!((before.len(), &stamp(folder.path())), (1, &before));
        std::fs::write(folder.path().join("words/list.txt"), "b").unwrap();
        let with_words = stamp(folder.path());
        assert_eq!(with_words.len(), 2);
        std::fs::write(folder.path().join("words/list.txt"), "bc").unwrap();
        assert_ne!(stamp(folder.path()), with_words);
        assert_eq!(stamp(Path::new("/no/such/rules")).len(), 1);
    }

    #[test]
    fn an_alert_names_the_first_mistakes_and_counts_the_rest() {
        let error = CommandError::plain("a:1:1: x\n  hint: y\na:2:1: x\na:3:1: x\na:4:1: x", None);
        let bad = BadRules { content_sha256: String::new(), error };
        assert_eq!(bad.summary(), "a:1:1: x; a:2:1: x; a:3:1: x; and 1 more");
    }
}
