//! Which backend was proved where: kept in a file beside the model.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use earmark_core::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::backend::Backend;

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

/// A backend that was proved, and what became of those before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvedBackend {
    /// Where it was proved.
    #[serde(flatten)]
    pub surroundings: Surroundings,
    /// What is computed with; called a rung in the files that are there.
    #[serde(rename = "rung")]
    pub backend: Backend,
    /// How long the proof took, all threads at once, in milliseconds.
    pub proved_ms: u64,
    /// What was tried before, and what it did.
    pub passed_over: Vec<FailedBackend>,
}

/// A backend that failed its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedBackend {
    /// What was tried; called a rung in the files that are there.
    #[serde(rename = "rung")]
    pub backend: Backend,
    /// What it did.
    pub why: String,
}

impl ProvedBackend {
    /// In one line, for people.
    pub fn line(&self) -> String {
        let threads = if self.surroundings.threads == 1 { "thread" } else { "threads" };
        #[expect(clippy::as_conversions, reason = "for people, to a tenth of a second")]
        let proved_secs = self.proved_ms as f64 / 1000.0;
        let mut line = format!(
            "computes with {} on {} {threads} ({}), proved in {proved_secs:.1} s",
            self.backend.name(),
            self.surroundings.threads,
            self.surroundings.processor,
        );
        for passed in &self.passed_over {
            line += &format!("; not with {}: {}", passed.backend.name(), passed.why);
        }
        line
    }
}

/// What was proved, as the file beside the model says; nothing where it cannot be read.
pub(super) fn load(model: &Path) -> Vec<ProvedBackend> {
    let text = fs::read(file(model)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Keeps a proof, instead of one for the same surroundings.
///
/// # Errors
/// [`io::Error`] where the folder cannot be written.
pub(super) fn store(model: &Path, proved: &ProvedBackend) -> io::Result<()> {
    let mut all = load(model);
    all.retain(|other| other.surroundings != proved.surroundings);
    all.insert(0, proved.clone());
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

    fn proved(threads: usize, backend: Backend) -> ProvedBackend {
        let surroundings = Surroundings {
            processor: "p".into(),
            library: "l".into(),
            weights: "w".into(),
            threads,
            batch: 1,
            earmark: "0".into(),
        };
        let passed_over = vec![FailedBackend { backend: Backend::Mkl, why: "it crashed".into() }];
        ProvedBackend { surroundings, backend, proved_ms: 1234, passed_over }
    }

    #[test]
    fn one_proof_is_kept_for_each_surroundings() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path()), []);
        store(folder.path(), &proved(1, Backend::Mkl)).unwrap();
        store(folder.path(), &proved(2, Backend::OneDnn)).unwrap();
        store(folder.path(), &proved(1, Backend::Plain)).unwrap();
        assert_eq!(load(folder.path()), [proved(1, Backend::Plain), proved(2, Backend::OneDnn)]);
        for threads in 0..100 {
            store(folder.path(), &proved(threads, Backend::Mkl)).unwrap();
        }
        assert_eq!(load(folder.path()).len(), MOST);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::write(file(folder.path()), "{").unwrap();
        assert_eq!(load(folder.path()), []);
        assert!(store(&folder.path().join("none"), &proved(1, Backend::Mkl)).is_err());
    }

    #[test]
    fn a_file_that_was_written_before_is_still_read() {
        let folder = tempfile::tempdir().unwrap();
        let written = r#"[{"processor": "p", "library": "l", "weights": "w", "threads": 1, "batch": 1, "earmark": "0",
            "rung": "onednn", "proved_ms": 1234, "passed_over": [{"rung": "mkl", "why": "it crashed"}]}]"#;
        fs::write(file(folder.path()), written).unwrap();
        assert_eq!(load(folder.path()), [proved(1, Backend::OneDnn)]);
    }

    #[test]
    fn a_proof_says_in_one_line_what_was_tried() {
        assert_eq!(
            proved(2, Backend::OneDnn).line(),
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
