//! Waits of tests: none is for ever, and each says what it was for.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// How long a test waits for what must come. Far more than it takes on a busy machine, and less than the runner gives a
/// test (`.config/nextest.toml`): who waited says what for.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// The output of `work`.
///
/// # Panics
/// When that takes longer than [`PATIENCE`]; `what` is named.
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(output) => output,
        Err(_) => panic!("waited {} s for {what}", PATIENCE.as_secs()),
    }
}

/// Looks again and again until there is something; whoever looks takes the time that asking takes.
///
/// # Panics
/// When that takes longer than [`PATIENCE`]; `what` is named.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {} s for {what}", PATIENCE.as_secs());
    }
}

/// How `child`, of which `what` tells, ended, once it has.
///
/// # Panics
/// When that takes longer than [`PATIENCE`].
pub fn end_of(what: &str, child: &mut Child) -> ExitStatus {
    if let Some(status) = child.try_wait().unwrap() {
        return status;
    }
    assert!(ends_within(PATIENCE, Pid::from_child(child)), "waited {} s for the end of {what}", PATIENCE.as_secs());
    child.wait().unwrap()
}

/// Whether process `pid`, which need not be a child, is gone within `time`.
pub fn ends_within(time: Duration, pid: Pid) -> bool {
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(Errno::SRCH) => return true,
        Err(error) => panic!("cannot watch process {pid:?}: {error}"),
    };
    let until = Instant::now() + time;
    loop {
        let left = Timespec::try_from(until.saturating_duration_since(Instant::now())).unwrap();
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left)) {
            Ok(ended) => return ended > 0,
            Err(Errno::INTR) => {}
            Err(error) => panic!("cannot wait for process {pid:?}: {error}"),
        }
    }
}
