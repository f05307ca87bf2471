//! The program while it runs beside a test: waits end when it does, and a test that fails shows what it said.

#![allow(clippy::print_stderr, reason = "what a program said belongs to the test that fails")]

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use earmark_servers::PATIENCE;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::sync::watch;

/// Lines that are kept of what it says.
const TAIL: usize = 40;

/// A program that runs. It ends with the test, in any case.
pub struct Running {
    pub child: Child,
    /// What it says on standard error, from the first line that nobody has taken yet.
    pub said: mpsc::Receiver<String>,
    tail: Arc<Mutex<VecDeque<String>>>,
    /// True once it says nothing more.
    is_silent: watch::Receiver<bool>,
}

impl Running {
    /// Starts `command`.
    pub fn start(mut command: Command) -> Self {
        command.stderr(Stdio::piped());
        let mut child = earmark_servers::start(command).unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let (say, said) = channel();
        let (end, is_silent) = watch::channel(false);
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let kept = tail.clone();
        // Its messages are read to the end, so that it never waits for a reader.
        std::thread::spawn(move || {
            for line in lines {
                let mut kept = kept.lock().unwrap();
                if kept.len() == TAIL {
                    kept.pop_front();
                }
                kept.push_back(line.clone());
                drop(kept);
                let _ = say.send(line);
            }
            end.send_replace(true);
        });
        Self { child, said, tail, is_silent }
    }

    /// Its next line that begins with `start`, without that.
    pub fn says(&self, start: &str) -> String {
        self.next_line(start, |line| line.strip_prefix(start).map(str::to_owned))
    }

    /// Its next line with `part` in it.
    pub fn says_with(&self, part: &str) -> String {
        self.next_line(part, |line| line.contains(part).then(|| line.to_owned()))
    }

    fn next_line(&self, what: &str, wanted: impl Fn(&str) -> Option<String>) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.said.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(found) = wanted(&line) {
                        return found;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!(
                        "{} before it said `{what}`; it said:\n{}",
                        self.end(WaitIdOptions::empty()),
                        self.last_words()
                    )
                }
                Err(RecvTimeoutError::Timeout) => panic!("waited {} s for `{what}`", PATIENCE.as_secs()),
            }
        }
    }

    /// Looks again and again until there is something, for as long as the program runs.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        earmark_servers::until(what, || {
            let found = look();
            if found.is_none() {
                self.assert_runs(what);
            }
            found
        })
    }

    /// The output of `work`, which needs the program to run.
    pub async fn meanwhile<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let mut is_silent = self.is_silent.clone();
        tokio::select! {
            biased;
            output = earmark_servers::within(what, work) => output,
            _ = is_silent.wait_for(|is_silent| *is_silent) => {
                panic!("{} while the test waited for {what}; it said:\n{}", self.end(WaitIdOptions::empty()), self.last_words())
            }
        }
    }

    /// Fails the test that waits for `what` if the program has ended.
    pub fn assert_runs(&self, what: &str) {
        let end = self.end(WaitIdOptions::NOHANG);
        assert!(end.is_empty(), "{end} while the test waited for {what}; it said:\n{}", self.last_words());
    }

    /// How it ended, in words, and left so that it can be asked again; nothing where it has not, and is not waited for.
    fn end(&self, how: WaitIdOptions) -> String {
        let id = WaitId::Pid(Pid::from_child(&self.child));
        let status = waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | how).unwrap();
        let Some(status) = status else { return String::new() };
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => format!("it ended with {code}"),
            (None, Some(signal)) => format!("it was ended by signal {signal}"),
            (None, None) => "it ended".into(),
        }
    }

    /// How it ended, once it has.
    pub fn wait(&mut self) -> ExitStatus {
        earmark_servers::end_of("the program", &mut self.child)
    }

    /// Tells it to stop: SIGTERM.
    pub fn signal(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Has it stop in good order.
    pub fn stop(mut self) {
        self.signal();
        let status = self.wait();
        assert!(status.success(), "it ended with {status}");
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn last_words(&self) -> String {
        let tail = self.tail.lock().unwrap();
        tail.iter().map(|line| format!("    {line}\n")).collect()
    }
}

impl Drop for Running {
    /// A test that fails leaves nothing running, and shows what it said.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("a program that ran beside the test had said:\n{}", self.last_words());
        }
    }
}
