//! The rules in force, and how often each has counted.

use std::time::Duration;

use tokio::time::Instant;

use crate::fault::{Fault, Match, Rule};
use crate::heard::Heard;

/// Rules with their counts. The first that is for a request decides; all count it.
#[derive(Debug)]
pub(crate) struct Schedule {
    rules: Vec<(Rule, Count)>,
    since: Instant,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    met: u64,
    struck: u64,
}

impl Schedule {
    /// `rules` in force from `now` on.
    pub(crate) fn new(rules: Vec<Rule>, now: Instant) -> Self {
        let rules = rules.into_iter().map(|rule| (rule, Count::default())).collect();
        Self { rules, since: now }
    }

    /// Whether the connection is to be reset with nothing but the head read.
    pub(crate) fn resets_head(&mut self, now: Instant, rng: &mut fastrand::Rng) -> bool {
        let since = now.saturating_duration_since(self.since);
        let mut is_reset = false;
        for (rule, count) in self.rules.iter_mut().filter(|(rule, _)| needs_head_only(rule)) {
            let strikes = is_in_time(&rule.matching, since) && counts(&rule.matching, count, rng);
            count.struck += u64::from(strikes && !is_reset);
            is_reset |= strikes;
        }
        is_reset
    }

    /// The rule for a request that was read whole. `key` is the caller's whole key.
    pub(crate) fn rule_for(&mut self, heard: &Heard, key: &str, now: Instant, rng: &mut fastrand::Rng) -> Option<Rule> {
        let since = now.saturating_duration_since(self.since);
        let mut chosen: Option<Rule> = None;
        for (rule, count) in self.rules.iter_mut().filter(|(rule, _)| !needs_head_only(rule)) {
            let is_met = is_in_time(&rule.matching, since) && is_for(&rule.matching, heard, key);
            if is_met && counts(&rule.matching, count, rng) && chosen.is_none() {
                count.struck += 1;
                chosen = Some(rule.clone());
            }
        }
        chosen
    }
}

fn needs_head_only(rule: &Rule) -> bool {
    let matching = &rule.matching;
    rule.fault == Fault::ResetBeforeBody
        && matching.request_id.is_none()
        && matching.audio_sha256.is_none()
        && matching.key.is_none()
}

fn is_in_time(matching: &Match, since: Duration) -> bool {
    let since_ms = since.as_millis();
    matching.after_ms.is_none_or(|after| since_ms >= u128::from(after))
        && matching.before_ms.is_none_or(|before| since_ms < u128::from(before))
}

fn is_for(matching: &Match, heard: &Heard, key: &str) -> bool {
    matching.request_id.as_deref().is_none_or(|part| heard.request_id.as_deref().unwrap_or_default().contains(part))
        && matching.audio_sha256.as_deref().is_none_or(|start| heard.audio_sha256.starts_with(start))
        && matching.key.as_deref().is_none_or(|end| key.ends_with(end))
}

/// Counts a request that meets the rest of the match, and says whether its turn has come.
fn counts(matching: &Match, count: &mut Count, rng: &mut fastrand::Rng) -> bool {
    count.met += 1;
    (matching.nth.is_empty() || matching.nth.contains(&count.met))
        && matching.every.is_none_or(|every| every > 0 && count.met.is_multiple_of(every))
        && matching.times.is_none_or(|times| count.struck < times)
        && matching.probability.is_none_or(|probability| rng.f64() < probability)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(matching: Match, requests: &[&str]) -> Vec<usize> {
        let mut rng = fastrand::Rng::with_seed(7);
        let now = Instant::now();
        let mut schedule = Schedule::new(vec![Rule::when(matching, Fault::Stall)], now);
        let mut hit = |id: &str| {
            let heard = Heard { request_id: Some(id.into()), audio_sha256: id.into(), ..Heard::default() };
            schedule.rule_for(&heard, "id.secret", now, &mut rng).is_some()
        };
        requests.iter().enumerate().filter(|(_, id)| hit(id)).map(|(at, _)| at + 1).collect()
    }

    #[test]
    fn each_condition_picks_its_requests() {
        let all = ["a1", "b1", "a2", "b2", "a3", "b3"];
        let any = Match::default;
        let cases = [
            (any(), vec![1, 2, 3, 4, 5, 6]),
            (Match { nth: vec![2, 5], ..any() }, vec![2, 5]),
            (Match { every: Some(3), ..any() }, vec![3, 6]),
            (Match { every: Some(0), ..any() }, vec![]),
            (Match { request_id: Some("b".into()), ..any() }, vec![2, 4, 6]),
            (Match { request_id: Some("b".into()), nth: vec![2], ..any() }, vec![4]),
            (Match { audio_sha256: Some("a3".into()), ..any() }, vec![5]),
            (Match { key: Some("cret".into()), times: Some(2), ..any() }, vec![1, 2]),
            (Match { key: Some("other".into()), ..any() }, vec![]),
            (Match { after_ms: Some(1), ..any() }, vec![]),
            (Match { before_ms: Some(1), ..any() }, vec![1, 2, 3, 4, 5, 6]),
            (Match { probability: Some(0.0), ..any() }, vec![]),
            (Match { probability: Some(1.0), ..any() }, vec![1, 2, 3, 4, 5, 6]),
        ];
        for (matching, expected) in cases {
            assert_eq!(struck(matching.clone(), &all), expected, "{matching:?}");
        }
    }

    #[test]
    fn a_window_opens_and_closes_with_time() {
        let mut rng = fastrand::Rng::with_seed(7);
        let matching = Match { after_ms: Some(1000), before_ms: Some(2000), ..Match::default() };
        let start = Instant::now();
        let mut schedule = Schedule::new(vec![Rule::when(matching, Fault::ResetBeforeBody)], start);
        let mut at = |ms| schedule.resets_head(start + Duration::from_millis(ms), &mut rng);
        assert_eq!([at(999), at(1000), at(1999), at(2000)], [false, true, true, false]);
    }
}
