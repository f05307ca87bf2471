//! `earmark findings`

use earmark_core::{Verdict, rfc3339};
use earmark_journal::{Judged, JudgedFilter, JudgedFinding, NewVerdict, Verdicts};
use serde_json::{Value, json};

use super::{Outcome, jobs, show};
use crate::app::App;
use crate::config::CommandError;
use crate::desk::instant;

/// Findings read at a time.
const PAGE: u32 = 500;

/// List findings, confirm or reject them.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List findings with what reviewers said of them, the latest jobs first.
    List(Which),
    /// Say that a finding is one.
    Confirm(Verdicted),
    /// Say that a finding is none.
    Reject(Verdicted),
}

/// Which findings.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Only this rule's.
    #[arg(long)]
    rule: Option<String>,
    /// Only this tenant's.
    #[arg(long)]
    tenant: Option<String>,
    /// Only of jobs that were done at this time or later: RFC 3339, or a day.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those of which this was said last: confirmed, rejected, none.
    #[arg(long)]
    verdict: Option<Said>,
    /// Those of rules on trial instead of the others.
    #[arg(long)]
    shadow: bool,
    /// At most this many.
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// As JSON, a finding a line.
    #[arg(long)]
    json: bool,
}

/// What was said of a finding.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Said {
    /// It is one.
    Confirmed,
    /// It is none.
    Rejected,
    /// Nothing yet.
    None,
}

/// A finding that is judged.
#[derive(Debug, clap::Args)]
pub struct Verdicted {
    /// The job it was found in.
    job: String,
    /// Its id in that job's report: f1, f2, …
    finding: String,
    /// Who judges.
    #[arg(long, value_name = "NAME", value_parser = jobs::person)]
    by: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// The command.
pub async fn findings(app: &App, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::List(which) => list(app, which).await,
        Command::Confirm(verdicted) => judge(app, verdicted, Verdict::Confirmed).await,
        Command::Reject(verdicted) => judge(app, verdicted, Verdict::Rejected).await,
    }
}

async fn judge(app: &App, verdicted: Verdicted, verdict: Verdict) -> Result<Outcome, CommandError> {
    let Verdicted { job, finding, by, note } = verdicted;
    let job_id = jobs::id(&job)?;
    let actor = by.as_ref().map_or_else(|| jobs::ACTOR.to_owned(), |name| format!("{}:{name}", jobs::ACTOR));
    let new =
        NewVerdict { job_id, finding_id: finding, verdict, by: by.unwrap_or_else(|| jobs::ACTOR.to_owned()), note };
    let given = Verdicts::new(app.database.clone()).judge(&new, &actor).await?;
    show::line(&format!("{} {} {} by {}", new.job_id, new.finding_id, given.verdict.as_str(), given.by));
    Ok(Outcome::Done)
}

async fn list(app: &App, which: Which) -> Result<Outcome, CommandError> {
    let verdicts = Verdicts::new(app.database.clone());
    let mut filter = JudgedFilter {
        tenant: which.tenant.as_deref().map(jobs::tenant).transpose()?,
        rule_id: which.rule,
        since_ms: since(which.since.as_deref())?,
        judged: which.verdict.map(|said| match said {
            Said::Confirmed => Judged::As(Verdict::Confirmed),
            Said::Rejected => Judged::As(Verdict::Rejected),
            Said::None => Judged::NotYet,
        }),
        is_shadow: Some(which.shadow),
        after: None,
        limit: 0,
    };
    let mut left = which.limit;
    while left > 0 {
        filter.limit = left.min(PAGE);
        let page = verdicts.list(&filter).await?;
        for found in &page {
            if which.json {
                show::json(&shown(found))?;
            } else {
                show::text(&described(found));
            }
        }
        left -= filter.limit;
        match page.last() {
            Some(last) if page.len() as u64 == u64::from(filter.limit) => filter.after = Some(last.place()),
            _ => break,
        }
    }
    Ok(Outcome::Done)
}

/// The instant in `--since`.
pub fn since(text: Option<&str>) -> Result<Option<i64>, CommandError> {
    let parsed = text.map(|text| {
        instant::parse(text).map_err(|why| CommandError::plain(format!("--since {text}: {why}"), Some(instant::HINT)))
    });
    parsed.transpose()
}

/// A finding with its job and verdict, for programs.
pub fn shown(found: &JudgedFinding) -> Value {
    json!({
        "job_id": found.job_id, "tenant": found.tenant, "finished_at": rfc3339(found.finished_at_ms),
        "finding": found.finding, "verdict": found.verdict,
    })
}

/// A finding in two lines.
fn described(found: &JudgedFinding) -> String {
    let said = match &found.verdict {
        None => "not judged".to_owned(),
        Some(given) => {
            let note = given.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            format!("{} by {} on {}{note}", given.verdict.as_str(), given.by, given.at)
        }
    };
    format!("{} {} {}\n    {said}\n", found.job_id, found.finding.id, show::finding(&found.finding))
}
