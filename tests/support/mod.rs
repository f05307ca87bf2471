//! The program as its users run it: the real binary, a database and an output folder of its own.

#![allow(dead_code, reason = "every test file uses a part of it")]

mod running;
mod service;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use earmark_servers::{LastWord, bound};
#[allow(unused_imports, reason = "every test file uses a part of it")]
pub use running::Running;
use serde_json::Value;
#[allow(unused_imports, reason = "every test file uses a part of it")]
pub use service::Service;

/// The folder of recordings.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// A recording's path as text.
pub fn fixture(name: &str) -> String {
    let path = fixtures().join(name);
    assert!(path.is_file(), "{} is missing", path.display());
    path.to_string_lossy().into_owned()
}

/// What is known of the recordings.
pub fn manifest() -> Vec<Value> {
    let text = std::fs::read_to_string(fixtures().join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    manifest["items"].as_array().unwrap().clone()
}

/// A machine of one's own: nothing is shared with other tests.
pub struct Machine {
    pub folder: tempfile::TempDir,
}

impl Machine {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("earmark.sqlite")
    }

    pub fn output(&self) -> PathBuf {
        self.folder.path().join("output")
    }

    /// The program with this machine's settings and no others. It ends with whoever starts it.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = bound(env!("CARGO_BIN_EXE_earmark"), LastWord::Kill);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("EARMARK") {
                command.env_remove(name);
            }
        }
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("EARMARK__DATABASE__URL", format!("sqlite:{}", self.database().display()))
            .env("EARMARK__STORAGE__OUTPUT", self.output())
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(&self.command(args).output().unwrap())
    }
}

/// What the program did.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
        let ran = Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) };
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    /// Standard output as one JSON value.
    pub fn json_whole(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// Standard output as JSON, a value a line.
    pub fn json(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }
}
