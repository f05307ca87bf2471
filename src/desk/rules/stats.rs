//! How often each rule is right, as far as reviewers said.

use std::collections::BTreeMap;

use earmark_core::FindingKind;
use earmark_core::Verdict;
use earmark_journal::{JournalError, JudgedFilter};

use crate::desk::Desk;
use crate::desk::views::{FindingView, RuleStatsView, VerdictCounts};

/// Findings read at a time.
const PAGE: u32 = 1000;

/// Which findings are counted together: rule, version, and whether on trial.
type Rule = (String, Option<u32>, bool);

/// One rule's findings, together and by how the words were matched.
#[derive(Default)]
struct Counts {
    all: VerdictCounts,
    by_kind: BTreeMap<String, VerdictCounts>,
}

impl Desk {
    /// Counts the findings that `filter` lets through, and what was said of them, by rule.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn rule_stats(&self, mut filter: JudgedFilter) -> Result<Vec<RuleStatsView>, JournalError> {
        filter.limit = PAGE;
        let mut rules: BTreeMap<Rule, Counts> = BTreeMap::new();
        loop {
            let page = self.findings(&filter).await?;
            page.findings.iter().for_each(|found| count(&mut rules, found));
            match page.next {
                Some(next) => filter.after = Some(next),
                None => break,
            }
        }
        let view = |((rule_id, rule_version, is_shadow), counts): (Rule, Counts)| RuleStatsView {
            rule_id,
            rule_version,
            is_shadow,
            all: counts.all.with_precision(),
            by_kind: counts.by_kind.into_iter().map(|(kind, counts)| (kind, counts.with_precision())).collect(),
        };
        Ok(rules.into_iter().map(view).collect())
    }
}

fn count(rules: &mut BTreeMap<Rule, Counts>, found: &FindingView) {
    let finding = &found.finding;
    let rule = (finding.rule_id.clone(), finding.rule_version, finding.is_shadow);
    let verdict = found.verdict.as_ref().map(|given| given.verdict);
    let counts = rules.entry(rule).or_default();
    add(&mut counts.all, verdict);
    add(counts.by_kind.entry(word(finding.kind)).or_default(), verdict);
}

fn add(counts: &mut VerdictCounts, verdict: Option<Verdict>) {
    counts.findings += 1;
    match verdict {
        Some(Verdict::Confirmed) => counts.confirmed += 1,
        Some(Verdict::Rejected) => counts.rejected += 1,
        None => counts.unjudged += 1,
    }
}

/// The word a kind is in JSON.
fn word(kind: FindingKind) -> String {
    let word = serde_json::to_value(kind).ok();
    word.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}
