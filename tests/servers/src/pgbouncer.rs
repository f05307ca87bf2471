//! pgBouncer before a PostgreSQL of the test's own, with its defaults but for what it cannot do without.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::bound::{LastWord, bound, start};
use crate::postgres::{PostgresServer, as_other_user, other_user};
use crate::{on_a_free_port, until_it_says};

/// What it says on standard error when it can be asked.
const READY: &str = "process up";
/// Where Debian puts it, off the PATH of most.
const DEBIAN: &str = "/usr/sbin/pgbouncer";

/// A running `pgbouncer`.
#[derive(Debug)]
pub struct PgBouncer {
    _folder: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl PgBouncer {
    /// Starts one before `server`; `settings` are lines for its file beside the defaults, such as `pool_mode = session`.
    pub fn start(server: &PostgresServer, settings: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("pgbouncer-").tempdir().unwrap();
        let (file, users) = (folder.path().join("pgbouncer.ini"), folder.path().join("users.txt"));
        std::fs::write(&users, "\"earmark\" \"\"\n").unwrap();
        let (port, child) = on_a_free_port("pgbouncer", |port| {
            let text = format!(
                "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\n{}\n",
                server.port(),
                users.display(),
                settings.join("\n")
            );
            std::fs::write(&file, text).unwrap();
            if let Some((uid, gid)) = other_user() {
                for path in [folder.path(), &file, &users] {
                    chown(path, Some(uid), Some(gid)).unwrap();
                }
            }
            spawn(&file).map(|child| (port, child))
        });
        Self { _folder: folder, port, child }
    }

    /// The URL of the database that is there from the start, through it.
    pub fn url(&self) -> String {
        format!("postgres://earmark@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(file: &Path) -> Result<Child, String> {
    // It refuses to run as root.
    let mut command = as_other_user(bound(program(), LastWord::Kill));
    command.arg(file).current_dir("/").stderr(Stdio::piped()).stdout(Stdio::null());
    let mut child = start(command).expect("pgbouncer is installed: make setup");
    let output = child.stderr.take().unwrap();
    until_it_says(READY, child, output)
}

fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("pgbouncer")).find(|program| program.is_file());
    on_path.unwrap_or_else(|| DEBIAN.into())
}
