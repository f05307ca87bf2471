//! What a process has started.

use std::fs;

use rustix::process::Pid;

/// Children of process `pid` that run still, of all its threads.
pub fn children(pid: u32) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    threads
        .flat_map(|thread| {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            children.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<i32>>()
        })
        .filter(|pid| {
            // Behind the name in brackets: `Z` for one that is dead and not waited for yet.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
        })
        .filter_map(Pid::from_raw)
        .collect()
}
