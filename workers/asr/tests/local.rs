//! The built-in engine's process as it is kept: crashes, hangs, leaks and nonsense, with a stand-in that does all of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use earmark_asr::{
    AsrError, ClipRequest, LanguageChoice, LocalEngine, LocalOptions, NotHearing, Sound, Transcriber, UploadFormat,
};
use earmark_core::{ClipText, Disposition, Failure};
use serde_json::{Value, json};

/// A stand-in with its own folder.
struct StandIn {
    folder: tempfile::TempDir,
}

impl StandIn {
    /// One that goes wrong as `own` says.
    fn new(mut own: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand_in.py");
        let program = folder.path().join("engine");
        fs::copy(source, &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        own["folder"] = json!(folder.path());
        fs::write(folder.path().join("engine.json"), own.to_string()).unwrap();
        let model = folder.path().join("model");
        fs::create_dir(&model).unwrap();
        for file in ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"] {
            fs::write(model.join(file), file).unwrap();
        }
        Self { folder }
    }

    fn options(&self) -> LocalOptions {
        LocalOptions {
            model_path: self.model(),
            deadline: Duration::from_secs(20),
            ..LocalOptions::new(self.folder.path().join("engine"))
        }
    }

    fn engine(&self) -> LocalEngine {
        LocalEngine::new(self.options()).unwrap()
    }

    fn model(&self) -> PathBuf {
        self.folder.path().join("model")
    }

    fn noted(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn starts(&self) -> usize {
        self.noted("started").len()
    }

    /// Its processes' folders under `/proc`.
    fn processes(&self) -> Vec<PathBuf> {
        let program = self.folder.path().join("engine").display().to_string();
        let folders = fs::read_dir("/proc").unwrap().filter_map(Result::ok).map(|folder| folder.path());
        folders
            .filter(|folder| {
                let line = fs::read(folder.join("cmdline")).unwrap_or_default();
                String::from_utf8_lossy(&line).contains(&program)
            })
            .collect()
    }
}

fn clip(ms: usize) -> ClipRequest {
    ClipRequest::new(Sound::of(vec![0.1; ms * 16].into()), LanguageChoice::Fixed("en".into()), format!("clip-{ms}"))
}

async fn ask(engine: &LocalEngine, ms: usize) -> Result<ClipText, AsrError> {
    engine.transcribe(clip(ms), &NotHearing).await
}

fn words(text: &Result<ClipText, AsrError>) -> String {
    match text {
        Ok(text) => text.segments.iter().map(|segment| segment.text.clone()).collect(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn the_engine_is_started_with_the_first_clip_and_kept() {
    let stand_in = StandIn::new(json!({}));
    let engine = stand_in.engine();
    assert_eq!(stand_in.starts(), 0);
    for ms in [1000, 2000] {
        assert_eq!(words(&ask(&engine, ms).await), format!("This is what was said in {ms} milliseconds."));
    }
    assert_eq!(stand_in.starts(), 1);
}

#[tokio::test]
async fn a_clip_that_ends_the_engine_is_to_blame_only_when_it_does_so_alone_and_the_others_have_their_texts() {
    for (does, detail) in [
        ("crash", "floating point exception (signal 8); the last it said was: something went wrong in the library"),
        ("exit", "it ended with exit code 3"),
        ("garbage", "nonsense: a text of 4294967295 bytes is announced"),
        ("other_batch", "which nobody asked"),
        ("too_few", "0 texts for 1 clips"),
    ] {
        let stand_in = StandIn::new(json!({"clips": [{"ms": [3000, 3000], "does": does}]}));
        let engine = LocalEngine::new(LocalOptions { batch: 4, threads: 2, ..stand_in.options() }).unwrap();
        let asked = [2900, 2950, 3000, 3050, 3100, 2980].map(|ms| ask(&engine, ms));
        let answers = futures::future::join_all(asked).await;
        for (at, answer) in answers.iter().enumerate() {
            if at == 2 {
                let Err(error @ AsrError::EngineEnded { .. }) = answer else { panic!("{does}: {answer:?}") };
                assert!(error.to_string().contains(detail), "{does}: {error}");
                assert_eq!(error.disposition(), Disposition::Fail);
            } else {
                assert!(words(answer).starts_with("This is what was said"), "{does}");
            }
        }
        // Once in company, once alone.
        assert_eq!(stand_in.noted("heard").iter().filter(|ms| *ms == "3000").count(), 2, "{does}");
        // Whoever comes later does not notice.
        words(&ask(&engine, 1500).await);
    }
}

#[tokio::test]
async fn an_engine_that_hangs_is_ended_after_its_deadline() {
    let stand_in = StandIn::new(json!({"clips": [{"ms": [3000, 3000], "does": "hang"}]}));
    let engine = LocalEngine::new(LocalOptions { deadline: Duration::from_secs(5), ..stand_in.options() }).unwrap();
    let error = ask(&engine, 3000).await.unwrap_err();
    assert!(error.to_string().contains("did not answer within 5 s"), "{error}");
    words(&ask(&engine, 1500).await);
}

#[tokio::test]
async fn an_engine_that_takes_too_much_memory_is_ended() {
    let stand_in = StandIn::new(json!({"clips": [{"ms": [3000, 3000], "does": "leak"}]}));
    let options = LocalOptions { memory_bytes: Some(200 << 20), ..stand_in.options() };
    let engine = LocalEngine::new(options).unwrap();
    let error = ask(&engine, 3000).await.unwrap_err();
    assert!(error.to_string().contains("200 are allowed"), "{error}");
    words(&ask(&engine, 1500).await);
}

#[tokio::test]
async fn a_late_answer_is_an_answer() {
    let stand_in = StandIn::new(json!({"clips": [{"ms": [3000, 3000], "does": "late"}]}));
    let engine = stand_in.engine();
    words(&ask(&engine, 3000).await);
    assert_eq!(stand_in.starts(), 1);
}

#[tokio::test]
async fn a_kill_from_outside_is_no_clips_fault() {
    let stand_in = StandIn::new(json!({"clips": [{"ms": [3000, 3000], "does": "kill"}]}));
    let engine = stand_in.engine();
    let error = ask(&engine, 3000).await.unwrap_err();
    // Put back after some tries, not given up.
    assert!(
        matches!(&error, AsrError::Unavailable { detail, .. } if detail.contains("killed from outside")),
        "{error:?}"
    );
    assert_eq!(error.disposition(), Disposition::Retry);
    assert_eq!(stand_in.noted("heard").len(), 4);
    words(&ask(&engine, 1500).await);

    let stand_in = StandIn::new(json!({"starts": ["kill", "kill", null]}));
    words(&ask(&stand_in.engine(), 1500).await);
    let stand_in = StandIn::new(json!({"starts": ["kill"]}));
    let error = ask(&stand_in.engine(), 1500).await.unwrap_err();
    assert!(matches!(error, AsrError::Unavailable { .. }), "{error:?}");
    assert!(stand_in.engine().proved().is_none());
}

#[tokio::test]
async fn an_error_of_the_library_is_the_clips_own_and_ends_nothing() {
    let stand_in = StandIn::new(json!({"clips": [{"ms": [3000, 3000], "does": "refuse"}]}));
    let engine = stand_in.engine();
    let error = ask(&engine, 3000).await.unwrap_err();
    assert!(matches!(&error, AsrError::Failed { detail } if detail == "the library says no"), "{error:?}");
    assert_eq!(stand_in.starts(), 1);
}

/// What the machine at hand begins with.
fn first_backend(stand_in: &StandIn) -> String {
    stand_in.noted("started").remove(0)
}

#[tokio::test]
async fn an_engine_that_fails_its_proof_is_not_believed_and_the_next_way_to_compute_is_kept() {
    for (proof, why) in [
        ("crash", "floating point exception"),
        ("nonsense", "it heard \"ha ha ha ha ha ha ha\" where"),
        ("hang", "did not answer within 5 s"),
        ("garbage", "nonsense"),
        ("refuse", "the library says no"),
    ] {
        let fast = json!({"int8 mkl": proof, "int8": proof});
        let stand_in = StandIn::new(json!({"rungs": fast}));
        // For what is to hang as short as a start may take.
        let deadline = Duration::from_secs(if proof == "hang" { 5 } else { 60 });
        let options = LocalOptions { deadline, threads: 2, ..stand_in.options() };
        let engine = LocalEngine::new(options.clone()).unwrap();
        let choice = engine.start_proved().unwrap();
        assert_eq!(choice.backend.name(), "float32 plain");
        assert!(choice.passed_over.iter().all(|passed| passed.why.contains(why)), "{choice:?}");
        assert!(
            engine.engine().version.starts_with("ctranslate2 4.8.4 float32 plain, weights "),
            "{:?}",
            engine.engine()
        );
        words(&ask(&engine, 1500).await);
        assert_eq!(stand_in.noted("started").last().unwrap(), "float32");
        // The next process begins where this one ended.
        let starts = stand_in.starts();
        let next = LocalEngine::new(options).unwrap();
        assert_eq!(next.start_proved().unwrap(), choice);
        words(&ask(&next, 1500).await);
        assert_eq!(stand_in.noted("started")[starts..], ["float32"]);
    }
}

#[tokio::test]
async fn another_library_or_number_of_threads_is_proved_anew() {
    let stand_in = StandIn::new(json!({}));
    words(&ask(&stand_in.engine(), 1500).await);
    let first = stand_in.engine().start_proved().unwrap();
    let more = LocalEngine::new(LocalOptions { threads: 2, ..stand_in.options() }).unwrap();
    let second = more.start_proved().unwrap();
    assert_eq!((first.surroundings.threads, second.surroundings.threads), (1, 2));
    // The library says of itself which it is only once it is loaded; then it is told apart.
    let own = json!({"folder": stand_in.folder.path(), "library": "another"});
    fs::write(stand_in.folder.path().join("engine.json"), own.to_string()).unwrap();
    let engine = stand_in.engine();
    words(&ask(&engine, 1500).await);
    assert_eq!(engine.start_proved().unwrap().surroundings.library, "another");
}

#[tokio::test]
async fn where_no_way_to_compute_works_each_is_named_and_tried_again_with_the_next_clip() {
    let stand_in = StandIn::new(json!({"proof": "nonsense"}));
    let engine = stand_in.engine();
    let error = engine.start_proved().unwrap_err();
    let AsrError::NotLoaded { detail } = &error else { panic!("{error:?}") };
    assert!(detail.contains("int8 oneDNN: it heard") && detail.contains("float32 plain: it heard"), "{detail}");
    let answer = ask(&engine, 1500).await.unwrap_err();
    assert!(matches!(answer, AsrError::NotLoaded { .. }), "{answer:?}");
    fs::write(stand_in.folder.path().join("engine.json"), json!({"folder": stand_in.folder.path()}).to_string())
        .unwrap();
    words(&ask(&engine, 1500).await);
}

#[tokio::test]
async fn an_engine_that_cannot_be_run_says_why_and_no_way_to_compute_is_to_blame() {
    let stand_in = StandIn::new(json!({"starts": ["exit", null]}));
    let engine = stand_in.engine();
    let error = ask(&engine, 1500).await.unwrap_err();
    assert!(
        matches!(&error, AsrError::NotLoaded { detail } if detail.ends_with("code 3; the last it said was: no library")),
        "{error:?}"
    );
    words(&ask(&engine, 1500).await);
    assert_eq!(engine.start_proved().unwrap().passed_over, []);
}

#[tokio::test]
async fn when_the_engine_fails_without_the_clip_too_the_clip_is_not_to_blame() {
    let stand_in = StandIn::new(json!({}));
    let engine = stand_in.engine();
    words(&ask(&engine, 1500).await);
    let first = first_backend(&stand_in);
    // The way to compute that was proved once crashes from now on, on the clip and on the proof.
    let crash = json!([{"ms": [3000, 3000], "rung": first, "does": "crash"}]);
    let own = json!({"folder": stand_in.folder.path(), "rungs": {&first: "crash"}, "clips": crash});
    fs::write(stand_in.folder.path().join("engine.json"), own.to_string()).unwrap();
    let engine = stand_in.engine();
    words(&ask(&engine, 3000).await);
    let choice = engine.start_proved().unwrap();
    assert!(choice.passed_over.iter().any(|passed| passed.why.contains("floating point exception")), "{choice:?}");
    assert_ne!(stand_in.noted("started").last().unwrap(), &first);
}

#[tokio::test]
async fn an_engine_without_work_is_ended_and_started_again() {
    let stand_in = StandIn::new(json!({}));
    let options = LocalOptions { idle_unload: Duration::from_millis(50), ..stand_in.options() };
    let engine = LocalEngine::new(options).unwrap();
    words(&ask(&engine, 1500).await);
    until("the engine to be ended", || stand_in.processes().is_empty()).await;
    words(&ask(&engine, 1500).await);
    assert_eq!(stand_in.starts(), 2);
}

#[tokio::test]
async fn an_engine_goes_with_whoever_started_it() {
    // At a clip, or at its start, for longer than any test may take.
    for (own, heard) in
        [(json!({"clips": [{"ms": [3000, 3000], "does": "hang"}]}), 1), (json!({"starts": ["hang"]}), 0)]
    {
        let stand_in = StandIn::new(own);
        let options = LocalOptions { deadline: Duration::from_secs(86_400), ..stand_in.options() };
        let engine = LocalEngine::new(options).unwrap();
        let mut asked = Box::pin(ask(&engine, 3000));
        assert!(futures::poll!(&mut asked).is_pending());
        until("the engine to hang", || stand_in.starts() == 1 && stand_in.noted("heard").len() == heard).await;
        assert_eq!(stand_in.processes().len(), 1);
        drop(asked);
        drop(engine);
        assert_eq!(stand_in.processes(), Vec::<PathBuf>::new());
    }
}

#[tokio::test]
async fn an_engine_that_only_proved_itself_is_ended_too_and_no_key_of_a_terminal_is_for_it() {
    let stand_in = StandIn::new(json!({}));
    let options = LocalOptions { idle_unload: Duration::from_secs(2), ..stand_in.options() };
    let engine = LocalEngine::new(options).unwrap();
    engine.start_proved().unwrap();
    let processes = stand_in.processes();
    let group = fs::read_to_string(processes[0].join("stat")).unwrap();
    // Behind the name in brackets: state, parent, group.
    let group = group.rsplit_once(')').unwrap().1.split_whitespace().nth(2).unwrap().to_owned();
    assert_eq!(processes[0], Path::new("/proc").join(group));
    until("the engine to be ended", || stand_in.processes().is_empty()).await;
}

#[tokio::test]
async fn weights_that_are_replaced_are_proved_and_named_once_they_are_loaded() {
    let stand_in = StandIn::new(json!({}));
    let options = LocalOptions { idle_unload: Duration::from_millis(300), ..stand_in.options() };
    let engine = LocalEngine::new(options).unwrap();
    words(&ask(&engine, 1500).await);
    let (first, version) = (engine.start_proved().unwrap(), engine.engine().version);
    assert!(version.ends_with(&first.surroundings.weights), "{version}");
    fs::write(stand_in.folder.path().join("fresh"), "other weights").unwrap();
    fs::rename(stand_in.folder.path().join("fresh"), stand_in.model().join("model.bin")).unwrap();
    until("the engine to be ended", || stand_in.processes().is_empty()).await;
    words(&ask(&engine, 1500).await);
    let (second, version) = (engine.start_proved().unwrap(), engine.engine().version);
    assert_ne!(first.surroundings.weights, second.surroundings.weights);
    assert!(version.ends_with(&second.surroundings.weights), "{version}");
}

#[tokio::test]
async fn memory_that_is_too_little_for_a_clip_is_no_clips_fault() {
    let stand_in = StandIn::new(json!({"proof": "leak"}));
    let engine = LocalEngine::new(LocalOptions { memory_bytes: Some(200 << 20), ..stand_in.options() }).unwrap();
    let error = ask(&engine, 1500).await.unwrap_err();
    assert!(matches!(&error, AsrError::NotLoaded { detail } if detail.contains("200 are allowed")), "{error:?}");
}

/// Waits for what takes no longer than a few looks.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "waiting for {what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_cannot_be_transcribed_is_refused_with_the_reason() {
    let stand_in = StandIn::new(json!({}));
    let engine = stand_in.engine();
    let too_long = ask(&engine, 31_000).await;
    assert!(matches!(too_long, Err(AsrError::TooLong { length_ms: 31_000, max_ms: 30_000 })), "{too_long:?}");
    let file = Sound::File { bytes: bytes::Bytes::new(), format: UploadFormat::Wav, duration_ms: 0 };
    let file = engine.transcribe(ClipRequest { sound: file, ..clip(1000) }, &NotHearing).await;
    assert!(matches!(file, Err(AsrError::Failed { .. })), "{file:?}");
    let unknown = ClipRequest { language: LanguageChoice::Fixed("tlh".into()), ..clip(1000) };
    let unknown = engine.transcribe(unknown, &NotHearing).await;
    assert!(matches!(&unknown, Err(AsrError::UnknownLanguage { language }) if language == "tlh"), "{unknown:?}");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let stand_in = StandIn::new(json!({"not_loaded": "model.bin: it is cut short"}));
    let error = ask(&stand_in.engine(), 1000).await.unwrap_err();
    assert!(matches!(&error, AsrError::NotLoaded { detail } if detail == "model.bin: it is cut short"), "{error}");
    fs::remove_file(stand_in.model().join("model.bin")).unwrap();
    let error = LocalEngine::new(stand_in.options()).err().unwrap();
    assert!(
        matches!(&error, AsrError::NotLoaded { detail } if detail.contains("model/model.bin is missing")),
        "{error}"
    );
}
