//! Two judgements of the same recording, side by side: which finding of one is which of the other.

use std::collections::{HashMap, VecDeque};

use crate::Finding;

/// A finding of either judgement, with the one of the other that is at the same place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FindingPair<'a> {
    /// Found both times: before, after.
    Both(&'a Finding, &'a Finding),
    /// Found the first time only.
    Before(&'a Finding),
    /// Found the second time only.
    After(&'a Finding),
}

impl<'a> FindingPair<'a> {
    /// The later of its findings.
    pub fn latest(&self) -> &'a Finding {
        match self {
            Self::Both(_, finding) | Self::Before(finding) | Self::After(finding) => finding,
        }
    }
}

/// Pairs the findings of two judgements of one transcript, in order of time: those of one rule in one utterance whose
/// spans are the same or overlap; where a finding has no utterance (something was not said, a property of the voice),
/// those of one rule, the same stretch first. Each finding is in exactly one pair.
pub fn pair_findings<'a>(before: &'a [Finding], after: &'a [Finding]) -> Vec<FindingPair<'a>> {
    let mut pairs = Vec::with_capacity(before.len().max(after.len()));
    let mut exact: HashMap<_, VecDeque<usize>> = HashMap::new();
    for (number, finding) in after.iter().enumerate() {
        exact.entry(stretch(finding)).or_default().push_back(number);
    }
    let mut is_taken = vec![false; after.len()];
    let mut left = Vec::new();
    for finding in before {
        match exact.get_mut(&stretch(finding)).and_then(VecDeque::pop_front) {
            Some(number) => {
                is_taken[number] = true;
                pairs.push(FindingPair::Both(finding, &after[number]));
            }
            None => left.push(finding),
        }
    }
    // What is left of each rule in each utterance is little.
    let mut near: HashMap<_, Vec<usize>> = HashMap::new();
    for (number, finding) in after.iter().enumerate().filter(|(number, _)| !is_taken[*number]) {
        near.entry((finding.rule_id.as_str(), finding.utterance_id)).or_default().push(number);
    }
    for finding in left {
        let others = near.get_mut(&(finding.rule_id.as_str(), finding.utterance_id));
        let found = others.and_then(|others| {
            let place = others.iter().position(|&number| is_near(finding, &after[number]))?;
            Some(others.remove(place))
        });
        match found {
            Some(number) => {
                is_taken[number] = true;
                pairs.push(FindingPair::Both(finding, &after[number]));
            }
            None => pairs.push(FindingPair::Before(finding)),
        }
    }
    let news = after.iter().zip(is_taken).filter(|(_, is_taken)| !is_taken);
    pairs.extend(news.map(|(finding, _)| FindingPair::After(finding)));
    pairs.sort_by(|a, b| order(a.latest()).cmp(&order(b.latest())));
    pairs
}

type Stretch<'a> = (&'a str, Option<u32>, Option<u16>, Option<[usize; 2]>, u64, u64);

/// Rule and exact place of a finding.
fn stretch(finding: &Finding) -> Stretch<'_> {
    let Finding { rule_id, utterance_id, channel, span, start_ms, end_ms, .. } = finding;
    (rule_id, *utterance_id, *channel, *span, *start_ms, *end_ms)
}

/// Whether two findings of one rule, in one utterance or without any, are at the same place.
fn is_near(a: &Finding, b: &Finding) -> bool {
    match (a.span, b.span) {
        (Some(a), Some(b)) => a[0] < b[1] && b[0] < a[1],
        (None, _) | (_, None) => true,
    }
}

fn order(finding: &Finding) -> (u64, u64, &str, Option<u16>, Option<[usize; 2]>) {
    (finding.start_ms, finding.end_ms, &finding.rule_id, finding.channel, finding.span)
}

impl Finding {
    /// In what two findings at one place differ, for whoever reads them: `severity`, `kind`, `category`, `score`,
    /// `reason`, `shadow`. Ids, rule versions and rule sets do not count.
    pub fn differs_in(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("severity", self.severity != other.severity),
            ("kind", self.kind != other.kind),
            ("category", self.category != other.category),
            ("score", self.score != other.score),
            ("reason", self.reason != other.reason),
            ("shadow", self.is_shadow != other.is_shadow),
        ];
        fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FindingKind, Severity};

    fn finding(id: &str, rule: &str, utterance: Option<u32>, span: Option<[usize; 2]>) -> Finding {
        let start_ms = utterance.map_or(0, |utterance| u64::from(utterance) * 1000);
        Finding {
            id: id.into(),
            rule_id: rule.into(),
            rule_version: None,
            category: "c".into(),
            severity: Severity::High,
            kind: if span.is_some() { FindingKind::Exact } else { FindingKind::Missing },
            reason: "said".into(),
            utterance_id: utterance,
            channel: utterance.map(|_| 0),
            speaker: None,
            start_ms,
            end_ms: start_ms + 500,
            matched: String::new(),
            span,
            phrase: None,
            normal: None,
            rule_set_sha256: None,
            score: None,
            actions: Vec::new(),
            evidence: Vec::new(),
            is_shadow: false,
        }
    }

    fn ids(before: &[Finding], after: &[Finding]) -> Vec<String> {
        let id = |pair: &FindingPair| match pair {
            FindingPair::Both(before, after) => format!("{}={}", before.id, after.id),
            FindingPair::Before(finding) => format!("-{}", finding.id),
            FindingPair::After(finding) => format!("+{}", finding.id),
        };
        pair_findings(before, after).iter().map(id).collect()
    }

    #[test]
    fn findings_of_one_rule_at_one_place_are_pairs_whatever_their_ids() {
        let before = [
            finding("f1", "notice", None, None),
            finding("f2", "a", Some(1), Some([0, 4])),
            finding("f3", "a", Some(1), Some([6, 9])),
            finding("f4", "b", Some(2), Some([0, 4])),
            finding("f5", "a", Some(3), Some([0, 4])),
        ];
        let after = [
            finding("g1", "a", Some(1), Some([8, 12])),
            finding("g2", "a", Some(1), Some([0, 4])),
            finding("g3", "c", Some(2), Some([0, 4])),
            finding("g4", "a", Some(3), Some([4, 6])),
            Finding { end_ms: 9, ..finding("g5", "notice", None, None) },
        ];
        let found = ids(&before, &after);
        let expected = ["f1=g5", "f2=g2", "f3=g1", "-f4", "+g3", "-f5", "+g4"];
        assert_eq!(found, expected);
    }

    #[test]
    fn every_finding_is_in_one_pair_even_where_several_are_alike() {
        let two = [finding("f1", "a", Some(1), Some([0, 4])), finding("f2", "a", Some(1), Some([0, 4]))];
        assert_eq!(ids(&two, &two[..1]), ["f1=f1", "-f2"]);
        assert_eq!(ids(&two[..1], &two), ["f1=f1", "+f2"]);
        assert!(ids(&[], &[]).is_empty());
    }

    #[test]
    fn what_a_reader_sees_is_a_difference_and_ids_are_none() {
        let one = finding("f1", "a", Some(1), Some([0, 4]));
        let same =
            Finding { id: "f9".into(), rule_version: Some(2), rule_set_sha256: Some("ab".into()), ..one.clone() };
        assert!(one.differs_in(&same).is_empty());
        let other = Finding { severity: Severity::Low, reason: "x".into(), is_shadow: true, ..one.clone() };
        assert_eq!(one.differs_in(&other), ["severity", "reason", "shadow"]);
    }
}
