//! `earmark rules replay` and `earmark rules replays`

use std::fmt::Write as _;

use earmark_core::{Finding, JobId, Lane, rfc3339};
use earmark_journal::{NewReplay, Replacement, ReplayFilter, Replays};
use earmark_rules::replay::{Change, ChangeKind, Different, JobDifference, Judged, Judges, Summary, Tally};
use serde_json::json;

use crate::app::App;
use crate::config::CommandError;
use crate::desk::instant;
use crate::desk::rules::replay::{self, Walk};
use crate::doors::cli::{Outcome, jobs, show};

/// Jobs whose differences are kept, to be shown again; of the others only the counts are.
const KEPT_JOBS: u64 = 100_000;

/// Lines read at a time.
const PAGE: u32 = 500;

/// What to compare.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The rules that judge first: a path, a kept set's hash or a unique beginning of one, `active`, `starter`.
    #[arg(long, value_name = "SET", required_unless_present = "show")]
    from: Option<String>,
    /// The rules that judge second.
    #[arg(long, value_name = "SET", required_unless_present = "show")]
    to: Option<String>,
    /// Only jobs that were done at this time or later: RFC 3339, or a day.
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
    #[arg(long, value_name = "NAME", value_parser = jobs::person)]
    by: Option<String>,
    /// Show again what an earlier replay printed.
    #[arg(long, value_name = "ID", conflicts_with_all = ["from", "to", "apply"])]
    show: Option<String>,
}

/// Compares, prints and keeps; or shows again.
pub async fn replay(app: &App, args: Args) -> Result<Outcome, CommandError> {
    let replays = Replays::new(app.database.clone());
    if let Some(id) = &args.show {
        return show_again(&replays, id, args.json).await;
    }
    let set = async |name: &Option<String>| replay::rule_set(app, name.as_deref().unwrap_or("active")).await;
    let judges = Judges { from: set(&args.from).await?, to: set(&args.to).await? };
    let actor = args.by.as_ref().map_or_else(|| jobs::ACTOR.to_owned(), |name| format!("{}:{name}", jobs::ACTOR));
    let asked = NewReplay {
        from: judges.from.id().clone(),
        to: judges.to.id().clone(),
        filter: filter(&args)?,
        actor,
        is_applied: args.apply,
    };
    if args.apply {
        // What findings are made by is evidence.
        app.keep(&judges.to).await?;
    }
    let id = replays.begin(&asked).await?;
    show::note(&format!("replay {id}"));
    let mut printer = Printer {
        replays: &replays,
        id: &id,
        asked: &asked,
        is_json: args.json,
        tally: Tally::default(),
        summary: Summary::new(asked.from.clone(), asked.to.clone()),
        applied: (0, 0),
    };
    replay::walk(&replays, &judges, &asked.filter, &mut printer).await?;
    let Printer { tally, mut summary, applied: (replaced, there_already), .. } = printer;
    summary.count(tally);
    print_summary(&summary, args.json)?;
    replays.end(&id, &text(&summary)?).await?;
    if args.apply {
        show::note(&format!(
            "applied to {}; {there_already} had the findings of these rules already",
            show::counted(replaced, "job", "jobs")
        ));
    }
    Ok(if summary.unreadable_jobs == 0 { Outcome::Done } else { Outcome::SomeFailed })
}

fn filter(args: &Args) -> Result<ReplayFilter, CommandError> {
    let at = |option: &str, text: &Option<String>| {
        let parsed = text.as_ref().map(|text| {
            instant::parse(text)
                .map_err(|why| CommandError::plain(format!("{option} {text}: {why}"), Some(instant::HINT)))
        });
        parsed.transpose()
    };
    let (since_ms, until_ms) = (at("--since", &args.since)?, at("--until", &args.until)?);
    if let (Some(since), Some(until)) = (since_ms, until_ms)
        && since >= until
    {
        let message = format!("no job ends between {} and {}", rfc3339(since), rfc3339(until));
        return Err(CommandError::plain(message, Some("give a --since before --until, which is exclusive")));
    }
    Ok(ReplayFilter {
        since_ms,
        until_ms,
        tenant: args.tenant.as_deref().map(jobs::tenant).transpose()?,
        lane: args.lane,
        limit: args.limit.unwrap_or(0),
    })
}

/// Prints and keeps what is different as it comes, and applies it where that is wanted.
struct Printer<'a> {
    replays: &'a Replays,
    id: &'a str,
    asked: &'a NewReplay,
    is_json: bool,
    tally: Tally,
    summary: Summary,
    /// Jobs whose findings were replaced, and those that needed nothing.
    applied: (u64, u64),
}

impl Walk for Printer<'_> {
    async fn page(&mut self, judged: Vec<(JobId, Result<Judged, String>)>) -> Result<(), CommandError> {
        let mut lines = Vec::new();
        for (job, judged) in judged {
            let Judged { tally, difference, after } = match judged {
                Ok(judged) => judged,
                Err(why) => {
                    show::note(&format!("the report of job {job} cannot be read: {why}"));
                    self.summary.unreadable_jobs += 1;
                    continue;
                }
            };
            self.summary.jobs += 1;
            self.tally.add(&tally);
            let Some(Different { difference, json }) = difference else { continue };
            self.summary.changed_jobs += 1;
            print(&difference, &json, self.is_json);
            if self.asked.is_applied {
                let applied =
                    self.replays.replace_findings(self.id, &self.asked.to, &self.asked.actor, &job, &after).await?;
                match applied {
                    Replacement::Replaced => self.applied.0 += 1,
                    Replacement::AlreadyThere => self.applied.1 += 1,
                    Replacement::Gone => {}
                }
            }
            if self.summary.kept_jobs + (lines.len() as u64) < KEPT_JOBS {
                lines.push((job, json));
            }
        }
        self.replays.keep(self.id, self.summary.kept_jobs, &lines).await?;
        self.summary.kept_jobs += lines.len() as u64;
        Ok(())
    }
}

fn text(value: &impl serde::Serialize) -> Result<String, CommandError> {
    serde_json::to_string(value).map_err(|error| CommandError::internal(&error))
}

async fn show_again(replays: &Replays, id: &str, is_json: bool) -> Result<Outcome, CommandError> {
    let stored = replays.get(id).await?;
    let unreadable = |error: serde_json::Error| CommandError::internal(&error);
    let mut after = 0;
    loop {
        let lines = replays.lines(id, after, PAGE).await?;
        let Some((last, _)) = lines.last() else { break };
        after = *last;
        for (_, line) in &lines {
            print(&serde_json::from_str(line).map_err(unreadable)?, line, is_json);
        }
    }
    match stored.summary {
        Some(summary) => print_summary(&serde_json::from_str(&summary).map_err(unreadable)?, is_json)?,
        None => show::note("the replay has not ended, or was cut short"),
    }
    Ok(Outcome::Done)
}

fn print(difference: &JobDifference, json: &str, is_json: bool) {
    if is_json {
        return show::line(json);
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
    let value = match name {
        "severity" => json!(finding.severity),
        "kind" => json!(finding.kind),
        "category" => json!(finding.category),
        "score" => json!(finding.score),
        "reason" => json!(finding.reason),
        "shadow" => json!(finding.is_shadow),
        _ => serde_json::Value::Null,
    };
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn print_summary(summary: &Summary, is_json: bool) -> Result<(), CommandError> {
    if is_json {
        return show::json(&json!({ "summary": summary }));
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
pub async fn list(app: &App, limit: u32, is_json: bool) -> Result<Outcome, CommandError> {
    let mut table = show::table(&["replay", "began", "from", "to", "by", "applied", "jobs", "different"]);
    for stored in Replays::new(app.database.clone()).list(limit).await? {
        let summary: Option<Summary> = stored.summary.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let asked = &stored.asked;
        if is_json {
            show::json(&json!({
                "id": stored.id, "from": asked.from, "to": asked.to, "filter": asked.filter, "by": asked.actor, "applied": asked.is_applied,
                "began_at": rfc3339(stored.started_at_ms), "ended_at": stored.ended_at_ms.map(rfc3339), "summary": summary,
            }))?;
            continue;
        }
        let count = |count: fn(&Summary) -> u64| summary.as_ref().map_or("-".into(), |s| count(s).to_string());
        let set = |id: &earmark_core::RuleSetId| format!("{} {}", id.name, id.sha256.get(..12).unwrap_or_default());
        table.add_row([
            stored.id.clone(),
            rfc3339(stored.started_at_ms),
            set(&asked.from),
            set(&asked.to),
            asked.actor.clone(),
            if asked.is_applied { "yes" } else { "no" }.into(),
            count(|summary| summary.jobs),
            count(|summary| summary.changed_jobs),
        ]);
    }
    if !is_json {
        show::line(&table.to_string());
    }
    Ok(Outcome::Done)
}
