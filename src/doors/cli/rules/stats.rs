//! `earmark rules stats`: how often each rule is right, as far as reviewers said.

use std::collections::BTreeMap;

use earmark_core::{FindingKind, Verdict};
use earmark_journal::{JudgedFilter, JudgedFinding, Verdicts};
use serde::Serialize;
use serde_json::json;

use super::labelled;
use crate::app::App;
use crate::config::CommandError;
use crate::desk::rules::share::Share;
use crate::doors::cli::{Outcome, findings, jobs, show};

/// Findings read at a time.
const PAGE: u32 = 1000;

/// What to count.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only findings of jobs that were done at this time or later: RFC 3339, or a day.
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

/// Which findings are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Of {
    rule_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_version: Option<u32>,
    shadow: bool,
}

/// Findings and what was said of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Said {
    findings: u64,
    confirmed: u64,
    rejected: u64,
    unjudged: u64,
}

impl Said {
    fn add(&mut self, verdict: Option<Verdict>) {
        self.findings += 1;
        match verdict {
            Some(Verdict::Confirmed) => self.confirmed += 1,
            Some(Verdict::Rejected) => self.rejected += 1,
            None => self.unjudged += 1,
        }
    }

    fn precision(&self) -> Option<Share> {
        Share::of(self.confirmed, self.confirmed + self.rejected)
    }
}

/// One rule's findings, together and by how the words were matched.
#[derive(Debug, Default)]
struct Row {
    all: Said,
    by_kind: BTreeMap<String, Said>,
}

/// The command.
pub async fn stats(app: &App, args: Args) -> Result<Outcome, CommandError> {
    if let Some(path) = &args.labelled {
        return labelled::stats(app, path, args.set.as_deref().unwrap_or("active"), args.json).await;
    }
    let mut filter = JudgedFilter {
        tenant: args.tenant.as_deref().map(jobs::tenant).transpose()?,
        rule_id: args.rule,
        since_ms: findings::since(args.since.as_deref())?,
        limit: PAGE,
        ..JudgedFilter::default()
    };
    let verdicts = Verdicts::new(app.database.clone());
    let mut rows: BTreeMap<Of, Row> = BTreeMap::new();
    loop {
        let page = verdicts.list(&filter).await?;
        page.iter().for_each(|found| count(&mut rows, found));
        match page.last() {
            Some(last) if page.len() as u64 == u64::from(PAGE) => filter.after = Some(last.place()),
            _ => break,
        }
    }
    if args.json {
        print_json(&rows)?
    } else {
        print(&rows)
    }
    Ok(Outcome::Done)
}

fn count(rows: &mut BTreeMap<Of, Row>, found: &JudgedFinding) {
    let finding = &found.finding;
    let of = Of { rule_id: finding.rule_id.clone(), rule_version: finding.rule_version, shadow: finding.is_shadow };
    let verdict = found.verdict.as_ref().map(|given| given.verdict);
    let row = rows.entry(of).or_default();
    row.all.add(verdict);
    row.by_kind.entry(word(finding.kind)).or_default().add(verdict);
}

/// The word a kind is in JSON.
fn word(kind: FindingKind) -> String {
    json!(kind).as_str().unwrap_or_default().to_owned()
}

fn print_json(rows: &BTreeMap<Of, Row>) -> Result<(), CommandError> {
    for (of, row) in rows {
        let mut line = json!(of);
        let kinds: serde_json::Map<_, _> =
            row.by_kind.iter().map(|(kind, said)| (kind.clone(), with_share(said))).collect();
        if let (Some(line), Some(all)) = (line.as_object_mut(), with_share(&row.all).as_object()) {
            line.extend(all.clone());
            line.insert("by_kind".into(), kinds.into());
        }
        show::json(&line)?;
    }
    Ok(())
}

fn with_share(said: &Said) -> serde_json::Value {
    let mut value = json!(said);
    value["precision"] = json!(said.precision());
    value
}

fn print(rows: &BTreeMap<Of, Row>) {
    if rows.is_empty() {
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
    for (of, row) in rows {
        let version = of.rule_version.map(|version| version.to_string()).unwrap_or_default();
        let name = if of.shadow { format!("{} [shadow]", of.rule_id) } else { of.rule_id.clone() };
        table.add_row(cells(name, version, "all", &row.all));
        if row.by_kind.len() > 1 {
            for (kind, said) in &row.by_kind {
                table.add_row(cells(String::new(), String::new(), kind, said));
            }
        }
    }
    show::line(&table.to_string());
    if rows.values().all(|row| row.all.precision().is_none()) {
        show::line(
            "no verdicts yet: `earmark findings list` shows what to judge, `earmark findings confirm` or `reject` judges",
        );
    }
}

fn cells(name: String, version: String, kind: &str, said: &Said) -> Vec<String> {
    let precision = said.precision().map_or_else(|| "no verdicts".into(), |share| share.to_string());
    let numbers = [said.findings, said.confirmed, said.rejected, said.unjudged].map(|number| number.to_string());
    [name, version, kind.to_owned()].into_iter().chain(numbers).chain([precision]).collect()
}
