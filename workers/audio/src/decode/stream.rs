//! The way of a file: sniffed, then decoded by whoever knows its format.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use super::options::DecodeOptions;
use super::output::{Output, Watch};
use super::packets::Outcome;
use super::route::{Found, Route, Sniffed};
use super::sink::{Sink, Streamed};
use super::{ffmpeg, mpeg_stream, ogg_opus, oki, packets, pcm, sniff};
use crate::AudioError;

/// Decodes the file at `path` as [`decode`](super::decode) does, but hands the samples to `sink` as they come.
///
/// # Errors
/// [`AudioError`], every variant, and whatever `sink` returns.
pub fn stream(
    path: &Path,
    name: &str,
    options: &DecodeOptions,
    is_cancelled: &dyn Fn() -> bool,
    sink: &mut dyn Sink,
) -> Result<Streamed, AudioError> {
    // A decoder that panics leaves its own state broken, nothing of ours: the sink is thrown away with the error.
    catch_unwind(AssertUnwindSafe(|| route(path, name, options, is_cancelled, sink)))
        .unwrap_or_else(|panic| Err(AudioError::Panicked { message: panic_message(panic.as_ref()) }))
}

fn route(
    path: &Path,
    name: &str,
    options: &DecodeOptions,
    is_cancelled: &dyn Fn() -> bool,
    sink: &mut dyn Sink,
) -> Result<Streamed, AudioError> {
    let watch = Watch {
        started: Instant::now(),
        limit: options.deadline,
        max_duration_ms: options.max_duration_ms,
        is_cancelled,
    };
    let mut output = Output::new(sink, watch);
    let file = File::open(path).map_err(|source| AudioError::Read { source })?;
    let Sniffed { route, cut } = sniff::sniff(&file, name, options.raw, &mut output)?;
    // Gone when this ends.
    let cut = cut.map(|cut| cut.write(&file, &options.temp_dir, &output)).transpose()?;
    let (file, path) = match &cut {
        Some(cut) => (cut.reopen().map_err(|source| AudioError::Spool { action: "read", source })?, cut.path()),
        None => (file, path),
    };
    match route {
        Route::Pcm(sound) => pcm::decode(file, &sound, &mut output),
        Route::Oki(rate_hz) => oki::decode(&file, rate_hz, &mut output),
        Route::Packets(found) if found.format == "Ogg" && ogg_opus::is_opus(&file) => {
            ogg_opus::decode(&file, &mut output)
        }
        Route::Packets(found) => match packets(&file, &found, options, &mut output)? {
            Outcome::Done(streamed) => Ok(streamed),
            Outcome::Elsewhere(foreign) => ffmpeg::decode(path, &foreign, options, &mut output),
        },
        Route::Ffmpeg(foreign) => ffmpeg::decode(path, &foreign, options, &mut output),
    }
}

fn packets(
    file: &File,
    found: &Found,
    options: &DecodeOptions,
    output: &mut Output<'_>,
) -> Result<Outcome, AudioError> {
    match found.format {
        "MP3" | "AAC" => mpeg_stream::decode(file, found.format, options, output),
        _ => packets::decode(file, found, options, output),
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").chars().take(200).collect()
}
