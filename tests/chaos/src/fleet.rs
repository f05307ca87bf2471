//! The worker processes: started, killed, stopped, ended.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use earmark_servers::{LastWord, bound};
use rustix::process::{Pid, Signal, kill_process};

/// How long workers may take to end in good order.
const END: Duration = Duration::from_secs(60);

/// The program with a run's settings, and its worker processes.
pub struct Fleet {
    program: PathBuf,
    folder: PathBuf,
    settings: Vec<(&'static str, String)>,
    workers: Vec<Worker>,
    /// Stopped workers, the first that was stopped first.
    stopped: Vec<u32>,
    /// Processes started so far.
    pub started: usize,
    /// Workers that ended by themselves, with how.
    pub fallen: Vec<String>,
}

struct Worker {
    child: Child,
    is_stopped: bool,
    /// By us; whoever did it starts it again.
    is_killed: bool,
}

impl Fleet {
    /// No worker yet.
    pub fn new(program: &Path, folder: &Path, settings: Vec<(&'static str, String)>) -> Self {
        Self {
            program: program.into(),
            folder: folder.into(),
            settings,
            workers: Vec::new(),
            stopped: Vec::new(),
            started: 0,
            fallen: Vec::new(),
        }
    }

    /// The program with the run's settings and no others. It ends with whoever starts it.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = bound(&self.program, LastWord::Kill);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("EARMARK") || name.starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command.args(args).envs(self.settings.iter().map(|(name, value)| (*name, value.as_str())));
        command.env("EARMARK__WORKER__TEMP_DIR", self.folder.join("temp")).stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub async fn ran(&self, args: &[&str]) -> Output {
        let mut command = self.command(args);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Starts workers until there are `count`, and in place of those that ended by themselves.
    pub fn fill(&mut self, count: usize) {
        for at in 0..count {
            if let Some(worker) = self.workers.get_mut(at) {
                if worker.is_killed {
                    continue;
                }
                let Some(status) = worker.child.try_wait().unwrap() else { continue };
                self.fallen.push(status.to_string());
                self.workers[at] = self.start(at);
            } else {
                let worker = self.start(at);
                self.workers.push(worker);
            }
        }
    }

    fn start(&mut self, at: usize) -> Worker {
        self.started += 1;
        let said = self.folder.join(format!("worker-{at}.log"));
        let said = OpenOptions::new().create(true).append(true).open(said).unwrap();
        let mut command = self.command(&["work"]);
        command.stdout(Stdio::null()).stderr(said);
        let child = earmark_servers::start(command).unwrap();
        Worker { child, is_stopped: false, is_killed: false }
    }

    /// Kills a worker that is not stopped, the first from `which` on; its process id, and none when there is none.
    pub fn kill(&mut self, which: usize) -> Option<u32> {
        let at = self.running_from(which)?;
        let worker = &mut self.workers[at];
        worker.is_killed = true;
        let pid = worker.child.id();
        worker.child.kill().unwrap();
        worker.child.wait().unwrap();
        Some(pid)
    }

    /// Kills the engine of a worker that is not stopped, the first from `which` on; how many, for it may have none.
    pub fn kill_engine(&mut self, which: usize) -> usize {
        let Some(at) = self.running_from(which) else { return 0 };
        let engines = earmark_servers::children(self.workers[at].child.id());
        // One may have ended by itself.
        engines.into_iter().filter(|engine| kill_process(*engine, Signal::KILL).is_ok()).count()
    }

    /// Starts the one again that was killed as `pid`.
    pub fn start_again(&mut self, pid: u32) {
        if let Some(at) = self.workers.iter().position(|worker| worker.child.id() == pid) {
            self.workers[at] = self.start(at);
        }
    }

    /// Stops a worker that is not stopped, the first from `which` on.
    pub fn stop(&mut self, which: usize) {
        let Some(at) = self.running_from(which) else { return };
        let worker = &mut self.workers[at];
        kill_process(Pid::from_child(&worker.child), Signal::STOP).unwrap();
        worker.is_stopped = true;
        self.stopped.push(worker.child.id());
    }

    /// Lets the one go on that was stopped first.
    pub fn go_on(&mut self) {
        if self.stopped.is_empty() {
            return;
        }
        let pid = self.stopped.remove(0);
        if let Some(worker) = self.workers.iter_mut().find(|worker| worker.child.id() == pid) {
            kill_process(Pid::from_child(&worker.child), Signal::CONT).unwrap();
            worker.is_stopped = false;
        }
    }

    fn running_from(&self, which: usize) -> Option<usize> {
        let count = self.workers.len();
        (0..count).map(|step| (which + step) % count).find(|at| !self.workers[*at].is_stopped)
    }

    /// Ends all workers in good order; how many had to be killed for it.
    pub async fn end(&mut self) -> usize {
        while !self.stopped.is_empty() {
            self.go_on();
        }
        for worker in &self.workers {
            // It may have ended by itself.
            let _ = kill_process(Pid::from_child(&worker.child), Signal::TERM);
        }
        let mut killed = 0;
        let until = tokio::time::Instant::now() + END;
        for mut worker in self.workers.drain(..) {
            while worker.child.try_wait().unwrap().is_none() {
                if tokio::time::Instant::now() > until {
                    killed += 1;
                    let _ = worker.child.kill();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        killed
    }
}

impl Drop for Fleet {
    /// A run that fails leaves nothing running.
    fn drop(&mut self) {
        for worker in &mut self.workers {
            let _ = worker.child.kill();
            let _ = worker.child.wait();
        }
    }
}
