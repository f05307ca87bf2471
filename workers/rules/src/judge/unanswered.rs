//! Which questions nobody replies to: one sweep over the utterances, from the last to the first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use earmark_core::{Speaker, Utterance};

use crate::judge::cluster::{Cluster, Spot};
use crate::language::condition::{Distance, Unit};
use crate::language::term_scope::hears;
use crate::recording::facts::Recording;

/// Those of `questions` behind which neither `by` (none: nobody but the asker) begins to speak, no further than `most`.
/// What nobody said has no reply.
pub(super) fn without_reply<'a>(
    mut questions: Vec<Cluster<'a>>,
    by: Option<&str>,
    most: Option<Distance>,
    recording: &Recording,
) -> Vec<Cluster<'a>> {
    let utterances = recording.utterances;
    let asked_in: Vec<Option<usize>> = questions.iter().map(asked_in).collect();
    let mut order: Vec<usize> = (0..questions.len()).collect();
    order.sort_by_key(|&question| Reverse(asked_in[question]));
    let mut replies = Replies::default();
    let mut begun = utterances.len();
    let mut is_open: Vec<bool> = vec![true; questions.len()];
    for question in order {
        let Some(asked) = asked_in[question] else { break };
        while begun > asked + 1 {
            begun -= 1;
            replies.add(begun, &utterances[begun]);
        }
        let cluster = &questions[question];
        let is_by = |channel: u16, speaker: &Speaker| match by {
            Some(_) => hears(by, speaker),
            None => {
                let asker = &utterances[asked];
                (channel, speaker) != (asker.channel, &asker.speaker) || speaker.0 == Speaker::UNKNOWN
            }
        };
        let reply = replies.first(cluster.start_ms, is_by);
        let is_near = |reply| most.is_none_or(|most| gap(cluster, asked, reply, most.unit, recording) <= most.most);
        is_open[question] = !reply.is_some_and(is_near);
    }
    let mut is_open = is_open.into_iter();
    questions.retain(|_| is_open.next().unwrap_or(true));
    questions
}

fn asked_in(cluster: &Cluster) -> Option<usize> {
    cluster.spots.first().and_then(Spot::mention).map(|mention| mention.utterance)
}

/// How far utterance `reply` is from `cluster`, asked in utterance `asked`.
fn gap(cluster: &Cluster, asked: usize, reply: usize, unit: Unit, recording: &Recording) -> u64 {
    match unit {
        Unit::Time => recording.utterances[reply].start_ms.saturating_sub(cluster.end_ms),
        Unit::Turns => u64::from(recording.turn(reply) - recording.turn(asked)),
        Unit::Words => recording.word(reply, 0).saturating_sub(recording.word(asked, usize::MAX)),
    }
}

/// The utterances swept so far, by who speaks.
#[derive(Default)]
struct Replies<'u> {
    of: BTreeMap<(u16, &'u str), OfOne<'u>>,
}

/// Those of one speaker on one channel.
struct OfOne<'u> {
    utterance: &'u Utterance,
    /// Index and end of each that no earlier one outlasts; the earliest is the last.
    outlasting: Vec<(usize, u64)>,
}

impl<'u> Replies<'u> {
    /// Adds `utterance`, which comes before all that are there.
    fn add(&mut self, number: usize, utterance: &'u Utterance) {
        let key = (utterance.channel, utterance.speaker.0.as_str());
        let of_one = self.of.entry(key).or_insert_with(|| OfOne { utterance, outlasting: Vec::new() });
        while of_one.outlasting.last().is_some_and(|(_, end_ms)| *end_ms <= utterance.end_ms) {
            of_one.outlasting.pop();
        }
        of_one.outlasting.push((number, utterance.end_ms));
    }

    /// The first that ends after `ms`, of those who speak as `is_by` says.
    fn first(&self, ms: u64, is_by: impl Fn(u16, &Speaker) -> bool) -> Option<usize> {
        let speakers = self.of.values().filter(|one| is_by(one.utterance.channel, &one.utterance.speaker));
        let first = speakers.filter_map(|one| {
            let ending = one.outlasting.partition_point(|(_, end_ms)| *end_ms > ms);
            ending.checked_sub(1).map(|at| one.outlasting[at].0)
        });
        first.min()
    }
}
