//! `earmark rules replay` and `earmark rules replays`

use std::fmt::Write as _;

use earmark_core::{Finding, JobId, Lane, RuleSetId, rfc3339};

use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::rules::in_force::short;
use crate::desk::rules::replay::{
    Change, ChangeKind, JobDifference, NewComparison, ReplayFilter, ReplayWatcher, Summary,
};
use crate::desk::views::SummaryLine;
use crate::doors::cli::outcome::Outcome;
use crate::doors::cli::{arguments, show};

/// What to compare.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The rules that judge first: a path, a kept set's hash or a unique beginning of one, `active`, `starter`.
    #[arg(long, value_name = "SET", required_unless_present = "show")]
    from: Option<String>,
    /// The rules that judge second.
    #[arg(long, value_name = "SET", required_unless_present = "show")]
    to: Option<String>,
    /// Only jobs that were done at this time or later: RFC 3339, a day, or a span such as 2h.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only jobs that were done before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only this tenant's.
    #[arg(long)]
    tenant: Option<String>,
    /// Only this lane's: webhook, call, archive.
    #[arg(long)]
    lane: Option<Lane>,
    /// At most so many jobs, the oldest first.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// As JSON: a line for each job in which something is different, then the summary.
    #[arg(long)]
    json: bool,
    /// Put what the second rules find in the place of the findings there are, on record.
    #[arg(long, requires = "by")]
    apply: bool,
    /// Who wants it, for the record.
    #[arg(long, value_name = "NAME", value_parser = arguments::person)]
    by: Option<String>,
    /// Show again what an earlier replay printed.
    #[arg(long, value_name = "ID", conflicts_with_all = ["from", "to", "apply"])]
    show: Option<String>,
}

/// Compares, prints and keeps; or shows again.
pub async fn replay(desk: &Desk, args: Args) -> Result<Outcome, CommandError> {
    if let Some(id) = &args.show {
        return show_again(desk, id, args.json).await;
    }
    let comparison = NewComparison {
        from: args.from.as_deref().unwrap_or("active"),
        to: args.to.as_deref().unwrap_or("active"),
        filter: filter(&args)?,
        actor: arguments::actor(args.by.as_deref()),
        is_applied: args.apply,
    };
    let replayed = desk.replay(comparison, &mut Printer { is_json: args.json }).await?;
    print_summary(&replayed.summary, args.json)?;
    if args.apply {
        show::note(&format!(
            "applied to {}; {} had the findings of these rules already",
            show::counted(replayed.replaced, "job", "jobs"),
            replayed.there_already
        ));
    }
    Ok(if replayed.summary.unreadable_jobs == 0 { Outcome::Done } else { Outcome::SomeFailed })
}

fn filter(args: &Args) -> Result<ReplayFilter, CommandError> {
    let since_ms = arguments::instant_ms("--since", args.since.as_deref())?;
    let until_ms = arguments::instant_ms("--until", args.until.as_deref())?;
    if let (Some(since), Some(until)) = (since_ms, until_ms)
        && since >= until
    {
        let message = format!("no job ends between {} and {}", rfc3339(since), rfc3339(until));
        return Err(CommandError::plain(message, Some("give a --since before --until, which is exclusive")));
    }
    Ok(ReplayFilter {
        since_ms,
        until_ms,
        tenant: args.tenant.as_deref().map(arguments::tenant).transpose()?,
        lane: args.lane,
        limit: args.limit.unwrap_or(0),
    })
}

/// Prints what is different as it comes.
struct Printer {
    is_json: bool,
}

impl ReplayWatcher for Printer {
    fn began(&mut self, id: &str) {
        show::note(&format!("replay {id}"));
    }

    fn different(&mut self, difference: &JobDifference, line: &str) {
        print(difference, line, self.is_json);
    }

    fn unreadable(&mut self, job: &JobId, why: &str) {
        show::note(&format!("the report of job {job} cannot be read: {why}"));
    }
}

async fn show_again(desk: &Desk, id: &str, is_json: bool) -> Result<Outcome, CommandError> {
    match desk.replay_again(id, |difference, line| print(difference, line, is_json)).await? {
        Some(summary) => print_summary(&summary, is_json)?,
        None => show::note("the replay has not ended, or was cut short"),
    }
    Ok(Outcome::Done)
}

fn print(difference: &JobDifference, line: &str, is_json: bool) {
    if is_json {
        return show::line(line);
    }
    let mut text = format!("job {} {} {}\n", difference.job_id, difference.tenant, difference.finished_at);
    for change in &difference.changes {
        describe(change, &mut text);
    }
    show::text(&text);
}

/// A change in two or three lines: the finding as ever, what is different, and why it was found.
fn describe(change: &Change, text: &mut String) {
    let Some(finding) = change.after.as_ref().or(change.before.as_ref()) else { return };
    let sign = match change.change {
        ChangeKind::Added => '+',
        ChangeKind::Removed => '-',
        ChangeKind::Changed => '~',
    };
    let trial = if finding.is_shadow { " [shadow]" } else { "" };
    let _ = writeln!(text, "  {sign} {}{trial}", show::finding(finding));
    if let (Some(before), Some(after)) = (&change.before, &change.after) {
        for what in &change.what {
            let _ = writeln!(text, "      {what}: {} -> {}", field(before, what), field(after, what));
        }
        return;
    }
    let _ = writeln!(text, "      {}", finding.reason);
    for evidence in finding.evidence.iter().filter(|evidence| !evidence.matched.is_empty()) {
        let at = earmark_core::minutes_seconds(evidence.start_ms);
        let who = evidence.speaker.as_ref().map(|speaker| format!(" ({})", speaker.0)).unwrap_or_default();
        let _ = writeln!(text, "      with {at} \"{}\"{who}", evidence.matched);
    }
}

/// What stands in the field `name`, as in JSON but without quotes.
fn field(finding: &Finding, name: &str) -> String {
    match name {
        "severity" => show::word(&finding.severity),
        "kind" => show::word(&finding.kind),
        "category" => show::word(&finding.category),
        "score" => show::word(&finding.score),
        "reason" => show::word(&finding.reason),
        "shadow" => show::word(&finding.is_shadow),
        _ => "null".into(),
    }
}

fn print_summary(summary: &Summary, is_json: bool) -> Result<(), CommandError> {
    if is_json {
        return show::json(&SummaryLine { summary });
    }
    if !summary.rules.is_empty() {
        let mut table = show::table(&["rule", "before", "after", "added", "removed", "changed"]);
        for row in &summary.rules {
            let counts = &row.counts;
            let numbers = [counts.before, counts.after, counts.added, counts.removed, counts.changed];
            let cells = std::iter::once(row.rule_id.clone()).chain(numbers.iter().map(ToString::to_string));
            table.add_row(cells.collect::<Vec<_>>());
        }
        show::line(&table.to_string());
    }
    let Summary { from, to, total, .. } = summary;
    show::line(&format!("from {} {}\nto   {} {}", from.name, from.sha256, to.name, to.sha256));
    show::line(&format!(
        "{}, different in {}: {} added, {} removed, {} changed",
        show::counted(summary.jobs, "job", "jobs"),
        summary.changed_jobs,
        show::counted(total.added, "finding", "findings"),
        total.removed,
        total.changed
    ));
    if summary.kept_jobs < summary.changed_jobs {
        show::line(&format!("of these jobs {} are kept to be shown again", summary.kept_jobs));
    }
    if summary.unreadable_jobs > 0 {
        show::line(&format!("{} could not be read", show::counted(summary.unreadable_jobs, "report", "reports")));
    }
    Ok(())
}

/// The replays on record, the newest first.
pub async fn list(desk: &Desk, limit: u32, is_json: bool) -> Result<Outcome, CommandError> {
    let (replays, has_more) = desk.replays(limit).await?;
    let shown = replays.len();
    if is_json {
        replays.iter().try_for_each(show::json)?;
        return Ok(Outcome::Done);
    }
    let mut table = show::table(&["replay", "began", "from", "to", "by", "applied", "jobs", "different"]);
    for replay in replays {
        let summary = replay.summary.as_ref();
        let count = |count: fn(&Summary) -> u64| summary.map_or_else(|| "-".into(), |s| count(s).to_string());
        let set = |id: &RuleSetId| format!("{} {}", id.name, short(&id.sha256));
        table.add_row([
            replay.id.clone(),
            replay.began_at.clone(),
            set(&replay.from),
            set(&replay.to),
            replay.by.clone(),
            if replay.is_applied { "yes" } else { "no" }.into(),
            count(|summary| summary.jobs),
            count(|summary| summary.changed_jobs),
        ]);
    }
    show::line(&table.to_string());
    show::more(shown, has_more);
    Ok(Outcome::Done)
}
