//! The process: a model is loaded, then batches come in and texts go out over the socket that is its standard input,
//! until whoever started it is gone.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufReader};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use earmark_asr::local::wire::{Answer, Clip, read_question, write_answer};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getpid, kill_process, set_dumpable_behavior, setrlimit,
};

use crate::model::Model;
use crate::recognise::Recogniser;

/// Address space that threads, stacks and the libraries take without using it.
const UNUSED_BYTES: u64 = 4 << 30;
/// Where memory is short the kernel ends this process rather than the one that started it.
const EXPENDABLE: &str = "800";

/// What the program is told: `MODEL THREADS BEAM int8|float32 MEMORY_BYTES`.
struct Arguments {
    model: PathBuf,
    threads: usize,
    beam: usize,
    is_float: bool,
    memory_bytes: u64,
}

/// A batch on its way to the thread that works on it.
type Batch = (u64, Vec<Clip>);

/// Serves whoever started it, until that is gone. Never for people: its standard input is a socket.
pub fn serve(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let Some(arguments) = Arguments::read(arguments) else {
        return refuse("earmark starts this program by itself: MODEL THREADS BEAM int8|float32 MEMORY_BYTES");
    };
    let socket = match io::stdin().as_fd().try_clone_to_owned() {
        Ok(socket) => UnixStream::from(socket),
        Err(error) => return refuse(&format!("standard input: {error}")),
    };
    limit(arguments.memory_bytes);
    let Ok(questions) = socket.try_clone() else { return refuse("standard input is no socket") };
    let answers = Arc::new(Mutex::new(socket));
    let threads: Arc<OnceLock<Vec<Sender<Batch>>>> = Arc::default();
    // Beside it the socket is read, so that loading ends too when whoever started it is gone.
    let loading = Arc::clone(&threads);
    std::thread::spawn(move || {
        if catch_unwind(AssertUnwindSafe(|| load(&arguments, &loading, &answers))).is_err() {
            give_up("it panicked while it loaded");
        }
    });
    let mut questions = BufReader::new(questions);
    loop {
        match read_question(&mut questions) {
            Ok(Some((batch, thread, clips))) => {
                let thread = threads.get().and_then(|threads| threads.get(thread));
                if thread.is_none_or(|thread| thread.send((batch, clips)).is_err()) {
                    give_up("a question for a thread that is not there");
                }
            }
            // From another version: no use going on.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => give_up(&error.to_string()),
            // Whoever started it is gone. Nobody waits for what is being computed, and no destructor of the library is to
            // run beside it.
            Ok(None) | Err(_) => {
                let _ = kill_process(getpid(), Signal::KILL);
                return ExitCode::SUCCESS;
            }
        }
    }
}

/// Loads the model and says so, or why not. Threads wait for questions before it does.
fn load(arguments: &Arguments, threads: &OnceLock<Vec<Sender<Batch>>>, answers: &Arc<Mutex<UnixStream>>) {
    let models = match Model::load(&arguments.model, arguments.threads, arguments.is_float) {
        Ok(models) => models,
        // Whoever started it ends it now.
        Err(detail) => return say(answers, &Answer::NotLoaded { detail }),
    };
    let languages = models.first().map(|model| model.vocabulary.languages().to_vec()).unwrap_or_default();
    let start = |model| {
        let (sender, batches) = channel();
        let (recogniser, answers) = (Recogniser::new(model, arguments.beam), Arc::clone(answers));
        std::thread::spawn(move || work(&recogniser, &batches, &answers));
        sender
    };
    // Loaded once.
    let _ = threads.set(models.into_iter().map(start).collect());
    say(answers, &Answer::Ready { library: library(), languages });
}

fn work(recogniser: &Recogniser, batches: &Receiver<Batch>, answers: &Mutex<UnixStream>) {
    while let Ok((batch, clips)) = batches.recv() {
        // A panic costs the clip that it is about, neither the thread nor those beside it. What `recognise` captures is not
        // changed by it.
        let hear = |clips: &[Clip]| catch_unwind(AssertUnwindSafe(|| recogniser.recognise(clips)));
        let alone = |clip| hear(std::slice::from_ref(clip)).unwrap_or_else(|_| vec![Err("it panicked".into())]);
        let texts = hear(&clips).unwrap_or_else(|_| clips.iter().flat_map(alone).collect());
        say(answers, &Answer::Heard { batch, texts });
    }
}

/// Whoever does not listen is gone, which ends the process by itself.
fn say(answers: &Mutex<UnixStream>, answer: &Answer) {
    let _ = write_answer(&*lock(answers), answer);
}

fn lock(answers: &Mutex<UnixStream>) -> std::sync::MutexGuard<'_, UnixStream> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// No more memory than is allowed, no image of it on disk or in a pipe when it crashes (it holds what people said), first
/// to go where the machine has none left. What cannot be set is watched from outside all the same.
fn limit(memory_bytes: u64) {
    let limit = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    let _ = setrlimit(Resource::Data, limit(memory_bytes.saturating_add(UNUSED_BYTES)));
    let _ = fs::write("/proc/self/oom_score_adj", EXPENDABLE);
    // From here on its files under /proc belong to root. A limit of 0 alone would hold for files, not for pipes.
    let _ = setrlimit(Resource::Core, limit(0));
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// The library that was loaded: path, size, time of change.
fn library() -> String {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let path =
        maps.lines().find_map(|line| line.split_whitespace().nth(5).filter(|path| path.contains("libctranslate2")));
    let Some(path) = path else { return "unknown".into() };
    let (bytes, changed) = fs::metadata(path).map_or((0, 0), |file| (file.len(), file.mtime()));
    format!("{path}, {bytes} bytes, changed {changed}")
}

#[expect(clippy::print_stderr, reason = "for whoever starts it by hand")]
fn refuse(why: &str) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::from(2)
}

/// Ends the process as a fault of its own.
#[expect(clippy::print_stderr, reason = "whoever started it keeps the last line")]
fn give_up(why: &str) -> ! {
    eprintln!("{why}");
    std::process::abort()
}

impl Arguments {
    fn read(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let model = arguments.next()?.into();
        let mut text = || arguments.next()?.into_string().ok();
        let (threads, beam) = (text()?.parse().ok()?, text()?.parse().ok()?);
        let is_float = match text()?.as_str() {
            "float32" => true,
            "int8" => false,
            _ => return None,
        };
        let memory_bytes = text()?.parse().ok()?;
        let is_whole = arguments.next().is_none() && threads > 0 && beam > 0;
        is_whole.then_some(Self { model, threads, beam, is_float, memory_bytes })
    }
}
