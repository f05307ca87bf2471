//! `earmark results`

use earmark_core::{JobId, Problem, Report};

use super::outcome::Outcome;
use super::{arguments, show};
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::results::{Format, StoredResult};
use crate::desk::views::HoldingView;

/// Show or export a finished job's report and transcript.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// The transcript and the findings, for reading.
    Show {
        /// The job's id.
        id: String,
    },
    /// Print the report or the transcript.
    Export {
        /// The job's id.
        id: String,
        /// json, srt, vtt or txt.
        #[arg(long, default_value = "json")]
        format: Format,
        /// Print it though a rule holds it back for review.
        #[arg(long)]
        held: bool,
    },
    /// Release a result that a rule holds back: on record, and told like that of any job.
    Release {
        /// The job's id.
        id: String,
        /// Who has reviewed it.
        #[arg(long, value_name = "NAME", value_parser = arguments::person)]
        by: String,
        /// Why, for the record.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
}

pub async fn results(desk: &Desk, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::Show { id } => {
            let id = arguments::job_id(&id)?;
            let (report, holding) = result(desk, &id).await?;
            if let Some(since) = held_since(&holding) {
                show::note(&format!(
                    "note: a rule holds this result back since {since}; `earmark results release {id} --by NAME` releases it"
                ));
            }
            show_report(&report);
            for artifact in desk.artifacts(&id).await? {
                show::line(&format!("{}  sha256 {}", artifact.uri, artifact.sha256));
            }
        }
        Command::Export { id, format, held } => {
            let id = arguments::job_id(&id)?;
            let (report, holding) = result(desk, &id).await?;
            if let Some(since) = held_since(&holding).filter(|_| !held) {
                return Err(CommandError::usage(Problem {
                    code: "result.held".into(),
                    message: format!("a rule holds the result of job {id} back since {since}"),
                    hint: Some("give --held to see it all the same, or `earmark results release ID --by NAME`".into()),
                }));
            }
            show::text(&format.render(&report));
        }
        Command::Release { id, by, note } => {
            let id = arguments::job_id(&id)?;
            desk.release(&id, &arguments::actor(Some(&by)), note.as_deref()).await?;
            show::line(&format!("{id} released"));
        }
    }
    Ok(Outcome::Done)
}

/// Since when a result is held, where it still is.
fn held_since(holding: &HoldingView) -> Option<&str> {
    holding.held_since.as_deref().filter(|_| holding.is_held)
}

async fn result(desk: &Desk, id: &JobId) -> Result<(Report, HoldingView), CommandError> {
    match desk.result(id).await? {
        StoredResult::Report(report, holding) => Ok((*report, holding)),
        StoredResult::None(job) => {
            let why = job.error.map(|error| format!(": {error}")).unwrap_or_default();
            let message = format!("job {id} has no report, it is {}{why}", job.state);
            Err(CommandError::plain(message, Some("`earmark jobs show ID` tells its history")))
        }
    }
}

fn show_report(report: &Report) {
    let recording = &report.recording;
    show::line(&format!(
        "{}\n{} of {} ({} Hz, {} channels), {}, {} {}\n",
        recording.uri,
        earmark_core::minutes_seconds(recording.duration_ms),
        recording.codec,
        recording.sample_rate_hz,
        recording.channels,
        report.language,
        report.engine.name,
        report.engine.model
    ));
    show::text(&Format::Txt.render(report));
    if !report.findings.is_empty() {
        show::line("\nfindings");
    }
    for finding in &report.findings {
        show::line(&format!("  {}\n      {}", show::finding(finding), finding.reason));
    }
    for warning in &report.warnings {
        show::line(&format!("warning: {} ({})", warning.detail, warning.code));
    }
    show::line("");
}
