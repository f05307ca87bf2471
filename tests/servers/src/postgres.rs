//! A PostgreSQL cluster of the test's own: made for it, without the safety that a power cut would ask for. What was
//! committed outlives the server all the same.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::bound::{LastWord, bound, start};
use crate::{on_a_free_port, until, until_it_says};

/// What the server says on standard error when it can be asked.
const READY: &str = "database system is ready to accept connections";
/// A server refuses to run as root; this is the user that Debian's package makes.
const SERVICE_USER: &str = "postgres";
/// The file of what it says, beside its data.
const LOG: &str = "log";

/// A running `postgres` from the PATH or from where Debian puts it.
#[derive(Debug)]
pub struct PostgresServer {
    folder: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
    child: Child,
}

impl PostgresServer {
    /// Makes a cluster, starts it and waits until it can be asked.
    pub fn start() -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new().prefix("postgres-").tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        if let Some((uid, gid)) = other_user() {
            chown(folder.path(), Some(uid), Some(gid)).unwrap();
        }
        let data = folder.path().join("data");
        let made = as_other_user(Command::new(programs.join("initdb")))
            .args([
                "--no-sync",
                "--no-instructions",
                "--auth=trust",
                "--username=earmark",
                "--encoding=UTF8",
                "--locale=C",
                "-D",
            ])
            .arg(&data)
            .current_dir(folder.path())
            .output()
            .expect("initdb is installed: make setup");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let log = folder.path().join(LOG);
        let (port, child) =
            on_a_free_port("postgres", |port| spawn(&programs, &data, &log, port).map(|child| (port, child)));
        Self { folder, programs, port, child }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database that is there from the start.
    pub fn url(&self) -> String {
        format!("postgres://earmark@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops it as a failing machine would: connections break, nothing is written any more.
    pub fn stop(&mut self) {
        let pid = self.child.id().to_string();
        // SIGQUIT is its immediate shutdown; SIGKILL would leave its children alone.
        assert!(Command::new("kill").args(["-QUIT", &pid]).status().unwrap().success());
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port, with all that was committed.
    pub fn start_again(&mut self) {
        let (data, log) = (self.folder.path().join("data"), self.folder.path().join(LOG));
        // A client that looks for the server may have its port as its own for a moment.
        self.child = until("a PostgreSQL on its old port", || spawn(&self.programs, &data, &log, self.port).ok());
    }

    /// All that it has said since it was made, over all its starts.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.path().join(LOG)).unwrap()).into_owned()
    }

    /// Gives `folder` to the user that the server runs as: for a tablespace.
    pub fn own(&self, folder: &Path) {
        if let Some((uid, gid)) = other_user() {
            chown(folder, Some(uid), Some(gid)).unwrap();
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // It may have been stopped by the test.
        if let Ok(None) = self.child.try_wait() {
            self.stop();
        }
    }
}

/// The server once it can be asked; what it said when it ended before.
fn spawn(programs: &Path, data: &Path, log: &Path, port: u16) -> Result<Child, String> {
    // Told to quit it takes its children along.
    let mut command = as_other_user(bound(programs.join("postgres"), LastWord::Quit));
    command.arg("-D").arg(data).args(["-h", "127.0.0.1", "-k", "", "-p"]).arg(port.to_string());
    for setting in ["fsync=off", "full_page_writes=off", "max_connections=200"] {
        command.args(["-c", setting]);
    }
    command.current_dir("/").stderr(Stdio::piped()).stdout(Stdio::null());
    let mut child = start(command).unwrap();
    let log = File::options().create(true).append(true).open(log).unwrap();
    let output = Kept { output: child.stderr.take().unwrap(), log };
    until_it_says(READY, child, output)
}

/// What is read, and kept in a file as it is.
struct Kept<R> {
    output: R,
    log: File,
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.output.read(bytes)?;
        self.log.write_all(&bytes[..read])?;
        Ok(read)
    }
}

/// The folder of `postgres` and `initdb`.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path)
        .find(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file());
    let debian = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        versions.flatten().map(|version| version.path().join("bin")).filter(|bin| bin.join("postgres").is_file()).max()
    };
    on_path.or_else(debian).expect("PostgreSQL is installed: make setup")
}

/// Who runs the server when the test is run by root.
pub(crate) fn other_user() -> Option<(u32, u32)> {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|ours| std::os::unix::fs::MetadataExt::uid(&ours) == 0);
    if !is_root {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.split(':').next() == Some(SERVICE_USER));
    let mut fields = line.expect("PostgreSQL is installed: make setup").split(':').skip(2);
    let mut id = || fields.next().unwrap().parse().unwrap();
    Some((id(), id()))
}

pub(crate) fn as_other_user(mut command: Command) -> Command {
    if let Some((uid, gid)) = other_user() {
        command.uid(uid).gid(gid);
    }
    command
}
