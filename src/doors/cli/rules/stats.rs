//! `earmark rules stats`: how often each rule is right, as far as reviewers said, or as labelled transcripts say.

use std::path::Path;

use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::findings::JudgedFilter;
use crate::desk::views::{RuleStatsView, VerdictCounts};
use crate::doors::cli::outcome::Outcome;
use crate::doors::cli::{arguments, show};

/// What to count.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only findings of jobs that were done at this time or later: RFC 3339, a day, or a span such as 2h.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only this tenant's.
    #[arg(long)]
    tenant: Option<String>,
    /// Only this rule's.
    #[arg(long)]
    rule: Option<String>,
    /// As JSON, a rule a line.
    #[arg(long)]
    json: bool,
    /// Judge these labelled transcripts instead, a JSON object a line: gives what is missed, too.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["since", "tenant", "rule"])]
    labelled: Option<std::path::PathBuf>,
    /// With --labelled: by these rules; a path, a kept set's hash, `active` (the default) or `starter`.
    #[arg(long, value_name = "SET", requires = "labelled")]
    set: Option<String>,
}

pub async fn stats(desk: &Desk, args: Args) -> Result<Outcome, CommandError> {
    if let Some(path) = &args.labelled {
        return labelled(desk, path, args.set.as_deref().unwrap_or("active"), args.json).await;
    }
    let filter = JudgedFilter {
        tenant: args.tenant.as_deref().map(arguments::tenant).transpose()?,
        rule_id: args.rule,
        since_ms: arguments::instant_ms("--since", args.since.as_deref())?,
        ..JudgedFilter::default()
    };
    let rules = desk.rule_stats(filter).await?;
    if args.json {
        rules.iter().try_for_each(show::json)?;
    } else {
        print(&rules);
    }
    Ok(Outcome::Done)
}

fn print(rules: &[RuleStatsView]) {
    if rules.is_empty() {
        show::note("no findings");
        return;
    }
    let mut table = show::table(&[
        "rule",
        "version",
        "kind",
        "findings",
        "confirmed",
        "rejected",
        "not judged",
        "precision (95 %)",
    ]);
    for rule in rules {
        let version = rule.rule_version.map(|version| version.to_string()).unwrap_or_default();
        let name = if rule.is_shadow { format!("{} [shadow]", rule.rule_id) } else { rule.rule_id.clone() };
        table.add_row(cells(name, version, "all", &rule.all));
        if rule.by_kind.len() > 1 {
            for (kind, counts) in &rule.by_kind {
                table.add_row(cells(String::new(), String::new(), kind, counts));
            }
        }
    }
    show::line(&table.to_string());
    if rules.iter().all(|rule| rule.all.precision.is_none()) {
        show::line(
            "no verdicts yet: `earmark findings list` shows what to judge, `earmark findings confirm` or `reject` judges",
        );
    }
}

fn cells(name: String, version: String, kind: &str, counts: &VerdictCounts) -> Vec<String> {
    let precision = counts.precision.map_or_else(|| "no verdicts".into(), |share| share.to_string());
    let numbers = [counts.findings, counts.confirmed, counts.rejected, counts.unjudged];
    let numbers = numbers.map(|number| number.to_string());
    [name, version, kind.to_owned()].into_iter().chain(numbers).chain([precision]).collect()
}

/// Judges the transcripts in `path` by the rule set `set`, and prints recall and precision by rule.
async fn labelled(desk: &Desk, path: &Path, set: &str, is_json: bool) -> Result<Outcome, CommandError> {
    let report = desk.judge_labelled(path, set).await?;
    if is_json {
        report.rows.iter().try_for_each(show::json)?;
        return Ok(Outcome::Done);
    }
    let mut table = show::table(&[
        "rule or category",
        "expected",
        "found",
        "recall (95 %)",
        "findings",
        "right",
        "precision (95 %)",
    ]);
    for row in report.rows {
        table.add_row([
            row.rule_id,
            row.expected.to_string(),
            row.found.to_string(),
            row.recall.map_or_else(|| "no labels".into(), |share| share.to_string()),
            row.findings.to_string(),
            row.right.to_string(),
            row.precision.map_or_else(|| "no findings".into(), |share| share.to_string()),
        ]);
    }
    show::line(&table.to_string());
    show::line(&format!(
        "{}, rule set {} {}",
        show::counted(report.transcripts, "transcript", "transcripts"),
        report.rule_set.name,
        report.rule_set.sha256
    ));
    Ok(Outcome::Done)
}
