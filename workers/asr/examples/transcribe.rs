//! Transcribes 16-bit WAV files of 16 kHz and at most 28 s with the built-in engine, all at once, and says how fast
//! it was: `transcribe [--model FOLDER] [--threads N] [--batch N] [--beam N] [--language zh] [--words] FILE…`

#[path = "../tests/sound/mod.rs"]
mod sound;

use std::path::Path;
use std::time::Instant;

use earmark_asr::{ClipRequest, LanguageChoice, LocalEngine, LocalOptions, NotHearing, Sound, Transcriber};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = LocalOptions::default();
    let mut language = LanguageChoice::Detect { candidates: vec!["zh".to_owned(), "en".to_owned()], likely: None };
    let mut has_words = false;
    let mut files = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value"));
        match argument.as_str() {
            "--model" => options.model_path = value()?.into(),
            "--threads" => options.threads = value()?.parse()?,
            "--batch" => options.batch = value()?.parse()?,
            "--beam" => options.beam = value()?.parse()?,
            "--language" => language = LanguageChoice::Fixed(value()?),
            "--words" => has_words = true,
            _ => files.push(argument),
        }
    }

    let engine = LocalEngine::load(&options)?;
    let requests: Vec<ClipRequest> = files
        .iter()
        .flat_map(|file| sound::read_wav(Path::new(file)))
        .map(|samples| ClipRequest {
            has_words,
            ..ClipRequest::new(Sound::of(samples.into()), language.clone(), String::new())
        })
        .collect();
    let seconds = requests.iter().map(|request| request.sound.samples().len()).sum::<usize>() as f64 / 16_000.0;
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let answers =
        futures::future::join_all(requests.into_iter().map(|request| engine.transcribe(request, &NotHearing))).await;
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let mut out = String::new();
    for answer in answers {
        out += &serde_json::to_string(&answer?)?;
        out += "\n";
    }
    std::io::Write::write_all(&mut std::io::stdout(), out.as_bytes())?;
    let summary = format!(
        "{seconds:.1} s of audio, {wall:.2} s, {cpu:.2} s of CPU: {:.1} times real time, {:.1} a core\n",
        seconds / wall,
        seconds / cpu
    );
    std::io::Write::write_all(&mut std::io::stderr(), summary.as_bytes())?;
    Ok(())
}

/// CPU time of this process so far, from Linux's clock ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
