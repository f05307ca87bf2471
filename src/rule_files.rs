//! Rule files from disk.

use std::path::Path;

use earmark_core::Problem;
use earmark_rules::{RuleSet, SourceFile};

use crate::complaint::Complaint;
use crate::text_file;

/// Largest rule file, in bytes (16 MiB).
const MAX_BYTES: u64 = 16 << 20;

/// The rule set in a file, or in all rule files of a folder and the folders below it.
///
/// # Errors
/// [`Complaint`] when something cannot be read, or naming file, line and column of every mistake.
pub fn load(path: &Path) -> Result<RuleSet, Complaint> {
    compile(path, &read(path)?)
}

/// The rule set that `files` from `path` make.
///
/// # Errors
/// [`Complaint`] naming file, line and column of every mistake.
pub fn compile(path: &Path, files: &[SourceFile]) -> Result<RuleSet, Complaint> {
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
        Complaint::usage(Problem { code: "rules.invalid".into(), message: lines.join("\n"), hint: None })
    })
}

/// The rule files at `path`, none of them understood yet.
///
/// # Errors
/// [`Complaint`] when something cannot be read.
pub fn read(path: &Path) -> Result<Vec<SourceFile>, Complaint> {
    let mut files = Vec::new();
    if path.is_dir() {
        read_folder(path, "", &mut files)?;
        if files.is_empty() {
            return Err(unreadable(path, "there is no .yaml or .yml file in it"));
        }
    } else {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push(SourceFile { path: name, text: read_file(path)? });
    }
    Ok(files)
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<SourceFile>) -> Result<(), Complaint> {
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error.to_string()))? {
        let entry = entry.map_err(|error| unreadable(folder, &error.to_string()))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let inside = format!("{prefix}{name}");
        if path.is_dir() && !name.starts_with('.') {
            read_folder(&path, &format!("{inside}/"), files)?;
        } else if SourceFile::is_rule_file(&name) {
            files.push(SourceFile { path: inside, text: read_file(&path)? });
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<String, Complaint> {
    text_file::read(path, MAX_BYTES).map_err(|why| unreadable(path, &why))
}

fn unreadable(path: &Path, why: &str) -> Complaint {
    Complaint::usage(Problem {
        code: "rules.unreadable".into(),
        message: format!("the rules at {} cannot be read: {why}", path.display()),
        hint: Some("give a YAML file, or a folder of them (UTF-8)".into()),
    })
}
