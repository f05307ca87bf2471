//! One engine's process: started, asked, watched, ended.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use earmark_core::ClipText;

use super::backend::Backend;
use super::lock::locked;
use super::options::LocalOptions;
use super::termination::Termination;
use super::wire::{Answer, read_answer, write_question};
use crate::ClipRequest;

/// How often an engine at work is looked at.
const POLL: Duration = Duration::from_millis(250);
/// Variables that the engine gets from whoever starts it, besides its backend's: where programs and libraries are, and what
/// people tune the libraries with. Keys and passwords are none of its business.
const PASSED_ON: [&str; 9] =
    ["PATH", "LD_LIBRARY_PATH", "MALLOC_", "GLIBC_", "MKL_", "ONEDNN_", "DNNL_", "CT2_", "EARMARK_ENGINE_"];
/// Of what the engine says on its standard error, so much is kept for the message when it ends.
const KEPT_CHARACTERS: usize = 200;
/// A line of it that is longer counts as several.
const LONGEST_LINE_BYTES: u64 = 4096;
/// What it said may be read a little after its end is noticed.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// For each clip of a batch its text, or why there is none in the engine's words.
pub(super) type Texts = Vec<Result<ClipText, String>>;

/// An engine whose model is loaded. Dropping it ends it.
pub(super) struct Process {
    child: Mutex<Child>,
    pid: u32,
    /// For asking, one at a time.
    asking: Mutex<Asking>,
    shared: Arc<Shared>,
    /// Memory that it may take, in bytes.
    pub(super) memory_limit: u64,
    /// Set when the engine is not wanted any more, whatever it is at.
    closing: Arc<AtomicBool>,
    /// The weights that it loaded, by their fingerprint.
    pub(super) weights: String,
    /// As it said itself: the library and the languages.
    pub(super) library: String,
    pub(super) languages: Vec<String>,
}

struct Asking {
    socket: UnixStream,
    next_batch: u64,
}

/// What the thread that listens to the engine shares.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    said: Mutex<Said>,
    said_all: Condvar,
}

#[derive(Default)]
struct State {
    /// Who waits for which batch. Dropped when the engine is gone.
    waiting: HashMap<u64, Sender<Texts>>,
    is_gone: bool,
    /// Why it was ended, or what it said that nobody understands.
    ended_for: Option<Termination>,
}

/// What it said on its standard error.
#[derive(Default)]
struct Said {
    last_line: String,
    is_all: bool,
}

impl Shared {
    fn with_last_words(&self, mut what: String) -> String {
        let said = locked(&self.said);
        let whole = self.said_all.wait_timeout_while(said, LAST_WORDS, |said| !said.is_all);
        let (said, _) = whole.unwrap_or_else(PoisonError::into_inner);
        if !said.last_line.is_empty() {
            what += &format!("; the last it said was: {}", said.last_line);
        }
        what
    }
}

/// The engine's socket, which takes what is written little by little: not longer than the deadline, and not when the
/// engine is not wanted any more.
struct DeadlineWriter<'a> {
    socket: &'a UnixStream,
    began: Instant,
    deadline: Duration,
    closing: &'a AtomicBool,
}

impl Write for DeadlineWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.socket.write(bytes) {
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
                        && self.began.elapsed() < self.deadline
                        && !self.closing.load(Ordering::Acquire) => {}
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotStarted {
    /// It says itself that the model cannot be loaded: no other backend will do better.
    #[error("{0}")]
    Model(String),
    /// The program cannot be run.
    #[error("{0}")]
    Program(String),
    /// It ended while it loaded.
    #[error("{0}")]
    Ended(Termination),
}

impl Process {
    /// Starts the engine on `backend` and waits until its model is loaded, or `closing` is set: then, and from then on, it is
    /// ended whatever it is at.
    pub(super) fn start(
        options: &LocalOptions,
        backend: Backend,
        memory_limit: u64,
        weights: String,
        closing: &Arc<AtomicBool>,
    ) -> Result<Self, NotStarted> {
        if closing.load(Ordering::Acquire) {
            return Err(NotStarted::Ended(Termination::Shutdown));
        }
        let program = |error: io::Error| NotStarted::Program(format!("{}: {error}", options.program.display()));
        let (ours, theirs) = UnixStream::pair().map_err(program)?;
        let mut child = Command::new(&options.program)
            .arg0("earmark engine")
            .arg(&options.model_path)
            .args([options.threads.max(1).to_string(), options.beam.max(1).to_string()])
            .args([backend.arithmetic(), &memory_limit.to_string()])
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| is_passed_on(&name.to_string_lossy())))
            .envs(backend.environment().iter().copied())
            // Ctrl-C is for whoever started it, who may have a recording to finish.
            .process_group(0)
            // Asked and answered over one socket: the libraries print to standard output as they like.
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(program)?;
        let pid = child.id();
        let shared = Arc::new(Shared::default());
        let stderr = child.stderr.take();
        let mut started = Started { child: Some(child) };
        if let Some(stderr) = stderr {
            let shared = Arc::clone(&shared);
            named("asr-stderr", move || read_stderr(stderr, pid, &shared)).map_err(program)?;
        }
        let (said, first) = mpsc::channel();
        let (listening, reading) = (Arc::clone(&shared), ours.try_clone().map_err(program)?);
        named("asr-answers", move || read_answers(&reading, &listening, &said)).map_err(program)?;
        match first_word(&first, options.deadline, closing) {
            Ok(Answer::Ready { library, languages }) => {
                ours.set_write_timeout(Some(POLL)).map_err(program)?;
                let Some(child) = started.child.take() else { return Err(program(io::ErrorKind::NotFound.into())) };
                tracing::debug!(pid, backend = backend.name(), "started the built-in engine");
                let asking = Mutex::new(Asking { socket: ours, next_batch: 0 });
                let closing = Arc::clone(closing);
                let child = Mutex::new(child);
                Ok(Self { child, pid, asking, shared, memory_limit, closing, weights, library, languages })
            }
            Ok(Answer::NotLoaded { detail }) => Err(NotStarted::Model(detail)),
            Ok(Answer::Heard { .. }) => {
                Err(NotStarted::Ended(Termination::BadAnswer { what: "an answer to no question".into() }))
            }
            Err(RecvTimeoutError::Timeout) if closing.load(Ordering::Acquire) => {
                Err(NotStarted::Ended(Termination::Shutdown))
            }
            Err(RecvTimeoutError::Timeout) => Err(NotStarted::Ended(Termination::Hung { limit: options.deadline })),
            Err(RecvTimeoutError::Disconnected) => Err(match started.termination(&shared) {
                // By itself, before it computed anything: a library that is missing, a version that it does not know.
                termination @ Termination::Exited { .. } => {
                    NotStarted::Program(shared.with_last_words(termination.to_string()))
                }
                termination => NotStarted::Ended(termination),
            }),
        }
    }

    /// What is heard in a batch, from thread number `thread`. After an error the engine is gone.
    pub(super) fn ask(
        &self,
        thread: usize,
        requests: &[ClipRequest],
        deadline: Duration,
    ) -> Result<Texts, Termination> {
        let began = Instant::now();
        let (answer, answered) = mpsc::channel();
        {
            let mut asking = locked(&self.asking);
            let batch = asking.next_batch;
            asking.next_batch += 1;
            {
                let mut state = locked(&self.shared.state);
                if state.is_gone {
                    drop(state);
                    return Err(self.termination());
                }
                state.waiting.insert(batch, answer);
            }
            let to = DeadlineWriter { socket: &asking.socket, began, deadline, closing: &self.closing };
            if let Err(error) = write_question(to, batch, thread, requests) {
                return Err(match error.kind() {
                    _ if self.closing.load(Ordering::Acquire) => self.end_for(Termination::Shutdown),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                        self.end_for(Termination::Hung { limit: deadline })
                    }
                    _ => self.termination(),
                });
            }
        }
        loop {
            match answered.recv_timeout(POLL.min(deadline)) {
                Ok(texts) if texts.len() == requests.len() => return Ok(texts),
                Ok(texts) => {
                    let what = format!("{} texts for {} clips", texts.len(), requests.len());
                    return Err(self.end_for(Termination::BadAnswer { what }));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.termination()),
                Err(RecvTimeoutError::Timeout) if self.closing.load(Ordering::Acquire) => {
                    return Err(self.end_for(Termination::Shutdown));
                }
                Err(RecvTimeoutError::Timeout) => {
                    let used_bytes = self.memory_bytes();
                    if used_bytes > self.memory_limit {
                        return Err(
                            self.end_for(Termination::OverMemory { used_bytes, limit_bytes: self.memory_limit })
                        );
                    }
                    if began.elapsed() >= deadline {
                        return Err(self.end_for(Termination::Hung { limit: deadline }));
                    }
                }
            }
        }
    }

    /// Whether it is gone.
    pub(super) fn is_gone(&self) -> bool {
        locked(&self.shared.state).is_gone
    }

    /// Memory that it takes, in bytes; 0 when it is gone.
    pub(super) fn memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|size| size.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        kilobytes.unwrap_or_default() << 10
    }

    /// `what` became of an engine that is gone, and what it said last.
    pub(super) fn with_last_words(&self, what: String) -> String {
        self.shared.with_last_words(what)
    }

    /// Ends it, for a reason that is known; the first one is what all who asked are told.
    fn end_for(&self, termination: Termination) -> Termination {
        let mut state = locked(&self.shared.state);
        let termination = state.ended_for.get_or_insert(termination).clone();
        drop(state);
        self.end();
        termination
    }

    /// Why it is gone.
    fn termination(&self) -> Termination {
        let ended_for = locked(&self.shared.state).ended_for.clone();
        let mut child = locked(&self.child);
        match ended_for {
            Some(termination) => {
                end(&mut child);
                termination
            }
            None => {
                let termination = wait(&mut child);
                drop(child);
                // Whoever else asked is told the same.
                let mut state = locked(&self.shared.state);
                state.ended_for.get_or_insert(termination).clone()
            }
        }
    }

    fn end(&self) {
        end(&mut locked(&self.child));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A child that is ended where its start fails.
struct Started {
    child: Option<Child>,
}

impl Started {
    fn termination(&mut self, shared: &Shared) -> Termination {
        let ended_for = locked(&shared.state).ended_for.clone();
        match (ended_for, &mut self.child) {
            (Some(termination), _) => termination,
            (None, Some(child)) => wait(child),
            (None, None) => Termination::Exited { code: 0 },
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            end(child);
        }
    }
}

/// What the engine says first.
fn first_word(first: &Receiver<Answer>, deadline: Duration, closing: &AtomicBool) -> Result<Answer, RecvTimeoutError> {
    let began = Instant::now();
    loop {
        let left = deadline.saturating_sub(began.elapsed());
        match first.recv_timeout(POLL.min(left)) {
            Err(RecvTimeoutError::Timeout) if !left.is_zero() && !closing.load(Ordering::Acquire) => {}
            said => return said,
        }
    }
}

/// Ends a process that may be at anything, and waits until it is gone.
fn end(child: &mut Child) {
    // One that is gone already needs no signal.
    let _ = child.kill();
    let _ = child.wait();
}

/// How a process that has closed its socket ended; one that goes on all the same is ended.
fn wait(child: &mut Child) -> Termination {
    // The socket is closed while the system takes the process down; one that only closed it would never end.
    let began = Instant::now();
    while began.elapsed() < POLL * 20 {
        match child.try_wait() {
            Ok(Some(status)) => return Termination::of(status),
            Ok(None) => std::thread::park_timeout(Duration::from_millis(2)),
            Err(error) => return Termination::BadAnswer { what: error.to_string() },
        }
    }
    end(child);
    Termination::BadAnswer { what: "it closed its socket and went on".into() }
}

/// Hands the engine's answers to those who wait for them, until it is gone.
fn read_answers(socket: &UnixStream, shared: &Shared, first: &Sender<Answer>) {
    let mut socket = BufReader::new(socket);
    let mut nonsense = None;
    loop {
        match read_answer(&mut socket) {
            Ok(Some(Answer::Heard { batch, texts })) => {
                let waiting = locked(&shared.state).waiting.remove(&batch);
                match waiting {
                    // Whoever asked may have gone.
                    Some(waiting) => drop(waiting.send(texts)),
                    None => {
                        nonsense = Some(format!("an answer to batch {batch}, which nobody asked"));
                        break;
                    }
                }
            }
            Ok(Some(ready)) => drop(first.send(ready)),
            Ok(None) => break,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                nonsense = Some(error.to_string());
                break;
            }
            // Broken off by its end.
            Err(_) => break,
        }
    }
    let mut state = locked(&shared.state);
    state.is_gone = true;
    if let Some(what) = nonsense {
        state.ended_for.get_or_insert(Termination::BadAnswer { what });
    }
    state.waiting.clear();
}

/// Logs what the engine says on its standard error, and keeps its last line.
fn read_stderr(stderr: ChildStderr, pid: u32, shared: &Shared) {
    let mut stderr = BufReader::new(stderr);
    let mut bytes = Vec::new();
    while let Ok(1..) = stderr.by_ref().take(LONGEST_LINE_BYTES).read_until(b'\n', &mut bytes) {
        let line: String = String::from_utf8_lossy(&bytes)
            .chars()
            .map(|character| if character.is_control() { ' ' } else { character })
            .take(KEPT_CHARACTERS)
            .collect();
        if !line.trim().is_empty() {
            tracing::debug!(pid, "the built-in engine says: {line}");
            line.trim().clone_into(&mut locked(&shared.said).last_line);
        }
        bytes.clear();
    }
    locked(&shared.said).is_all = true;
    shared.said_all.notify_all();
}

fn is_passed_on(name: &str) -> bool {
    PASSED_ON.iter().any(|passed| if passed.ends_with('_') { name.starts_with(passed) } else { name == *passed })
}

fn named(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(work).map(drop)
}
