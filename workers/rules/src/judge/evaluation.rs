//! Whether conditions hold, and which places show it.

use std::collections::BTreeMap;

use crate::judge::cluster::{Cluster, Outcome, Spot};
use crate::judge::mentions::Mention;
use crate::judge::row::{Row, Seat};
use crate::judge::unanswered::without_reply;
use crate::judge::{field, voice};
use crate::language::condition::{Condition, Distance, Side};
use crate::language::term_scope::TermScope;
use crate::recording::facts::Recording;

/// What conditions of one rule are held against.
pub(crate) struct Evaluation<'a> {
    /// What was said of the rule's terms, in order of term and place.
    pub(crate) mentions: &'a [Mention],
    pub(crate) recording: &'a Recording<'a>,
    pub(crate) scopes: &'a [TermScope],
}

impl<'a> Evaluation<'a> {
    /// Whether `condition` holds, and what shows it.
    pub(crate) fn evaluate(&self, condition: &Condition) -> Outcome<'a> {
        match condition {
            Condition::Term(term) => Outcome::of(self.term(*term)),
            Condition::All(of) => self.at_least(of.len(), of),
            Condition::Any(of) => {
                let outcomes: Vec<_> = of.iter().map(|child| self.evaluate(child)).collect();
                let holds = outcomes.iter().any(|outcome| outcome.holds);
                Outcome { holds, clusters: outcomes.into_iter().flat_map(|outcome| outcome.clusters).collect() }
            }
            Condition::None(of) => {
                Outcome { holds: !of.iter().any(|child| self.evaluate(child).holds), clusters: Vec::new() }
            }
            Condition::AtLeast { least, of } => self.at_least(*least, of),
            Condition::Near { of, most } => Outcome::of(self.near(of, *most)),
            Condition::Beside { find, anchor, side, most } => Outcome::of(self.beside(find, anchor, *side, *most)),
            Condition::Between { find, from, to, most } => Outcome::of(self.between(find, from, to, *most)),
            Condition::Sequence { of, most } => Outcome::of(self.sequence(of, *most)),
            Condition::Count { of, least, most } => {
                let clusters = self.evaluate(of).clusters;
                let row = self.row(&clusters, *most);
                Outcome::of(row.groups(*least, *most).into_iter().filter_map(Cluster::joined).collect())
            }
            Condition::Repeated { of, times, most } => Outcome::of(self.repeated(of, *times, *most)),
            Condition::Unanswered { question, answer, by, most } => {
                Outcome::of(self.unanswered(question, answer.as_deref(), by.as_deref(), *most))
            }
            Condition::Missing(of) => {
                Outcome { holds: self.is_expected(of) && !self.evaluate(of).holds, clusters: Vec::new() }
            }
            Condition::Voice(voice) => {
                let measures = voice::measure(voice, self.recording);
                let clusters: Vec<Cluster> =
                    measures.into_iter().map(|measure| Cluster::of(Spot::Voice(measure))).collect();
                let joined =
                    if voice.is_of_the_whole() { Cluster::joined(&clusters).into_iter().collect() } else { clusters };
                Outcome::of(joined)
            }
            Condition::Recording(test) => {
                Outcome { holds: field::holds(test, self.recording.context) == Some(true), clusters: Vec::new() }
            }
        }
    }

    fn term(&self, term: usize) -> Vec<Cluster<'a>> {
        let first = self.mentions.partition_point(|mention| mention.term < term);
        let mentions = self.mentions[first..].iter().take_while(|mention| mention.term == term);
        mentions.map(|mention| Cluster::of(Spot::Mention(mention))).collect()
    }

    /// One cluster of all that shows it.
    fn at_least(&self, least: usize, of: &[Condition]) -> Outcome<'a> {
        let mut holding = 0;
        let mut clusters = Vec::new();
        for (number, child) in of.iter().enumerate() {
            if holding + (of.len() - number) < least {
                return Outcome::default();
            }
            let outcome = self.evaluate(child);
            holding += usize::from(outcome.holds);
            clusters.extend(outcome.clusters);
        }
        if holding < least {
            return Outcome::default();
        }
        Outcome { holds: true, clusters: Cluster::earliest_first(&clusters).into_iter().collect() }
    }

    fn row<'i>(&self, clusters: &'i [Cluster<'a>], most: Option<Distance>) -> Row<'i, 'a> {
        Row::new(clusters, most.map(|most| most.unit), self.recording)
    }

    /// What each of `of` comes to; none as soon as one shows nowhere.
    fn each(&self, of: &[Condition]) -> Option<Vec<Vec<Cluster<'a>>>> {
        of.iter().map(|child| Some(self.evaluate(child).clusters).filter(|clusters| !clusters.is_empty())).collect()
    }

    fn near(&self, of: &[Condition], most: Distance) -> Vec<Cluster<'a>> {
        let Some(each) = self.each(of) else { return Vec::new() };
        let rows: Vec<Row> = each.iter().map(|clusters| self.row(clusters, Some(most))).collect();
        let Some((first, others)) = rows.split_first() else { return Vec::new() };
        let found = first.iter().filter_map(|seat| {
            let near: Option<Vec<Seat>> = others.iter().map(|row| row.near(&seat, most)).collect();
            Cluster::joined(std::iter::once(seat.cluster).chain(near?.iter().map(|near| near.cluster)))
        });
        found.collect()
    }

    fn beside(&self, find: &Condition, anchor: &Condition, side: Side, most: Option<Distance>) -> Vec<Cluster<'a>> {
        let (find, anchor) = (self.evaluate(find).clusters, self.evaluate(anchor).clusters);
        let (find, anchor) = (self.row(&find, most), self.row(&anchor, most));
        let found = find.iter().filter_map(|seat| {
            let beside = match side {
                Side::Behind => anchor.behind(&seat, most),
                Side::Ahead => anchor.ahead(&seat, most),
            };
            Cluster::joined([seat.cluster, beside?.cluster])
        });
        found.collect()
    }

    fn between(&self, find: &Condition, from: &Condition, to: &Condition, most: Option<Distance>) -> Vec<Cluster<'a>> {
        let [find, from, to] = [find, from, to].map(|condition| self.evaluate(condition).clusters);
        let (find, from, to) = (self.row(&find, most), self.row(&from, most), self.row(&to, most));
        let found = find.iter().filter_map(|seat| {
            let (begin, end) = (from.ahead(&seat, None)?, to.behind(&seat, None)?);
            let is_closed = to.ahead(&seat, None).is_some_and(|closed| begin.comes_before(&closed));
            let is_near = most.is_none_or(|most| begin.gap_to(&end) <= most.most);
            if is_closed || !is_near { None } else { Cluster::joined([seat.cluster, begin.cluster, end.cluster]) }
        });
        found.collect()
    }

    /// From the last to the first, only those are kept that the rest can follow: then each first is one finding.
    fn sequence(&self, of: &[Condition], most: Option<Distance>) -> Vec<Cluster<'a>> {
        let Some(each) = self.each(of) else { return Vec::new() };
        let mut rows: Vec<Row> = each.iter().map(|clusters| self.row(clusters, most)).collect();
        for number in (0..rows.len().saturating_sub(1)).rev() {
            let (before, behind) = rows.split_at_mut(number + 1);
            before[number].retain(|seat| behind[0].behind(seat, most).is_some());
        }
        let Some((first, others)) = rows.split_first() else { return Vec::new() };
        let found = first.iter().filter_map(|seat| {
            let mut chain = vec![seat.cluster];
            let mut last = seat;
            for row in others {
                last = row.behind(&last, most)?;
                chain.push(last.cluster);
            }
            Cluster::joined(chain)
        });
        found.collect()
    }

    fn repeated(&self, of: &Condition, times: usize, most: Option<Distance>) -> Vec<Cluster<'a>> {
        let mut by_phrase: BTreeMap<(usize, usize), Vec<Cluster>> = BTreeMap::new();
        for cluster in self.evaluate(of).clusters {
            if let Some(mention) = cluster.spots.first().and_then(Spot::mention) {
                by_phrase.entry((mention.term, mention.phrase)).or_default().push(cluster);
            }
        }
        let groups = by_phrase.values().flat_map(|clusters| {
            let row = self.row(clusters, most);
            let joined: Vec<Cluster> = row.groups(times, most).into_iter().filter_map(Cluster::joined).collect();
            joined
        });
        groups.collect()
    }

    fn unanswered(
        &self,
        question: &Condition,
        answer: Option<&Condition>,
        by: Option<&str>,
        most: Option<Distance>,
    ) -> Vec<Cluster<'a>> {
        let mut questions = self.evaluate(question).clusters;
        let Some(answer) = answer else { return without_reply(questions, by, most, self.recording) };
        let answers = self.evaluate(answer).clusters;
        let row = self.row(&answers, most);
        questions.retain(|cluster| {
            let seat = Seat::of(cluster, most.map(|most| most.unit), self.recording);
            row.behind(&seat, most).is_none()
        });
        questions
    }

    /// Whether anybody spoke who might have said it.
    fn is_expected(&self, of: &Condition) -> bool {
        let terms = of.terms();
        let scopes = || terms.iter().filter_map(|&term| self.scopes.get(term));
        let utterances = self.recording.utterances;
        utterances.iter().any(|utterance| terms.is_empty() || scopes().any(|scope| scope.hears(&utterance.speaker)))
    }
}
