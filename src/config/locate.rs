//! Where the engine's files and the programs it may call are.

use std::path::{Path, PathBuf};

use earmark_core::Problem;

use crate::config::{CommandError, Config};

/// The built-in engine's own program.
const ENGINE_PROGRAM: &str = "earmark-engine";

/// Where the recogniser's model is.
///
/// # Errors
/// [`CommandError`] when it is nowhere.
pub fn model(config: &Config) -> Result<PathBuf, CommandError> {
    engine_path(config.asr.model_path.as_deref(), "engine/model", "EARMARK__ASR__MODEL_PATH")
}

/// The built-in engine's program: beside this one, or where tests are built, above it.
///
/// # Errors
/// [`CommandError`] when it is nowhere.
pub fn engine_program(config: &Config) -> Result<PathBuf, CommandError> {
    if let Some(path) = &config.asr.engine_program {
        return Ok(path.clone());
    }
    let program = std::env::current_exe().unwrap_or_default();
    let mut places = program.ancestors().skip(1).take(2).map(|folder| folder.join(ENGINE_PROGRAM));
    places.find(|path| path.is_file()).ok_or_else(|| {
        CommandError::usage(Problem {
            code: "transcribe.not_loaded".into(),
            message: format!("{ENGINE_PROGRAM} is not beside {}", program.display()),
            hint: Some(format!("install {ENGINE_PROGRAM} beside it, or set EARMARK__ASR__ENGINE_PROGRAM")),
        })
    })
}

/// Where the speech detector's model is.
///
/// # Errors
/// [`CommandError`] when it is nowhere.
pub fn speech_model(config: &Config) -> Result<PathBuf, CommandError> {
    let inside = "engine/vad/silero_vad_16k_op15.onnx";
    engine_path(config.audio.vad_model.as_deref(), inside, "EARMARK__AUDIO__VAD_MODEL")
}

/// The ffmpeg program, where there is one.
pub fn ffmpeg(config: &Config) -> Option<PathBuf> {
    match config.audio.ffmpeg.as_deref() {
        Some(path) if path == Path::new("none") => None,
        Some(path) => Some(path.to_owned()),
        None => on_path("ffmpeg"),
    }
}

/// Downloads and decoded samples go here.
pub fn temp_dir(config: &Config) -> PathBuf {
    config.worker.temp_dir.clone().unwrap_or_else(std::env::temp_dir)
}

/// [`temp_dir`], made if it is not there.
///
/// # Errors
/// [`CommandError`] when it cannot be made.
pub fn make_temp_dir(config: &Config) -> Result<PathBuf, CommandError> {
    let temp_dir = temp_dir(config);
    match std::fs::create_dir_all(&temp_dir) {
        Ok(()) => Ok(temp_dir),
        Err(error) => Err(CommandError::usage(Problem {
            code: "config.temp_dir".into(),
            message: format!("cannot make the folder {} for temporary files: {error}", temp_dir.display()),
            hint: Some("set EARMARK__WORKER__TEMP_DIR to a folder that can be written".into()),
        })),
    }
}

/// `configured`, or `inside` beside the program or in a folder above it, or in the working folder.
fn engine_path(configured: Option<&Path>, inside: &str, variable: &str) -> Result<PathBuf, CommandError> {
    if let Some(path) = configured {
        return Ok(path.to_owned());
    }
    let program = std::env::current_exe().unwrap_or_default();
    let here = std::env::current_dir().unwrap_or_default();
    // target/release/deps/… is the deepest place a build puts a program in.
    let places = program.ancestors().skip(1).take(5).chain([here.as_path()]);
    places.map(|folder| folder.join(inside)).find(|path| path.exists()).ok_or_else(|| {
        CommandError::usage(Problem {
            code: "transcribe.not_loaded".into(),
            message: format!(
                "{inside} is neither beside the program, nor in a folder above it, nor in the working folder"
            ),
            hint: Some(format!("run `make setup`, or set {variable}; `earmark doctor` checks it")),
        })
    })
}

#[expect(clippy::disallowed_methods, reason = "PATH is the machine's, not earmark's")]
fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").ok()?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
