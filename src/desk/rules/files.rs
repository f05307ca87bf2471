//! Rule files from disk.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use earmark_core::Problem;
use earmark_rules::{RuleSet, SourceFile};

use crate::config::CommandError;
use crate::config::text_file;

/// Largest rule file, in bytes (16 MiB).
const MAX_BYTES: u64 = 16 << 20;
/// Largest list of words, in bytes (64 MiB): some millions of words.
const MAX_LIST_BYTES: u64 = 64 << 20;

/// The rule set in a file and the lists that it names, or in all rule files and lists of a folder and the folders below
/// it.
///
/// # Errors
/// [`CommandError`] when something cannot be read, or naming file, line and column of every mistake.
pub fn load(path: &Path) -> Result<RuleSet, CommandError> {
    compile(path, &read(path)?)
}

/// The rule set that `files` from `path` make.
///
/// # Errors
/// [`CommandError`] naming file, line and column of every mistake.
pub fn compile(path: &Path, files: &[SourceFile]) -> Result<RuleSet, CommandError> {
    let name = path.file_stem().map_or_else(|| "rules".into(), |name| name.to_string_lossy().into_owned());
    RuleSet::compile(&name, files).map_err(|errors| {
        let lines: Vec<String> = errors
            .errors
            .iter()
            .map(|error| match error.problem.hint() {
                Some(hint) => format!("{error}\n  hint: {hint}"),
                None => error.to_string(),
            })
            .collect();
        CommandError::usage(Problem { code: "rules.invalid".into(), message: lines.join("\n"), hint: None })
    })
}

/// The rule files at `path`, none of them understood yet.
///
/// # Errors
/// [`CommandError`] when something cannot be read.
pub fn read(path: &Path) -> Result<Vec<SourceFile>, CommandError> {
    let mut files = Vec::new();
    if path.is_dir() {
        read_folder(path, "", &mut files)?;
        if !files.iter().any(|file| SourceFile::is_rule_file(&file.path)) {
            return Err(unreadable(path, "there is no .yaml or .yml file in it"));
        }
    } else {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let rules = SourceFile { path: name, text: read_file(path)? };
        read_lists(path, &rules, &mut files)?;
        files.push(rules);
    }
    Ok(files)
}

/// Reads the lists that `rules`, a file at `path`, names; what is not there is for the compiler to say, with its place.
fn read_lists(path: &Path, rules: &SourceFile, files: &mut Vec<SourceFile>) -> Result<(), CommandError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let names: BTreeSet<String> = rules.named_lists().into_iter().collect();
    for name in names {
        let is_below = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
        let list = folder.join(&name);
        if is_below && SourceFile::is_list_file(&name) && list.is_file() {
            files.push(SourceFile { text: read_list(&list)?, path: name });
        }
    }
    Ok(())
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<SourceFile>) -> Result<(), CommandError> {
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error.to_string()))? {
        let entry = entry.map_err(|error| unreadable(folder, &error.to_string()))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let inside = format!("{prefix}{name}");
        // A link to a folder may lead back here; one to a file is how some machines hand out configuration.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && !name.starts_with('.') {
            read_folder(&path, &format!("{inside}/"), files)?;
        } else if SourceFile::is_rule_file(&name) {
            files.push(SourceFile { path: inside, text: read_file(&path)? });
        } else if SourceFile::is_list_file(&name) {
            files.push(SourceFile { path: inside, text: read_list(&path)? });
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<String, CommandError> {
    text_file::read(path, MAX_BYTES).map_err(|why| unreadable(path, &why))
}

fn read_list(path: &Path) -> Result<String, CommandError> {
    text_file::read(path, MAX_LIST_BYTES).map_err(|why| unreadable(path, &why))
}

fn unreadable(path: &Path, why: &str) -> CommandError {
    CommandError::usage(Problem {
        code: "rules.unreadable".into(),
        message: format!("the rules at {} cannot be read: {why}", path.display()),
        hint: Some("give a YAML file, or a folder of them (UTF-8)".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str =
        "rules:\n  - {id: r, category: c, severity: low, words_from: [lists/a.txt], except_from: [./b.txt]}\n";

    #[test]
    fn a_file_brings_the_lists_that_it_names_and_a_folder_all_that_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| std::fs::write(folder.path().join(path), text).unwrap();
        std::fs::create_dir(folder.path().join("lists")).unwrap();
        write("r.yaml", RULES);
        write("lists/a.txt", "好人\n");
        write("b.txt", "老好人\n");
        write("notes.txt", "\n");
        let paths = |path: &Path| -> Vec<String> {
            load(path).unwrap().sources().iter().map(|file| file.path.clone()).collect()
        };
        assert_eq!(paths(&folder.path().join("r.yaml")), ["b.txt", "lists/a.txt", "r.yaml"]);
        assert_eq!(paths(folder.path()), ["b.txt", "lists/a.txt", "notes.txt", "r.yaml"]);
    }

    #[test]
    fn a_file_cannot_name_a_list_outside_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(folder.path().join("a.txt"), "好人\n").unwrap();
        std::fs::write(inside.join("r.yaml"), RULES.replace("lists/a.txt", "../a.txt")).unwrap();
        assert!(load(&inside.join("r.yaml")).is_err());
    }
}
