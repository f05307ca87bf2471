//! The shape of the house: which package may use which, and how long a file may be.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[path = "architecture/modules.rs"]
mod modules;

use modules::{Crate, circles};

/// Edges between the packages, all downward; every package may use `core`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("journal", &[]),
    ("objects", &[]),
    ("audio", &[]),
    ("asr", &[]),
    ("engine", &["asr", "audio"]),
    ("intake", &[]),
    ("rule-files", &[]),
    ("words", &[]),
    ("rules", &["rule-files", "words"]),
    ("redis", &[]),
    ("queue", &["intake", "journal", "redis"]),
    ("permits", &["journal", "redis"]),
    ("notify", &["journal"]),
    ("pipeline", &["journal", "objects", "permits", "asr", "audio", "rules"]),
];

/// External crates that only these packages may use.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["journal"]),
    ("sqlx-core", &["journal"]),
    ("aws-config", &["objects"]),
    ("aws-sdk-s3", &["objects"]),
    ("apalis", &["queue"]),
    ("apalis-core", &["queue"]),
    ("symphonia", &["audio"]),
    ("redis", &["permits", "queue", "redis"]),
];

/// A file longer than this holds more than one concern.
const MAX_LINES: usize = 500;

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// Names under `[dependencies]` of a manifest (not those for tests).
fn dependencies(manifest: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(manifest).unwrap();
    let section = text.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    section
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn packages_use_only_what_lies_below_them() {
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("workers")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let below = allowed.get(name.as_str()).unwrap_or_else(|| panic!("workers/{name} is in no drawing"));
        for dependency in dependencies(&folder.join("Cargo.toml")) {
            if let Some(used) = dependency.strip_prefix("earmark-") {
                assert!(used == "core" || below.contains(&used), "{name} must not use {used}");
            }
        }
        seen.insert(name);
    }
    assert_eq!(seen.len(), ALLOWED.len(), "{seen:?}");
}

#[test]
fn each_back_end_is_known_where_it_belongs() {
    for (name, _) in ALLOWED {
        let used = dependencies(&root().join("workers").join(name).join("Cargo.toml"));
        for (external, homes) in ONLY_IN {
            assert!(homes.contains(name) || !used.contains(*external), "{name} must not use {external}");
        }
    }
    let used = dependencies(&root().join("Cargo.toml"));
    for (external, _) in ONLY_IN {
        assert!(!used.contains(*external), "the program must not use {external}");
    }
}

/// Folders of sources that are a crate: the program's, and each of `workers`.
fn crates() -> Vec<PathBuf> {
    let workers = ALLOWED.iter().map(|(name, _)| root().join("workers").join(name).join("src"));
    workers.chain([root().join("src")]).collect()
}

/// `file` as it stands in the repository.
fn short(file: &Path) -> String {
    file.strip_prefix(root()).unwrap().display().to_string()
}

#[test]
fn no_file_of_a_crate_uses_one_that_uses_it() {
    let mut found = Vec::new();
    for folder in crates() {
        let uses = Crate::read(&folder).uses();
        assert!(uses.values().any(|used| !used.is_empty()) || uses.len() < 4, "{}: nothing was read", folder.display());
        for circle in circles(&uses) {
            found.push(String::new());
            for file in &circle {
                let used = uses[*file].iter().filter(|used| circle.contains(&used.as_path()));
                found.push(format!(
                    "{} -> {}",
                    short(file),
                    used.map(|used| short(used)).collect::<Vec<_>>().join(" ")
                ));
            }
        }
    }
    assert!(found.is_empty(), "files that use each other:{}", found.join("\n"));
}

/// Parts of the program, and which others each may use beside its own files. A door knows no other door.
const PARTS: &[(&str, &[&str])] = &[
    ("src/config", &[]),
    ("src/engines", &["src/config"]),
    ("src/app", &["src/config", "src/engines"]),
    ("src/desk", &["src/config", "src/engines", "src/app"]),
    ("src/doors/cli", &["src/config", "src/desk"]),
    ("src/doors/http", &["src/config", "src/desk"]),
    ("src/doors/transcriptions", &["src/config", "src/desk"]),
    ("src/doors/server.rs", &["src/config", "src/desk", "src/doors"]),
    ("src/doors", &["src/config", "src/desk"]),
    ("src/service", &["src/config", "src/engines", "src/app", "src/desk", "src/doors"]),
];

#[test]
fn parts_of_the_program_use_only_what_lies_below_them() {
    let uses = Crate::read(&root().join("src")).uses();
    let part = |file: &str| {
        let is_in = |part: &&(&str, &[&str])| file.starts_with(part.0);
        PARTS.iter().find(is_in)
    };
    let mut wrong = Vec::new();
    for (file, used) in &uses {
        let Some((name, below)) = part(&short(file)) else { continue };
        for other in used.iter().map(|other| short(other)) {
            let is_own = other.starts_with(name);
            // What several doors share lies beside them.
            let is_shared =
                name.starts_with("src/doors/") && Path::new(&other).parent() == Some(Path::new("src/doors"));
            if !is_own && !is_shared && !below.iter().any(|below| other.starts_with(below)) {
                wrong.push(format!("{} -> {other}", short(file)));
            }
        }
    }
    assert!(wrong.is_empty(), "not drawn:\n{}", wrong.join("\n"));
}

/// A door has words of its own and those that all share; what it asks, it asks of the desk.
#[test]
fn doors_know_of_the_workers_only_the_shared_words() {
    let mut files = Vec::new();
    sources(&root().join("src/doors"), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (name, _) in ALLOWED.iter().filter(|(name, _)| *name != "core") {
            if text.contains(&format!("earmark_{}::", name.replace('-', "_"))) {
                wrong.push(format!("{} uses earmark-{name}", short(&file)));
            }
        }
        if text.contains(".app()") {
            wrong.push(format!("{} reaches behind the desk", short(&file)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_composition_root_names_back_ends() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for file in files.iter().filter(|file| !["src/app", "src/engines"].iter().any(|part| short(file).starts_with(part)))
    {
        let text = std::fs::read_to_string(file).unwrap();
        for back_end in [
            "JournalQueue",
            "RedisQueue",
            "SqlResults",
            "SqlAuditLog",
            "SqlStore",
            "RedisStore",
            "Webhook::new",
            "Recordings::new",
            "FileArtifacts",
            "GlmClient",
            "LocalEngine",
            "S3::new",
        ] {
            assert!(!text.contains(back_end), "{} names {back_end}", file.display());
        }
    }
}

/// Native code that computes stays in the engine's own process: no other program is linked to it.
#[test]
fn only_the_engines_program_is_linked_to_the_engine() {
    let mut files = Vec::new();
    for folder in ["src", "workers"] {
        sources(&root().join(folder), &mut files);
    }
    let names_it = |file: &&PathBuf| std::fs::read_to_string(file).unwrap().contains("earmark_engine::");
    let naming: Vec<&PathBuf> = files.iter().filter(names_it).collect();
    assert_eq!(naming, [&root().join("src/bin/earmark-engine.rs")]);
}

#[test]
fn no_file_is_too_long_to_have_one_concern() {
    let mut files = Vec::new();
    for folder in ["src", "workers", "tests"] {
        sources(&root().join(folder), &mut files);
    }
    assert!(files.len() > 50);
    for file in files {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines, {MAX_LINES} are allowed", file.display());
    }
}
