//! Where a job stands is written in one place, and the fence of a lease's holder too.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Files with `text` in them, by their path below `src`, each with what stands between there and the next WHERE or the
/// statement's end.
fn having(text: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&folder, &mut files);
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(&folder).unwrap().display().to_string();
        let source = std::fs::read_to_string(&file).unwrap();
        for behind in source.split(text).skip(1) {
            let end = behind.find("WHERE").into_iter().chain(behind.find('"')).min();
            found.push((name.clone(), behind[..end.unwrap_or(behind.len())].to_owned()));
        }
    }
    found
}

fn names(found: Vec<(String, String)>) -> Vec<String> {
    let mut names: Vec<_> = found.into_iter().map(|(name, _)| name).collect();
    names.dedup();
    names
}

#[test]
fn one_file_writes_where_a_job_stands() {
    let writers = having("UPDATE jobs").into_iter().filter(|(_, set)| {
        let mut words = set.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '=');
        words.any(|word| word == "state")
    });
    assert_eq!(names(writers.collect()), ["jobs/states.rs"]);
    assert_eq!(names(having("DELETE FROM jobs")), ["jobs/states.rs"]);
    // New jobs are ready, as the table says of those that are accepted.
    assert_eq!(names(having("INSERT INTO jobs")), ["jobs/insert.rs"]);
}

#[test]
fn one_file_holds_the_fence() {
    assert_eq!(names(having("lease_epoch = $2 AND lease_owner")), ["jobs/fence.rs"]);
    assert_eq!(names(having("lease_owner = $3")), ["jobs/fence.rs"]);
}
