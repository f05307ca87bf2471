//! Files that others name: in the folders that are set up for them, whatever links say, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use earmark_core::{Failure, RecordingUri};
use earmark_objects::{FetchError, FetchLimits, Fetched, FileRoots, RecordingStore as _, Recordings, S3, S3Options};

const SOUND: &[u8] = b"the bytes of a recording";
const SAME: &str = "there is no file at PATH on the worker's own disk that may be asked for";
const SECRET: &[u8] = b"somebody else's password";

/// A folder `calls` that is a root, and a file beside it that is nobody's business.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("calls/2026")).unwrap();
        std::fs::write(folder.path().join("calls/2026/a.wav"), SOUND).unwrap();
        std::fs::write(folder.path().join("secret.txt"), SECRET).unwrap();
        Self { folder }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn roots(&self) -> FileRoots {
        FileRoots::new([self.at("calls")])
    }

    async fn fetch(&self, roots: FileRoots, path: &Path) -> Result<Fetched, FetchError> {
        let limits = FetchLimits { is_confined: true, ..FetchLimits::default() };
        let store = Recordings::new(S3::new(S3Options::default())).within(roots);
        let uri = RecordingUri::from(path.to_string_lossy().into_owned());
        store.fetch(&uri.address().unwrap(), &self.at("temp"), &limits).await
    }

    async fn code(&self, path: &str) -> (&'static str, String) {
        let error = self.fetch(self.roots(), &self.at(path)).await.unwrap_err();
        (error.code(), error.problem().message)
    }
}

#[tokio::test]
async fn a_file_in_a_root_is_copied_and_named_and_versioned_as_where_it_lies() {
    let disk = Disk::new();
    let path = disk.at("calls/2026/a.wav");
    let fetched = disk.fetch(disk.roots(), &path).await.unwrap();
    assert_eq!(std::fs::read(fetched.path()).unwrap(), SOUND);
    assert_ne!(fetched.path(), path);
    assert_eq!(fetched.name, "a.wav");
    let version = earmark_objects::known_version(&RecordingUri::from(path.to_string_lossy().into_owned()));
    assert_eq!(fetched.version, version);
    assert!(version.is_some());
}

#[tokio::test]
async fn a_link_counts_as_what_it_leads_to() {
    let disk = Disk::new();
    symlink(disk.at("calls/2026"), disk.at("calls/latest")).unwrap();
    symlink(disk.at("calls"), disk.at("elsewhere")).unwrap();
    for path in ["calls/latest/a.wav", "elsewhere/2026/a.wav", "calls/2026/../2026/a.wav"] {
        let fetched = disk.fetch(disk.roots(), &disk.at(path)).await.unwrap();
        assert_eq!(std::fs::read(fetched.path()).unwrap(), SOUND, "{path}");
    }
    let by_link = FileRoots::new([disk.at("elsewhere")]);
    disk.fetch(by_link, &disk.at("calls/2026/a.wav")).await.unwrap();
}

#[tokio::test]
async fn what_lies_outside_is_refused_in_the_same_words_whether_it_is_there_or_not() {
    let disk = Disk::new();
    symlink(disk.at("secret.txt"), disk.at("calls/out.wav")).unwrap();
    symlink(disk.at("no such file"), disk.at("calls/nowhere.wav")).unwrap();
    symlink(disk.folder.path(), disk.at("calls/up")).unwrap();
    std::fs::create_dir(disk.at("calls-of-others")).unwrap();
    std::fs::write(disk.at("calls-of-others/a.wav"), SOUND).unwrap();
    for path in [
        "secret.txt",
        "missing.txt",
        "",
        "calls/out.wav",
        "calls/nowhere.wav",
        "calls/up/secret.txt",
        "calls/up/missing.txt",
        "calls/../secret.txt",
        "calls-of-others/a.wav",
        "calls-of-others/b.wav",
    ] {
        let (code, message) = disk.code(path).await;
        assert_eq!(code, "fetch.file_root", "{path}");
        let place = disk.at(path).display().to_string();
        let words = "on the worker's own disk that may be asked for";
        assert_eq!(message, format!("there is no file at {place} {words}"), "{path}");
    }
}

#[tokio::test]
async fn without_a_root_no_file_may_be_named() {
    let disk = Disk::new();
    let path = disk.at("calls/2026/a.wav");
    for roots in [FileRoots::default(), FileRoots::new([disk.at("no such folder")])] {
        assert!(!roots.hold(&path));
        assert_eq!(disk.fetch(roots, &path).await.unwrap_err().code(), "fetch.file_root");
    }
}

#[tokio::test]
async fn in_a_root_what_is_no_file_is_called_the_same_whether_it_is_there_or_not() {
    let disk = Disk::new();
    std::fs::write(disk.at("calls/empty.wav"), b"").unwrap();
    let pipe = disk.at("calls/pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    std::fs::write(disk.at("calls/closed.wav"), SECRET).unwrap();
    std::fs::set_permissions(disk.at("calls/closed.wav"), std::fs::Permissions::from_mode(0o000)).unwrap();
    let mut paths = vec!["calls/missing.wav", "calls/missing/a.wav", "calls/2026", "calls/pipe"];
    // Nothing is closed to root.
    if std::fs::read(disk.at("calls/closed.wav")).is_err() {
        paths.push("calls/closed.wav");
    }
    for path in paths {
        let (code, message) = disk.code(path).await;
        let place = disk.at(path).display().to_string();
        assert_eq!((code, message.replace(&place, "PATH")), ("fetch.file_root", SAME.to_owned()), "{path}");
    }
    assert_eq!(disk.code("calls/empty.wav").await.0, "fetch.empty");
}

#[tokio::test]
async fn what_the_kernel_makes_up_is_no_recording_even_where_every_file_may_be_named() {
    let disk = Disk::new();
    let everywhere = || FileRoots::new([PathBuf::from("/")]);
    for path in ["/dev/null", "/dev/zero", "/proc/self/environ", "/proc/self/mem"] {
        let error = disk.fetch(everywhere(), Path::new(path)).await.unwrap_err();
        assert!(matches!(error.code(), "fetch.file_root" | "fetch.empty"), "{path}: {error}");
    }
    disk.fetch(everywhere(), &disk.at("secret.txt")).await.unwrap();
}

#[test]
fn a_door_lets_pass_what_will_lie_in_a_root_and_nothing_that_a_link_leads_out_of_it() {
    let disk = Disk::new();
    symlink(disk.folder.path(), disk.at("calls/up")).unwrap();
    symlink(disk.at("secret-to-come"), disk.at("calls/soon")).unwrap();
    let roots = disk.roots();
    for (path, is_held) in [
        ("calls/2026/a.wav", true),
        ("calls/2027/01/a.wav", true),
        ("calls", true),
        ("calls/up/a.wav", false),
        ("calls/soon", false),
        ("calls/soon/a.wav", false),
        ("secret.txt", false),
        ("calls2/a.wav", false),
    ] {
        assert_eq!(roots.hold(&disk.at(path)), is_held, "{path}");
    }
}
