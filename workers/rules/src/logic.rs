//! Whether conditions hold, and which places show it.

mod recording;
mod reply;
mod row;

use std::collections::BTreeMap;

use crate::condition::{Condition, Distance, Owner, Side};
use crate::said::Said;
use crate::voice::Measure;

pub(crate) use recording::Recording;
use row::{Row, Seat};

/// More places than this are not shown of one finding.
pub(crate) const MAX_PLACES: usize = 100;

/// Where something shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Spot<'a> {
    Said(&'a Said),
    Voice(Measure),
}

/// Places that belong together; the first one leads. Never empty.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item<'a> {
    pub(crate) spots: Vec<Spot<'a>>,
    /// Where the earliest begins.
    pub(crate) start_ms: u64,
    /// Where the latest ends.
    pub(crate) end_ms: u64,
}

/// What a condition comes to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome<'a> {
    pub(crate) holds: bool,
    /// In no order; may be empty where it holds because of what is not there.
    pub(crate) items: Vec<Item<'a>>,
}

/// What conditions of one rule are held against.
pub(crate) struct Logic<'a> {
    /// What was said of the rule's terms, in order of term and place.
    pub(crate) said: &'a [Said],
    pub(crate) recording: &'a Recording<'a>,
    pub(crate) owners: &'a [Owner],
}

impl<'a> Spot<'a> {
    pub(crate) fn said(&self) -> Option<&'a Said> {
        match self {
            Self::Said(said) => Some(said),
            Self::Voice(_) => None,
        }
    }

    pub(crate) fn times(&self) -> (u64, u64) {
        match self {
            Self::Said(said) => (said.start_ms, said.end_ms),
            Self::Voice(measure) => (measure.start_ms, measure.end_ms),
        }
    }
}

impl<'a> Item<'a> {
    fn of(spot: Spot<'a>) -> Self {
        let (start_ms, end_ms) = spot.times();
        Self { spots: vec![spot], start_ms, end_ms }
    }

    /// One item of many; what leads the first leads it.
    fn joined<'i>(items: impl IntoIterator<Item = &'i Item<'a>>) -> Option<Self>
    where
        'a: 'i,
    {
        let mut items = items.into_iter();
        let mut joined = items.next()?.clone();
        for item in items {
            joined.start_ms = joined.start_ms.min(item.start_ms);
            joined.end_ms = joined.end_ms.max(item.end_ms);
            let room = MAX_PLACES.saturating_sub(joined.spots.len());
            joined.spots.extend(item.spots.iter().take(room).cloned());
        }
        Some(joined)
    }

    /// One item of `items`, the earliest leading.
    pub(crate) fn earliest_first(items: &[Item<'a>]) -> Option<Self> {
        let mut sorted: Vec<&Item> = items.iter().collect();
        sorted.sort_by_key(|item| (item.start_ms, item.end_ms));
        Self::joined(sorted)
    }
}

impl<'a> Outcome<'a> {
    fn of(items: Vec<Item<'a>>) -> Self {
        Self { holds: !items.is_empty(), items }
    }
}

impl<'a> Logic<'a> {
    /// Whether `condition` holds, and what shows it.
    pub(crate) fn evaluate(&self, condition: &Condition) -> Outcome<'a> {
        match condition {
            Condition::Term(term) => Outcome::of(self.term(*term)),
            Condition::All(of) => self.at_least(of.len(), of),
            Condition::Any(of) => {
                let outcomes: Vec<_> = of.iter().map(|child| self.evaluate(child)).collect();
                let holds = outcomes.iter().any(|outcome| outcome.holds);
                Outcome { holds, items: outcomes.into_iter().flat_map(|outcome| outcome.items).collect() }
            }
            Condition::None(of) => {
                Outcome { holds: !of.iter().any(|child| self.evaluate(child).holds), items: Vec::new() }
            }
            Condition::AtLeast { least, of } => self.at_least(*least, of),
            Condition::Near { of, most } => Outcome::of(self.near(of, *most)),
            Condition::Beside { find, anchor, side, most } => Outcome::of(self.beside(find, anchor, *side, *most)),
            Condition::Between { find, from, to, most } => Outcome::of(self.between(find, from, to, *most)),
            Condition::Sequence { of, most } => Outcome::of(self.sequence(of, *most)),
            Condition::Count { of, least, most } => {
                let items = self.evaluate(of).items;
                let row = self.row(&items, *most);
                Outcome::of(row.groups(*least, *most).into_iter().filter_map(Item::joined).collect())
            }
            Condition::Repeated { of, times, most } => Outcome::of(self.repeated(of, *times, *most)),
            Condition::Unanswered { question, answer, by, most } => {
                Outcome::of(self.unanswered(question, answer.as_deref(), by.as_deref(), *most))
            }
            Condition::Missing(of) => {
                Outcome { holds: self.is_expected(of) && !self.evaluate(of).holds, items: Vec::new() }
            }
            Condition::Voice(voice) => {
                let measures = voice.measure(self.recording);
                let items: Vec<Item> = measures.into_iter().map(|measure| Item::of(Spot::Voice(measure))).collect();
                let joined = if voice.is_of_the_whole() { Item::joined(&items).into_iter().collect() } else { items };
                Outcome::of(joined)
            }
            Condition::Recording(test) => {
                Outcome { holds: test.holds(self.recording.context) == Some(true), items: Vec::new() }
            }
        }
    }

    fn term(&self, term: usize) -> Vec<Item<'a>> {
        let first = self.said.partition_point(|said| (said.term as usize) < term);
        let said = self.said[first..].iter().take_while(|said| said.term as usize == term);
        said.map(|said| Item::of(Spot::Said(said))).collect()
    }

    /// One item of all that shows it.
    fn at_least(&self, least: usize, of: &[Condition]) -> Outcome<'a> {
        let mut holding = 0;
        let mut items = Vec::new();
        for (number, child) in of.iter().enumerate() {
            if holding + (of.len() - number) < least {
                return Outcome::default();
            }
            let outcome = self.evaluate(child);
            holding += usize::from(outcome.holds);
            items.extend(outcome.items);
        }
        if holding < least {
            return Outcome::default();
        }
        Outcome { holds: true, items: Item::earliest_first(&items).into_iter().collect() }
    }

    fn row<'i>(&self, items: &'i [Item<'a>], most: Option<Distance>) -> Row<'i, 'a> {
        Row::new(items, most.map(|most| most.unit), self.recording)
    }

    /// What each of `of` comes to; none as soon as one shows nowhere.
    fn each(&self, of: &[Condition]) -> Option<Vec<Vec<Item<'a>>>> {
        of.iter().map(|child| Some(self.evaluate(child).items).filter(|items| !items.is_empty())).collect()
    }

    fn near(&self, of: &[Condition], most: Distance) -> Vec<Item<'a>> {
        let Some(each) = self.each(of) else { return Vec::new() };
        let rows: Vec<Row> = each.iter().map(|items| self.row(items, Some(most))).collect();
        let Some((first, others)) = rows.split_first() else { return Vec::new() };
        let found = first.iter().filter_map(|seat| {
            let near: Option<Vec<Seat>> = others.iter().map(|row| row.near(&seat, most)).collect();
            Item::joined(std::iter::once(seat.item).chain(near?.iter().map(|near| near.item)))
        });
        found.collect()
    }

    fn beside(&self, find: &Condition, anchor: &Condition, side: Side, most: Option<Distance>) -> Vec<Item<'a>> {
        let (find, anchor) = (self.evaluate(find).items, self.evaluate(anchor).items);
        let (find, anchor) = (self.row(&find, most), self.row(&anchor, most));
        let found = find.iter().filter_map(|seat| {
            let beside = match side {
                Side::Behind => anchor.behind(&seat, most),
                Side::Ahead => anchor.ahead(&seat, most),
            };
            Item::joined([seat.item, beside?.item])
        });
        found.collect()
    }

    fn between(&self, find: &Condition, from: &Condition, to: &Condition, most: Option<Distance>) -> Vec<Item<'a>> {
        let [find, from, to] = [find, from, to].map(|condition| self.evaluate(condition).items);
        let (find, from, to) = (self.row(&find, most), self.row(&from, most), self.row(&to, most));
        let found = find.iter().filter_map(|seat| {
            let (begin, end) = (from.ahead(&seat, None)?, to.behind(&seat, None)?);
            let is_closed = to.ahead(&seat, None).is_some_and(|closed| begin.comes_before(&closed));
            let is_near = most.is_none_or(|most| begin.gap_to(&end) <= most.most);
            if is_closed || !is_near { None } else { Item::joined([seat.item, begin.item, end.item]) }
        });
        found.collect()
    }

    /// From the last to the first, only those are kept that the rest can follow: then each first is one finding.
    fn sequence(&self, of: &[Condition], most: Option<Distance>) -> Vec<Item<'a>> {
        let Some(each) = self.each(of) else { return Vec::new() };
        let mut rows: Vec<Row> = each.iter().map(|items| self.row(items, most)).collect();
        for number in (0..rows.len().saturating_sub(1)).rev() {
            let (before, behind) = rows.split_at_mut(number + 1);
            before[number].retain(|seat| behind[0].behind(seat, most).is_some());
        }
        let Some((first, others)) = rows.split_first() else { return Vec::new() };
        let found = first.iter().filter_map(|seat| {
            let mut chain = vec![seat.item];
            let mut last = seat;
            for row in others {
                last = row.behind(&last, most)?;
                chain.push(last.item);
            }
            Item::joined(chain)
        });
        found.collect()
    }

    fn repeated(&self, of: &Condition, times: usize, most: Option<Distance>) -> Vec<Item<'a>> {
        let mut by_phrase: BTreeMap<(u32, u32), Vec<Item>> = BTreeMap::new();
        for item in self.evaluate(of).items {
            if let Some(said) = item.spots.first().and_then(Spot::said) {
                by_phrase.entry((said.term, said.phrase)).or_default().push(item);
            }
        }
        let groups = by_phrase.values().flat_map(|items| {
            let row = self.row(items, most);
            let joined: Vec<Item> = row.groups(times, most).into_iter().filter_map(Item::joined).collect();
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
    ) -> Vec<Item<'a>> {
        let mut questions = self.evaluate(question).items;
        let Some(answer) = answer else { return reply::without_reply(questions, by, most, self.recording) };
        let answers = self.evaluate(answer).items;
        let row = self.row(&answers, most);
        questions.retain(|item| {
            let seat = Seat::of(item, most.map(|most| most.unit), self.recording);
            row.behind(&seat, most).is_none()
        });
        questions
    }

    /// Whether anybody spoke who might have said it.
    fn is_expected(&self, of: &Condition) -> bool {
        let terms = of.terms();
        let owners = || terms.iter().filter_map(|&term| self.owners.get(term));
        let utterances = self.recording.utterances;
        utterances.iter().any(|utterance| terms.is_empty() || owners().any(|owner| owner.hears(&utterance.speaker)))
    }
}
