//! `earmark results`

use earmark_core::{JobId, Problem, Report, rfc3339};
use earmark_journal::ReviewHold;
use earmark_pipeline::render::Format;

use super::{Outcome, jobs, show};
use crate::app::App;
use crate::config::CommandError;

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
        /// Print it though a rule holds it back for review.
        #[arg(long)]
        held: bool,
    },
    /// Release a result that a rule holds back: on record, and told like that of any job.
    Release {
        /// Which job.
        id: String,
        /// Who has reviewed it.
        #[arg(long, value_name = "NAME", value_parser = jobs::person)]
        by: String,
        /// Why, for the record.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
}

/// The command.
pub async fn results(app: &App, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::Show { id } => {
            let id = jobs::id(&id)?;
            let report = report(app, &id).await?;
            if let Some(holding) = holding(app, &id).await? {
                show::note(&format!(
                    "note: a rule holds this result back since {}; `earmark results release {id} --by NAME` releases it",
                    rfc3339(holding.held_since_ms)
                ));
            }
            show_report(&report);
            for artifact in app.results.artifacts(&id).await? {
                show::line(&format!("{}  sha256 {}", artifact.uri, artifact.sha256));
            }
        }
        Command::Export { id, format, held } => {
            let id = jobs::id(&id)?;
            let report = report(app, &id).await?;
            if !held && let Some(holding) = holding(app, &id).await? {
                let message =
                    format!("a rule holds the result of job {id} back since {}", rfc3339(holding.held_since_ms));
                return Err(CommandError::usage(Problem {
                    code: "result.held".into(),
                    message,
                    hint: Some("give --held to see it all the same, or `earmark results release ID --by NAME`".into()),
                }));
            }
            show::text(&format.render(&report));
        }
        Command::Release { id, by, note } => {
            let id = jobs::id(&id)?;
            app.results.release_held(&id, &jobs::actor(Some(&by)), note.as_deref()).await?;
            show::line(&format!("{id} released"));
        }
    }
    Ok(Outcome::Done)
}

/// Since when the result of job `id` is held, where it still is.
async fn holding(app: &App, id: &JobId) -> Result<Option<ReviewHold>, CommandError> {
    Ok(app.results.review_hold(id).await?.filter(ReviewHold::is_held))
}

async fn report(app: &App, id: &JobId) -> Result<Report, CommandError> {
    if let Some(report) = app.results.current_report(id).await? {
        return Ok(report);
    }
    let job = app.journal.get(id).await?;
    let why = job.error.map(|error| format!(": {error}")).unwrap_or_default();
    let message = format!("job {id} has no report, it is {}{why}", job.state);
    Err(CommandError::plain(message, Some("`earmark jobs show ID` tells its history")))
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
