//! `earmark run`: recordings processed here and now, journaled and audited like any job.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use earmark_core::{JobId, Problem, RecordingUri, Report, shown_database};
use serde::Serialize;

use super::gather::{Gatherer, Gathering};
use super::offer::Sources;
use super::outcome::Outcome;
use super::progress::{Bars, HELD, alerts};
use super::{arguments, offer, show};
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::run::Processed;
use crate::desk::submit::Offer;

/// Process recordings here and now.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Recordings: paths, folders, file:///…, https://…
    #[arg(required = true, value_name = "URI")]
    uris: Vec<OsString>,
    #[command(flatten)]
    sources: Sources,
    /// Print one report a line instead of the table.
    #[arg(long)]
    json: bool,
    /// Write the artifacts under DIR/{job_id}/ instead of the configured output.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Use the rules in this file or folder.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Whose recordings they are.
    #[arg(long, default_value = "default")]
    tenant: String,
    #[command(flatten)]
    gathering: Gathering,
}

/// A recording of which there is no report, as `--json` tells it.
#[derive(Serialize)]
struct FailedLine<'a> {
    job_id: Option<&'a JobId>,
    recording: FailedRecording<'a>,
    error: &'a Problem,
}

#[derive(Serialize)]
struct FailedRecording<'a> {
    /// The caller's string, unchanged but for what may be a secret.
    uri: &'a RecordingUri,
}

pub async fn run(desk: &Desk, args: Args) -> Result<Outcome, CommandError> {
    let tenant = arguments::tenant(&args.tenant)?;
    let out_dir = args.out.as_deref().map(out_dir).transpose()?;
    let run = desk.run(args.rules.as_deref(), Arc::new(Bars::new())).await?;
    let mut gatherer = Gatherer::new(desk, &args.gathering);
    let words = gatherer.words(args.uris.iter().map(|uri| offer::word(uri)).collect())?;
    let mut offered = gatherer.gather(args.gathering.together(words)?).await?;
    offered.extend(gatherer.rest()?);
    let offered =
        offered.into_iter().map(|offer| Offer { tenant: Some(tenant.to_string()), ..args.sources.fill(offer) });
    let seen = |one: &Processed| if args.json { print_json(one) } else { Ok(()) };
    let ended = run.process(offered, out_dir.as_deref(), arguments::ACTOR, seen).await?;
    if !args.json {
        print_table(desk, &ended, args.out.as_deref());
    }
    Ok(if ended.iter().all(|one| one.result.is_ok()) { Outcome::Done } else { Outcome::SomeFailed })
}

fn out_dir(out: &std::path::Path) -> Result<String, CommandError> {
    let failed = |error: std::io::Error| {
        CommandError::plain(
            format!("cannot write to {}: {error}", out.display()),
            Some("give --out a folder that can be written"),
        )
    };
    std::fs::create_dir_all(out).map_err(failed)?;
    Ok(std::fs::canonicalize(out).map_err(failed)?.to_string_lossy().into_owned())
}

fn print_json(ended: &Processed) -> Result<(), CommandError> {
    match &ended.result {
        Ok(report) => show::json(report),
        Err(error) => {
            let (job_id, recording) = (ended.job_id.as_ref(), FailedRecording { uri: &ended.uri });
            show::json(&FailedLine { job_id, recording, error })
        }
    }
}

fn print_table(desk: &Desk, ended: &[Processed], out: Option<&std::path::Path>) {
    let mut table = show::table(&["recording", "length", "language", "speakers", "speed", "findings"]);
    for one in ended {
        let uri = one.uri.to_string();
        match &one.result {
            Ok(report) => {
                let mut findings: Vec<String> = report.findings.iter().map(show::finding).collect();
                if findings.is_empty() {
                    findings.push("none".into());
                }
                // "none" must not look like a clean call where little or nothing could be heard.
                findings.extend(report.warnings.iter().map(|warning| format!("warning: {}", warning.detail)));
                if one.attention.is_held {
                    findings.push(HELD.into());
                }
                if one.attention.alerts > 0 {
                    findings.push(alerts(one.attention, ""));
                }
                table.add_row([
                    format!("{}\n{}", short(&uri), report.job_id),
                    earmark_core::minutes_seconds(report.recording.duration_ms),
                    languages(report),
                    speakers(report),
                    speed(report.recording.duration_ms, one.took),
                    findings.join("\n"),
                ]);
            }
            Err(problem) => {
                let row = [
                    format!(
                        "{}\n{}",
                        short(&one.uri.to_string()),
                        one.job_id.as_ref().map(JobId::as_str).unwrap_or_default()
                    ),
                    String::new(),
                    String::new(),
                    String::new(),
                    String::new(),
                    format!("FAILED {}: {problem}", problem.code),
                ];
                table.add_row(row);
            }
        }
    }
    show::line(&table.to_string());
    let folder = match out {
        Some(out) => format!("{}/{{job}}/", out.display()),
        None => format!(
            "{}/{}/{{job}}/",
            desk.config().storage.output,
            ended.iter().find_map(tenant).unwrap_or_else(|| "default".into())
        ),
    };
    show::line(&format!("report.json, transcript.txt, .srt, .vtt   {folder}"));
    for id in ended.iter().filter(|one| one.attention.is_held).filter_map(|one| one.job_id.as_ref()) {
        show::line(&format!("to release what is held back              earmark results release {id} --by NAME"));
    }
    if ended.iter().any(|one| one.attention.alerts > 0) {
        show::line("alerts                                    earmark alerts list");
    }
    // A file can be named; a server's address holds a password.
    let database = shown_database(desk.config().database.url.expose());
    let named =
        if database.starts_with("sqlite:") { format!("EARMARK__DATABASE__URL={database} ") } else { String::new() };
    show::line(&format!("audit log                                 {named}earmark audit verify"));
}

fn tenant(ended: &Processed) -> Option<String> {
    ended.result.as_ref().ok().map(|report| report.tenant.to_string())
}

fn short(uri: &str) -> &str {
    uri.rsplit('/').find(|part| !part.is_empty()).unwrap_or(uri)
}

fn languages(report: &Report) -> String {
    let mut languages: Vec<&str> =
        report.utterances.iter().filter_map(|utterance| utterance.language.as_deref()).collect();
    languages.sort_unstable();
    languages.dedup();
    if languages.is_empty() { report.language.clone() } else { languages.join(", ") }
}

fn speakers(report: &Report) -> String {
    let mut speakers: Vec<&str> = report.utterances.iter().map(|utterance| utterance.speaker.0.as_str()).collect();
    speakers.sort_unstable();
    speakers.dedup();
    speakers.join(", ")
}

/// How many times faster than the recording itself.
fn speed(duration_ms: u64, took: Duration) -> String {
    let times = Duration::from_millis(duration_ms).as_secs_f64() / took.as_secs_f64().max(0.001);
    format!("{times:.1} x")
}
