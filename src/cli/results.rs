//! `earmark results`

use earmark_core::{JobId, Report};
use earmark_pipeline::render::Format;

use super::{Outcome, jobs, show};
use crate::app::App;
use crate::complaint::Complaint;

/// Show or export a finished job's report and transcript.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// The transcript and the findings, for reading.
    Show {
        /// Which job.
        id: String,
    },
    /// Print the report or the transcript.
    Export {
        /// Which job.
        id: String,
        /// json, srt, vtt or txt.
        #[arg(long, default_value = "json")]
        format: Format,
    },
}

/// The command.
pub async fn results(app: &App, command: Command) -> Result<Outcome, Complaint> {
    match command {
        Command::Show { id } => {
            let id = jobs::id(&id)?;
            let report = report(app, &id).await?;
            show_report(&report);
            for artifact in app.results.artifacts(&id).await? {
                show::line(&format!("{}  sha256 {}", artifact.uri, artifact.sha256));
            }
        }
        Command::Export { id, format } => show::text(&format.render(&report(app, &jobs::id(&id)?).await?)),
    }
    Ok(Outcome::Done)
}

async fn report(app: &App, id: &JobId) -> Result<Report, Complaint> {
    if let Some(report) = app.results.report(id).await? {
        return Ok(report);
    }
    let job = app.journal.get(id).await?;
    let why = job.error.map(|error| format!(": {error}")).unwrap_or_default();
    let message = format!("job {id} has no report, it is {}{why}", job.state);
    Err(Complaint::plain(message, Some("`earmark jobs show ID` tells its history")))
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
