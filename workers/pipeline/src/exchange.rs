//! Proof by the words themselves that two speakers are exchanged: one channel says what only the other side says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use earmark_core::{Finding, Severity, Span, Speaker, Stage, Utterance, Warning, minutes_seconds};
use earmark_rules::{Context as Known, RuleSet, SourceFile};
use serde_json::{Value, json};

use crate::context::Attempt;
use crate::error::JobError;
use crate::sources::{ExchangeMode, Word};
use crate::stitch::Speakers;

/// So much has to speak for it: one sentence that only an agent says, or two that hardly anybody else says.
const LEAST_SCORE: u32 = 2;
/// What speaks for it must be so many times what speaks against it.
const LEAST_RATIO: u32 = 4;
/// More places than this prove no more; the warning names the first.
const MOST_SHOWN: usize = 3;

static ROLES: LazyLock<RuleSet> = LazyLock::new(|| {
    let file = SourceFile { path: "roles.yaml".into(), text: include_str!("../phrases/roles.yaml").into() };
    RuleSet::compile("roles", &[file]).expect("a test compiles it")
});

/// Speakers that are exchanged, by their own words.
pub(crate) struct Exchange {
    agent: Side,
    other: Side,
    /// What was said on the wrong channel, in order of time.
    evidence: Vec<Finding>,
    for_it: u32,
    against_it: u32,
    is_done: bool,
}

/// A channel, under the name that the job's sources give it.
struct Side {
    channel: u16,
    speaker: Speaker,
    /// What of its words is an agent's, and what a customer's.
    said: Scores,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Scores {
    agent: u32,
    customer: u32,
}

/// The utterances as the rules are to see them, and what is to be said of an exchange, on a blocking thread.
///
/// # Errors
/// [`JobError::Deadline`], [`JobError::Panicked`].
pub(crate) async fn exchange(
    attempt: &Attempt<'_>,
    speakers: &Speakers,
    channels: usize,
    utterances: Vec<Utterance>,
) -> Result<(Vec<Utterance>, Option<Exchange>), JobError> {
    let settings = &attempt.context.pipeline.settings;
    if settings.exchange == ExchangeMode::Off || channels != 2 {
        return Ok((utterances, None));
    }
    attempt.context.enter(Stage::Flag);
    let names = BTreeMap::from([(0, speakers.on(0, channels)), (1, speakers.on(1, channels))]);
    // A producer's word for this very recording is not overruled.
    let is_named = attempt.job.options.parts.iter().any(|part| part.speaker.is_some());
    let is_own = is_named || attempt.speakers.by == Word::Job;
    let is_to_be_done = settings.exchange == ExchangeMode::Exchange && !is_own;
    let looking = move || {
        let found = look(&utterances, names);
        match found {
            Some(found) if is_to_be_done => (exchanged(utterances, &found), Some(Exchange { is_done: true, ..found })),
            found => (utterances, found),
        }
    };
    attempt.context.running.compute(settings.flag_timeout, looking).await
}

/// Whether the speakers of two channels (`names`, and what the utterances say) are exchanged: only where one is the agent,
/// and the other somebody else.
fn look(utterances: &[Utterance], mut names: BTreeMap<u16, Speaker>) -> Option<Exchange> {
    names.extend(utterances.iter().map(|utterance| (utterance.channel, utterance.speaker.clone())));
    let (agents, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|(_, speaker)| speaker.0 == Speaker::AGENT);
    let ([agent], [other]) = (agents.as_slice(), others.as_slice()) else { return None };
    if other.1 == Speaker::unknown() {
        return None;
    }
    let findings = ROLES.find(utterances, &Known::default());
    let side = |(channel, speaker): &(u16, Speaker)| Side {
        channel: *channel,
        speaker: speaker.clone(),
        said: said(&findings, *channel),
    };
    let (agent, other) = (side(agent), side(other));
    let for_it = other.said.agent + agent.said.customer;
    let against_it = agent.said.agent + other.said.customer;
    let is_proved = other.said.agent > 0 && for_it >= LEAST_SCORE && for_it >= LEAST_RATIO * against_it;
    let is_evidence = |finding: &Finding| {
        let role = if finding.channel == Some(other.channel) { Speaker::AGENT } else { Speaker::CUSTOMER };
        finding.category == role
    };
    let evidence = findings.iter().filter(|finding| is_evidence(finding)).cloned().collect();
    is_proved.then_some(Exchange { agent, other, evidence, for_it, against_it, is_done: false })
}

/// What was said on `channel`, each kind counted once.
fn said(findings: &[Finding], channel: u16) -> Scores {
    let mut kinds = BTreeSet::new();
    let mut scores = Scores::default();
    for finding in findings.iter().filter(|finding| finding.channel == Some(channel)) {
        if !kinds.insert(&finding.rule_id) {
            continue;
        }
        let weight = if finding.severity >= Severity::High { 2 } else { 1 };
        match finding.category.as_str() {
            Speaker::AGENT => scores.agent += weight,
            _ => scores.customer += weight,
        }
    }
    scores
}

fn exchanged(utterances: Vec<Utterance>, found: &Exchange) -> Vec<Utterance> {
    let named = |utterance: Utterance| {
        let of = if utterance.channel == found.agent.channel { &found.other } else { &found.agent };
        Utterance { speaker: of.speaker.clone(), ..utterance }
    };
    utterances.into_iter().map(named).collect()
}

impl Exchange {
    /// For the report: the words, where they are, and what was done.
    pub fn warning(&self) -> Warning {
        let Self { agent, other, .. } = self;
        let places = self.evidence.iter().take(MOST_SHOWN).map(|finding| {
            let utterance = finding.utterance_id.map_or_else(String::new, |id| format!(" in utterance {id}"));
            let (start, end) = (minutes_seconds(finding.start_ms), minutes_seconds(finding.end_ms));
            let channel = finding.channel.unwrap_or_default();
            format!("channel {channel} says \"{}\"{utterance} from {start} to {end}", finding.matched)
        });
        let done = if self.is_done {
            "they were exchanged before the rules looked"
        } else {
            "nothing was exchanged: say who speaks where, and process it again"
        };
        let detail = format!(
            "the speakers seem to be exchanged: {}, which is what the other side says; of an agent's words {} are on channel {} \
             ({}) and {} on channel {} ({}), of a customer's {} and {}; {done}",
            places.collect::<Vec<_>>().join(", "),
            other.said.agent,
            other.channel,
            other.speaker.0,
            agent.said.agent,
            agent.channel,
            agent.speaker.0,
            other.said.customer,
            agent.said.customer,
        );
        let spans = self.evidence.iter().map(|finding| Span { start_ms: finding.start_ms, end_ms: finding.end_ms });
        Warning::new("speakers_exchanged", detail).on(other.channel).within(spans.collect())
    }

    /// For the audit log: what proves it, and what was done.
    pub fn on_record(&self) -> Value {
        let evidence = self.evidence.iter().map(|finding| {
            json!({
                "rule_id": finding.rule_id, "utterance_id": finding.utterance_id, "channel": finding.channel,
                "start_ms": finding.start_ms, "end_ms": finding.end_ms, "matched": finding.matched,
            })
        });
        let side = |side: &Side| {
            json!({
                "channel": side.channel, "speaker": side.speaker, "agents_words": side.said.agent,
                "customers_words": side.said.customer,
            })
        };
        json!({
            "is_done": self.is_done, "sides": [side(&self.agent), side(&self.other)], "score": self.for_it,
            "score_against": self.against_it, "evidence": evidence.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use earmark_core::TimePrecision;

    use super::*;

    fn utterance(channel: u16, start_ms: u64, text: &str) -> Utterance {
        Utterance {
            id: 0,
            channel,
            speaker: Speaker(if channel == 0 { Speaker::AGENT } else { Speaker::CUSTOMER }.into()),
            start_ms,
            end_ms: start_ms + 2000,
            time_precision: TimePrecision::Segment,
            language: None,
            text: text.into(),
            words: Vec::new(),
        }
    }

    /// A call: what is said on channel 0 (by whoever is called the agent) and on channel 1, turn by turn.
    fn call(turns: &[(u16, &str)]) -> Vec<Utterance> {
        let turns = (0..)
            .zip(turns)
            .map(|(id, (channel, text))| Utterance { id, ..utterance(*channel, u64::from(id) * 3000, text) });
        turns.collect()
    }

    fn names(on_0: &str, on_1: &str) -> BTreeMap<u16, Speaker> {
        BTreeMap::from([(0, Speaker(on_0.into())), (1, Speaker(on_1.into()))])
    }

    fn found(utterances: &[Utterance]) -> Option<Exchange> {
        look(utterances, names(Speaker::AGENT, Speaker::CUSTOMER))
    }

    /// The same call with the names on the other channels.
    fn turned(utterances: &[Utterance]) -> Vec<Utterance> {
        let other = |speaker: &Speaker| {
            Speaker(if speaker.0 == Speaker::AGENT { Speaker::CUSTOMER } else { Speaker::AGENT }.into())
        };
        utterances.iter().map(|one| Utterance { speaker: other(&one.speaker), ..one.clone() }).collect()
    }

    #[test]
    fn every_example_of_every_phrase_is_found_and_every_other_is_not() {
        let report = ROLES.run_examples();
        assert!(report.failures.is_empty(), "{:#?}", report.failures);
        assert!(ROLES.rules().iter().all(|rule| [Speaker::AGENT, Speaker::CUSTOMER].contains(&rule.category.as_str())));
    }

    #[test]
    fn a_channel_that_says_what_only_the_other_side_says_is_recognised() {
        for (turns, is_exchanged) in [
            // What an agent says, on the channel of the customer.
            (&[(1, "您好，本次通话将被录音。"), (0, "你好，我的信用卡丢了")][..], true),
            (&[(1, "Thank you for calling Northwind. How can I help you?"), (0, "Hi, I lost my card.")], true),
            (&[(1, "工号8012，很高兴为您服务"), (0, "你好")], true),
            (&[(1, "你的贷款已经逾期三十天了"), (0, "我要投诉你们")], true),
            // Where it belongs.
            (&[(0, "您好，本次通话将被录音。"), (1, "你好，我的信用卡丢了")], false),
            (&[(0, "Thank you for calling Northwind. How can I help you?"), (1, "Hi, I lost my card.")], false),
            // One sentence that others say at times proves nothing.
            (&[(1, "How can I help you?"), (0, "Is that Mr Smith?")], false),
            (&[(1, "Thanks for calling."), (0, "Goodbye.")], false),
            // A firm's reception is called by an agent.
            (
                &[
                    (1, "Thank you for calling Acme, how can I help?"),
                    (0, "I'm calling from Northwind about your account."),
                ],
                false,
            ),
            // Questions about the notice are a customer's.
            (&[(1, "你们的通话会被录音吗？"), (0, "是的")], false),
            (&[(1, "Is this call being recorded?"), (0, "Yes.")], false),
            (&[(1, "I hope this call is being recorded."), (0, "One moment.")], false),
            // What leaks into the other channel is said on both.
            (
                &[(0, "Calls are recorded for training."), (1, "Calls are recorded for training."), (1, "Is it safe?")],
                false,
            ),
            (&[(1, "哦"), (0, "嗯")], false),
            (&[], false),
        ] {
            let utterances = call(turns);
            assert_eq!(found(&utterances).is_some(), is_exchanged, "{turns:?}");
        }
    }

    #[test]
    fn only_an_agent_and_one_other_can_be_exchanged() {
        let notice = |speaker: &str| {
            vec![Utterance { speaker: Speaker(speaker.into()), ..utterance(1, 0, "本次通话将被录音") }]
        };
        for (on_0, on_1, is_exchanged) in [
            ("agent", "customer", true),
            ("agent", "客户", true),
            ("agent", "agent", false),
            ("customer", "agent", false),
            ("left", "right", false),
            ("agent", "unknown", false),
        ] {
            let found = look(&notice(on_1), names(on_0, on_1));
            assert_eq!(found.is_some(), is_exchanged, "{on_0}, {on_1}");
        }
        let three = [(2, Speaker("customer".into()))].into_iter().chain(names("agent", "customer")).collect();
        assert!(look(&notice("customer"), three).is_none());
    }

    #[test]
    fn an_exchange_names_its_proof_and_gives_each_channel_the_other_name() {
        let utterances = call(&[
            (0, "Hello?"),
            (1, "Thank you for calling. This call is being recorded for quality."),
            (0, "I would like to change the address on my account."),
        ]);
        let found = found(&utterances).expect("exchanged");
        let warning = found.warning();
        assert_eq!((warning.code.as_str(), warning.channel), ("speakers_exchanged", Some(1)));
        assert_eq!(warning.spans.len(), found.evidence.len());
        assert!(warning.spans.iter().all(|span| span.start_ms >= 3000 && span.start_ms < span.end_ms), "{warning:?}");
        for part in
            ["channel 1 says \"Thank you for calling\" in utterance 1", "nothing was exchanged", "3 are on channel 1"]
        {
            assert!(warning.detail.contains(part), "{part}: {}", warning.detail);
        }
        let by_channel = |utterances: &[Utterance]| {
            utterances.iter().map(|one| (one.channel, one.speaker.0.clone())).collect::<Vec<_>>()
        };
        let expected = [(0, "customer".to_owned()), (1, "agent".into()), (0, "customer".into())];
        assert_eq!(by_channel(&exchanged(utterances, &found)), expected);
        let done = Exchange { is_done: true, ..found };
        assert!(done.warning().detail.contains("they were exchanged before the rules looked"));
        assert_eq!(done.on_record()["sides"][1]["agents_words"], 3);
        assert_eq!(done.on_record()["is_done"], true);
    }

    /// Calls with several channels, as people wrote them down and as the built-in engine heard them.
    fn dialogues() -> Vec<(String, Vec<Utterance>)> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
        let written = read("tests/fixtures/labelled.jsonl");
        let mut calls: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let heard: Value = serde_json::from_str(&read("workers/rules/tests/heard/dialogues.json")).unwrap();
        calls.extend(heard["recordings"].as_array().unwrap().iter().cloned());
        let utterances = |call: &Value| {
            let said = (0..).zip(call["utterances"].as_array().unwrap()).map(|(id, said)| Utterance {
                id,
                channel: said["channel"].as_u64().and_then(|channel| channel.try_into().ok()).unwrap_or_default(),
                speaker: Speaker(said["speaker"].as_str().unwrap_or("unknown").into()),
                start_ms: said["start_ms"].as_u64().unwrap(),
                end_ms: said["end_ms"].as_u64().unwrap(),
                ..utterance(0, 0, said["text"].as_str().unwrap())
            });
            said.collect::<Vec<_>>()
        };
        let name = |call: &Value| call["id"].as_str().or(call["recording"].as_str()).unwrap().to_owned();
        let calls = calls.iter().map(|call| (name(call), utterances(call)));
        calls.filter(|(_, said)| said.iter().any(|one| one.channel == 1)).collect()
    }

    #[test]
    fn no_dialogue_is_taken_for_exchanged_as_it_is_and_every_one_is_when_it_is() {
        let dialogues = dialogues();
        assert!(dialogues.len() >= 10, "{}", dialogues.len());
        let names_of = |said: &[Utterance]| said.iter().map(|one| (one.channel, one.speaker.clone())).collect();
        let alarms: Vec<_> = dialogues.iter().filter(|(_, said)| look(said, names_of(said)).is_some()).collect();
        assert!(alarms.is_empty(), "{alarms:#?}");
        let missed: Vec<_> = dialogues
            .iter()
            .filter(|(_, said)| {
                let said = turned(said);
                look(&said, names_of(&said)).is_none()
            })
            .map(|(name, _)| name)
            .collect();
        assert!(missed.is_empty(), "{missed:?} of {}", dialogues.len());
    }
}
