//! Which way to compute was proved where: a file beside the model.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use earmark_core::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::rung::Rung;

/// The file's name, in the model's folder.
const FILE: &str = "earmark-engine.json";
/// So many are kept: one for each machine that shares the folder, and some of old.
const MOST: usize = 32;

/// What a proof holds for. Another processor, library, model or number of threads is to be proved anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    /// Maker, family, model and name of the processor, and what it can do, hashed.
    pub processor: String,
    /// Path, size and time of change of the library.
    pub library: String,
    /// SHA-256 of the weights, the first 12 digits.
    pub weights: String,
    /// Threads that compute.
    pub threads: usize,
    /// Clips that each takes at once.
    pub batch: usize,
    /// Version of earmark.
    pub earmark: String,
}

/// A way to compute that was proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Where.
    #[serde(flatten)]
    pub surroundings: Surroundings,
    /// What is computed with.
    pub rung: Rung,
    /// How long the proof took, all threads at once, in milliseconds.
    pub proved_ms: u64,
    /// What was tried before, and what it did.
    pub passed_over: Vec<PassedOver>,
}

/// A way to compute that failed its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// Which.
    pub rung: Rung,
    /// What it did.
    pub why: String,
}

impl Choice {
    /// In one line, for people.
    pub fn line(&self) -> String {
        let threads = if self.surroundings.threads == 1 { "thread" } else { "threads" };
        let mut line = format!(
            "computes with {} on {} {threads} ({}), proved in {:.1} s",
            self.rung.name(),
            self.surroundings.threads,
            self.surroundings.processor,
            self.proved_ms as f64 / 1000.0,
        );
        for passed in &self.passed_over {
            line += &format!("; not with {}: {}", passed.rung.name(), passed.why);
        }
        line
    }
}

/// What was proved, as the file beside the model says; nothing where it cannot be read.
pub(super) fn kept(model: &Path) -> Vec<Choice> {
    let text = fs::read(file(model)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Keeps a choice, instead of one for the same surroundings.
///
/// # Errors
/// [`io::Error`] where the folder cannot be written.
pub(super) fn keep(model: &Path, choice: &Choice) -> io::Result<()> {
    let mut all = kept(model);
    all.retain(|other| other.surroundings != choice.surroundings);
    all.insert(0, choice.clone());
    all.truncate(MOST);
    let file = file(model);
    // Processes that prove at the same time each write a file of their own; the last one stays.
    let fresh = file.with_extension(format!("{}.tmp", std::process::id()));
    let written = fs::write(&fresh, serde_json::to_vec_pretty(&all)?).and_then(|()| fs::rename(&fresh, &file));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written
}

fn file(model: &Path) -> PathBuf {
    model.join(FILE)
}

/// The processor, as Linux describes the first of its cores.
pub(super) fn processor() -> String {
    described(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default())
}

fn described(cpuinfo: &str) -> String {
    let field = |name: &str| {
        let value = cpuinfo.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim())
        });
        value.unwrap_or("?")
    };
    let abilities = hex(&Sha256::digest(field("flags").as_bytes())[..4]);
    format!(
        "{}, {} family {} model {} stepping {}, abilities {abilities}",
        field("model name"),
        field("vendor_id"),
        field("cpu family"),
        field("model"),
        field("stepping"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(threads: usize, rung: Rung) -> Choice {
        let surroundings = Surroundings {
            processor: "p".into(),
            library: "l".into(),
            weights: "w".into(),
            threads,
            batch: 1,
            earmark: "0".into(),
        };
        let passed_over = vec![PassedOver { rung: Rung::Mkl, why: "it crashed".into() }];
        Choice { surroundings, rung, proved_ms: 1234, passed_over }
    }

    #[test]
    fn one_choice_is_kept_for_each_surroundings() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(kept(folder.path()), []);
        keep(folder.path(), &choice(1, Rung::Mkl)).unwrap();
        keep(folder.path(), &choice(2, Rung::OneDnn)).unwrap();
        keep(folder.path(), &choice(1, Rung::Plain)).unwrap();
        assert_eq!(kept(folder.path()), [choice(1, Rung::Plain), choice(2, Rung::OneDnn)]);
        for threads in 0..100 {
            keep(folder.path(), &choice(threads, Rung::Mkl)).unwrap();
        }
        assert_eq!(kept(folder.path()).len(), MOST);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::write(file(folder.path()), "{").unwrap();
        assert_eq!(kept(folder.path()), []);
        assert!(keep(&folder.path().join("none"), &choice(1, Rung::Mkl)).is_err());
    }

    #[test]
    fn a_choice_says_in_one_line_what_was_tried() {
        assert_eq!(
            choice(2, Rung::OneDnn).line(),
            "computes with int8 oneDNN on 2 threads (p), proved in 1.2 s; not with int8 MKL: it crashed"
        );
    }

    #[test]
    fn a_processor_is_another_one_when_it_can_do_something_else() {
        let cpuinfo = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 167\nmodel name\t: A\n\
                       stepping\t: 1\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nflags\t\t: other\n";
        let described_as = described(cpuinfo);
        assert!(
            described_as.starts_with("A, GenuineIntel family 6 model 167 stepping 1, abilities "),
            "{described_as}"
        );
        assert_eq!(described(&cpuinfo.replace("other", "more")), described_as);
        assert_ne!(described(&cpuinfo.replace("avx2", "avx2 amx_int8")), described_as);
        assert!(described("").starts_with("?, ? family"));
    }
}
