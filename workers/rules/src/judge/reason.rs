//! Why a finding was raised, in a sentence.

mod clause;
mod example;

use crate::judge::cluster::{Cluster, Spot};
use crate::judge::mentions::Mention;
use crate::judge::reason::example::example;
use crate::language::compiled::CompiledRules;
use crate::language::condition::{Condition, Distance, Side, Unit};
use crate::language::rule::Rule;
use crate::recording::facts::Recording;
use crate::recording::within::Within;

/// So many places are named; the evidence has all.
const NAMED: usize = 4;

/// Why words were a hit, in `language` (`zh`, all others English). `merged` are the sounds (`n-l`) without which they
/// would not sound like the phrase.
pub(crate) fn of_words(rule: &Rule, language: &str, mention: &Mention, phrase: &str, merged: &[&str]) -> String {
    let message = rule.message_in(language);
    let matched = &mention.matched;
    let mut reason = message.to_owned();
    let pairs = |and: &str, between: &str| {
        let pairs: Vec<String> = merged.iter().map(|pair| pair.replace('-', and)).collect();
        pairs.join(between)
    };
    if language == "zh" {
        reason.push_str(&format!("：听到“{matched}”"));
        if mention.is_by_sound() && merged.is_empty() {
            reason.push_str(&format!("，与“{phrase}”同音"));
        } else if mention.is_by_sound() {
            reason.push_str(&format!("，与“{phrase}”近音（不分{}）", pairs("和", "、")));
        }
        if mention.goes_on {
            reason.push_str("，下一句接着说完");
        }
    } else {
        reason.push_str(&format!(": heard “{matched}”"));
        if mention.is_by_sound() {
            reason.push_str(&format!(", which sounds like “{phrase}”"));
        }
        if !merged.is_empty() {
            reason.push_str(&format!(" where {} are one sound", pairs(" and ", ", ")));
        }
        if mention.goes_on {
            reason.push_str(", which goes on in the next utterance");
        }
    }
    reason
}

/// Why a condition holds without a place that shows it.
pub(crate) fn of_missing(set: &CompiledRules, rule: &Rule, language: &str) -> String {
    let message = rule.message_in(language);
    let is_chinese = language == "zh";
    let Condition::Missing(of) = &rule.condition else {
        let colon = if is_chinese { "：" } else { ": " };
        return format!("{message}{colon}{}", clause::absences(set, &rule.condition, language).join("; "));
    };
    let example = example(set, of, language);
    let scope = of.terms().first().and_then(|&term| set.scopes().get(term));
    match (is_chinese, scope.and_then(|scope| scope.within)) {
        (true, Some(within)) => format!("{message}：{}没有听到“{example}”或类似的话", part(within, language)),
        (true, None) => format!("{message}：没有听到“{example}”或类似的话"),
        (false, Some(within)) => {
            format!("{message}: nothing like “{example}” was heard in {}", part(within, language))
        }
        (false, None) => format!("{message}: nothing like “{example}” was heard"),
    }
}

/// Why `cluster` shows that a condition holds: what was heard where, and how it combines.
pub(crate) fn of_combination(
    set: &CompiledRules,
    recording: &Recording,
    rule: &Rule,
    cluster: &Cluster,
    language: &str,
) -> String {
    let message = rule.message_in(language);
    let is_chinese = language == "zh";
    let mut spots: Vec<&Spot> = cluster.spots.iter().collect();
    spots.sort_by_key(|spot| spot.times());
    let mut named: Vec<String> = spots.iter().take(NAMED).map(|spot| clause::spot(recording, spot, language)).collect();
    if spots.len() > NAMED {
        let more = spots.len() - NAMED;
        named.push(if is_chinese { format!("另{more}处") } else { format!("{more} more") });
    }
    let mut clauses = Vec::new();
    let voices = cluster.spots.iter().filter(|spot| spot.mention().is_none()).count();
    let heard = named.join(if is_chinese { "、" } else { ", " });
    clauses.push(match (is_chinese, voices == cluster.spots.len()) {
        (_, true) => heard,
        (true, false) => format!("听到{heard}"),
        (false, false) => format!("heard {heard}"),
    });
    clauses.extend(combined(&rule.condition, cluster, language));
    clauses.extend(clause::absences(set, &rule.condition, language));
    let (colon, comma) = if is_chinese { ("：", "；") } else { (": ", "; ") };
    format!("{message}{colon}{}", clauses.join(comma))
}

/// How the places stand to one another.
fn combined(condition: &Condition, cluster: &Cluster, language: &str) -> Option<String> {
    let is_chinese = language == "zh";
    let far = |most: &Option<Distance>| most.as_ref().map(|most| distance(*most, language));
    let and = |text: &str, most: &Option<Distance>| match (far(most), is_chinese) {
        (Some(far), true) => format!("{text}，{far}内"),
        (Some(far), false) => format!("{text}, within {far}"),
        (None, _) => text.to_owned(),
    };
    let count = cluster.spots.len();
    Some(match condition {
        Condition::Near { most, .. } => {
            let far = distance(*most, language);
            if is_chinese { format!("相隔不超过{far}") } else { format!("no more than {far} apart") }
        }
        Condition::Beside { side: Side::Behind, most, .. } => {
            and(if is_chinese { "前者在后者之前" } else { "the first before the other" }, most)
        }
        Condition::Beside { side: Side::Ahead, most, .. } => {
            and(if is_chinese { "后者在前者之后" } else { "the second after the other" }, most)
        }
        Condition::Between { most, .. } => and(if is_chinese { "在两者之间" } else { "one between the others" }, most),
        Condition::Sequence { most, .. } => and(if is_chinese { "依次出现" } else { "in this order" }, most),
        Condition::Count { most, .. } => {
            and(&if is_chinese { format!("共{count}次") } else { format!("{count} times") }, most)
        }
        Condition::Repeated { most, .. } => {
            and(&if is_chinese { format!("同一句话{count}次") } else { format!("the same {count} times") }, most)
        }
        Condition::Unanswered { by, most, .. } => {
            let by = by.as_deref().unwrap_or(if is_chinese { "对方" } else { "the other side" });
            match (far(most), is_chinese) {
                (Some(far), true) => format!("{by}在{far}内没有回答"),
                (None, true) => format!("{by}没有回答"),
                (Some(far), false) => format!("no answer from {by} within {far}"),
                (None, false) => format!("no answer from {by}"),
            }
        }
        _ => return None,
    })
}

fn distance(distance: Distance, language: &str) -> String {
    let Distance { unit, most } = distance;
    match (unit, language) {
        (Unit::Time, "zh") => format!("{}秒", clause::secs(most)),
        (Unit::Words, "zh") => format!("{most}个字"),
        (Unit::Turns, "zh") => format!("{most}轮对话"),
        (Unit::Time, _) => format!("{} s", clause::secs(most)),
        (Unit::Words, _) => format!("{most} words"),
        (Unit::Turns, _) => format!("{most} turns"),
    }
}

/// `the first 60 s`.
fn part(within: Within, language: &str) -> String {
    let secs = |ms: u64| clause::secs(ms);
    match (within, language) {
        (Within::Time { from_ms: 0, to_ms: Some(to) }, "zh") => format!("前{}秒内", secs(to)),
        (Within::Time { from_ms, to_ms: Some(to) }, "zh") => format!("第{}秒到第{}秒", secs(from_ms), secs(to)),
        (Within::Time { from_ms, to_ms: None }, "zh") => format!("{}秒之后", secs(from_ms)),
        (Within::LastMs(last), "zh") => format!("最后{}秒内", secs(last)),
        (Within::FirstTurns(first), "zh") => format!("前{first}轮对话内"),
        (Within::LastTurns(last), "zh") => format!("最后{last}轮对话内"),
        (Within::FirstPercent(first), "zh") => format!("前{first}%内"),
        (Within::LastPercent(last), "zh") => format!("最后{last}%内"),
        (Within::Time { from_ms: 0, to_ms: Some(to) }, _) => format!("the first {} s", secs(to)),
        (Within::Time { from_ms, to_ms: Some(to) }, _) => format!("seconds {} to {}", secs(from_ms), secs(to)),
        (Within::Time { from_ms, to_ms: None }, _) => format!("what follows {} s", secs(from_ms)),
        (Within::LastMs(last), _) => format!("the last {} s", secs(last)),
        (Within::FirstTurns(first), _) => format!("the first {first} turns"),
        (Within::LastTurns(last), _) => format!("the last {last} turns"),
        (Within::FirstPercent(first), _) => format!("the first {first} %"),
        (Within::LastPercent(last), _) => format!("the last {last} %"),
    }
}
