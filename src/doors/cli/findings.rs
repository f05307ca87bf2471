//! `earmark findings`

use super::outcome::Outcome;
use super::{arguments, show};
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::findings::{Judged, JudgedFilter, NewVerdict, Verdict};
use crate::desk::views::FindingView;

/// Findings read at a time.
const PAGE: u32 = 500;
/// So many are counted to say of how many those shown are.
const MOST_COUNTED: usize = 10_000;

/// List findings, confirm or reject them.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List findings with what reviewers said of them, the latest jobs first.
    List(Filter),
    /// Say that a finding is one.
    Confirm(Verdicted),
    /// Say that a finding is none.
    Reject(Verdicted),
}

/// Which findings are listed. Everything that is given must hold.
#[derive(Debug, clap::Args)]
pub struct Filter {
    /// Only this rule's.
    #[arg(long)]
    rule: Option<String>,
    /// Only this tenant's.
    #[arg(long)]
    tenant: Option<String>,
    /// Only of jobs that were done at this time or later: RFC 3339, a day, or a span such as 2h.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those of which this was said last: confirmed, rejected, none.
    #[arg(long)]
    verdict: Option<LastVerdict>,
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

/// What was said of a finding last.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LastVerdict {
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
    #[arg(long, value_name = "NAME", value_parser = arguments::person)]
    by: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

pub async fn findings(desk: &Desk, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::List(filter) => list(desk, filter).await,
        Command::Confirm(verdicted) => judge(desk, verdicted, Verdict::Confirmed).await,
        Command::Reject(verdicted) => judge(desk, verdicted, Verdict::Rejected).await,
    }
}

async fn judge(desk: &Desk, verdicted: Verdicted, verdict: Verdict) -> Result<Outcome, CommandError> {
    let Verdicted { job, finding, by, note } = verdicted;
    let actor = arguments::actor(by.as_deref());
    let by = by.unwrap_or_else(|| arguments::ACTOR.to_owned());
    let new = NewVerdict { job_id: arguments::job_id(&job)?, finding_id: finding, verdict, by, note };
    let judged = desk.judge(new, &actor).await?;
    let given = &judged.verdict;
    show::line(&format!("{} {} {} by {}", judged.job_id, judged.finding_id, given.verdict.as_str(), given.by));
    Ok(Outcome::Done)
}

async fn list(desk: &Desk, filter: Filter) -> Result<Outcome, CommandError> {
    let mut wanted = JudgedFilter {
        tenant: filter.tenant.as_deref().map(arguments::tenant).transpose()?,
        rule_id: filter.rule,
        since_ms: arguments::instant_ms("--since", filter.since.as_deref())?,
        judged: filter.verdict.map(|verdict| match verdict {
            LastVerdict::Confirmed => Judged::As(Verdict::Confirmed),
            LastVerdict::Rejected => Judged::As(Verdict::Rejected),
            LastVerdict::None => Judged::NotYet,
        }),
        is_shadow: Some(filter.shadow),
        after: None,
        limit: 0,
    };
    let (mut left, mut shown) = (filter.limit, 0);
    while left > 0 {
        wanted.limit = left.min(PAGE);
        let page = desk.findings(&wanted).await?;
        for found in &page.findings {
            if filter.json {
                show::json(found)?;
            } else {
                show::text(&described(found));
            }
        }
        left -= wanted.limit;
        shown += page.findings.len();
        match page.next {
            Some(next) => wanted.after = Some(next),
            None => return Ok(Outcome::Done),
        }
    }
    if !filter.json {
        tell_rest(desk, wanted, shown).await?;
    }
    Ok(Outcome::Done)
}

/// Says of how many findings `shown` are, as far as they are counted; `wanted` are those behind them.
async fn tell_rest(desk: &Desk, mut wanted: JudgedFilter, shown: usize) -> Result<(), CommandError> {
    let mut all = shown;
    wanted.limit = PAGE;
    while all < MOST_COUNTED {
        let page = desk.findings(&wanted).await?;
        all += page.findings.len();
        match page.next {
            Some(next) => wanted.after = Some(next),
            None => {
                show::rest(shown, u64::try_from(all).unwrap_or(u64::MAX));
                return Ok(());
            }
        }
    }
    show::line(&format!("{shown} of more than {all}; --limit N shows more"));
    Ok(())
}

/// A finding in two lines.
fn described(found: &FindingView) -> String {
    let verdict = match &found.verdict {
        None => "not judged".to_owned(),
        Some(given) => {
            let note = given.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            format!("{} by {} on {}{note}", given.verdict.as_str(), given.by, given.at)
        }
    };
    format!("{} {} {}\n    {verdict}\n", found.job_id, found.finding.id, show::finding(&found.finding))
}
