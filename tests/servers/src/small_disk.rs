//! A disk that is soon full: a file system in memory with a bound of its own, which only root can mount.

use std::fs::{File, Permissions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// Mounts, says so, and unmounts when its input ends: with whoever holds the disk, however that ends.
const KEEPER: &str = r#"trap "" INT TERM
mount -t tmpfs -o "size=$2,mode=0777" tmpfs "$1" || exit 1
echo mounted
cat >/dev/null
umount -l "$1""#;
/// What takes the room that is left.
const BALLAST: &str = ".ballast";

/// A mounted disk; it goes with its value, and with the process.
#[derive(Debug)]
pub struct SmallDisk {
    folder: tempfile::TempDir,
    keeper: Child,
    held: Option<ChildStdin>,
}

impl SmallDisk {
    /// Mounts an empty disk of `bytes`, on which everybody may write.
    ///
    /// # Errors
    /// What `mount` says: it wants root.
    pub fn mount(bytes: u64) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("small-disk-").tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(folder.path()).arg(bytes.to_string());
        // It outlives whoever started it for as long as it unmounts: nobody waits for what it says by then.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut keeper = crate::start(command).unwrap();
        let held = keeper.stdin.take();
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let disk = Self { folder, keeper, held };
        if said.trim() == "mounted" { Ok(disk) } else { Err("`mount -t tmpfs` is refused: it wants root".into()) }
    }

    /// Where it is mounted.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.ballast()).unwrap();
        for size_bytes in [1 << 20, 1 << 12] {
            let zeros = vec![0; size_bytes];
            loop {
                match file.write_all(&zeros) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{}: {error}", self.ballast().display()),
                }
            }
        }
    }

    /// Gives the room back that was taken.
    pub fn make_room(&self) {
        let _ = std::fs::remove_file(self.ballast());
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join(BALLAST)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.held.take());
        let _ = self.keeper.wait();
    }
}
