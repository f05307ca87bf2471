//! From conditions as they are written to conditions that can be evaluated.

use earmark_rule_files::error::RuleProblem;
use earmark_rule_files::format::{
    BesideText, Child, Children, ConditionFields, ConditionText, DistanceText, TermText, Texts,
};
use serde_saphyr::{Location, Spanned};

use crate::language::check::checker::Check;
use crate::language::check::scope::Scope;
use crate::language::condition::{Condition, Distance, Side, Unit};
use crate::recording::within::Within;

/// Deeper than anybody reads; it bounds the work of one rule.
const MAX_DEPTH: usize = 8;
const MAX_CHILDREN: usize = 1000;
/// A farewell so long before the end still counts as one.
const CLOSING_MS: u64 = 15_000;

impl Check<'_> {
    /// The condition as far as it can be read; what is wrong is noted.
    pub(super) fn condition(&mut self, written: Child, scope: &Scope) -> Condition {
        let at = written.referenced;
        if scope.depth > MAX_DEPTH {
            if scope.depth == MAX_DEPTH + 1 {
                self.wrong(at, RuleProblem::TooDeep { most: MAX_DEPTH });
            }
            return Condition::All(Vec::new());
        }
        let list = |words| Some(Spanned { value: words, referenced: at, defined: at });
        match written.value {
            ConditionText::Word(word) => {
                let words = list(vec![Spanned { value: word, referenced: at, defined: at }]);
                self.leaf(TermText { words, ..TermText::default() }, scope)
            }
            ConditionText::Words(words) => self.leaf(TermText { words: list(words), ..TermText::default() }, scope),
            ConditionText::Fields(fields) => self.fields(*fields, at, scope),
        }
    }

    fn leaf(&mut self, written: TermText, scope: &Scope) -> Condition {
        Condition::Term(self.owned_term(written, scope))
    }

    fn fields(&mut self, mut fields: ConditionFields, at: Location, scope: &Scope) -> Condition {
        let mut inside = Scope { depth: scope.depth + 1, ..scope.clone() };
        if let Some(speaker) = fields.speaker.take() {
            inside.speaker = self.speaker(speaker);
        }
        if let Some(within) = fields.within.take() {
            inside.within = self.within(within);
        }
        let mut found: Vec<(&'static str, Location, Condition)> = Vec::new();
        let said = fields.said.take();
        let mut term = fields.term();
        term.words = self.only_one(term.words, said);
        let given = [&term.words, &term.words_from, &term.patterns].into_iter().flatten().next();
        if let Some(at) = given.map(|list| list.referenced) {
            found.push(("words", at, self.leaf(term, &inside)));
        } else {
            for (field, at) in term.of_words_alone() {
                self.wrong(at, RuleProblem::Misplaced { field, beside: "words" });
            }
        }
        self.groups(&mut fields, &inside, &mut found);
        self.rows(&mut fields, &inside, &mut found);
        self.lone(&mut fields, &inside, &mut found);
        self.voices(&mut fields, &inside, &mut found);
        self.recordings(&mut fields, &mut found);
        if let [(first, ..), (second, second_at, _), ..] = found.as_slice() {
            self.wrong(*second_at, RuleProblem::TwoConditions { first, second });
        }
        match found.into_iter().next() {
            Some((.., condition)) => condition,
            None => {
                self.wrong(at, RuleProblem::NoCondition);
                Condition::All(Vec::new())
            }
        }
    }

    fn only_one(&mut self, words: Option<Texts>, said: Option<Texts>) -> Option<Texts> {
        if let (Some(_), Some(said)) = (&words, &said) {
            self.wrong(said.referenced, RuleProblem::TwoConditions { first: "words", second: "said" });
        }
        words.or(said)
    }

    fn groups(
        &mut self,
        fields: &mut ConditionFields,
        scope: &Scope,
        found: &mut Vec<(&'static str, Location, Condition)>,
    ) {
        if let Some(list) = fields.all.take() {
            found.push(("all", list.referenced, Condition::All(self.children("all", list, 1, scope))));
        }
        if let Some(list) = fields.any.take() {
            found.push(("any", list.referenced, Condition::Any(self.children("any", list, 1, scope))));
        }
        if let Some(list) = fields.none.take() {
            found.push(("none", list.referenced, Condition::None(self.children("none", list, 1, scope))));
        }
        if let Some(Spanned { value, referenced, .. }) = fields.at_least.take() {
            let least = self.number("n", &value.n);
            let of = self.children("of", value.of, 1, scope);
            if least > of.len() {
                self.wrong(value.n.referenced, RuleProblem::MoreThanThere { n: least, there: of.len() });
            }
            found.push(("at_least", referenced, Condition::AtLeast { least, of }));
        }
    }

    fn rows(
        &mut self,
        fields: &mut ConditionFields,
        scope: &Scope,
        found: &mut Vec<(&'static str, Location, Condition)>,
    ) {
        if let Some(Spanned { mut value, referenced, .. }) = fields.near.take() {
            let most = self.distance(value.distance());
            if most.is_none() {
                self.wrong(referenced, RuleProblem::NoDistance("near"));
            }
            let of = self.children("of", value.of, 2, scope);
            let most = most.unwrap_or(Distance { unit: Unit::Time, most: 0 });
            found.push(("near", referenced, Condition::Near { of, most }));
        }
        if let Some(Spanned { mut value, referenced, .. }) = fields.sequence.take() {
            let most = self.distance(value.distance());
            let of = self.children("of", value.of, 2, scope);
            found.push(("sequence", referenced, Condition::Sequence { of, most }));
        }
        if let Some(written) = fields.before.take() {
            found.push(("before", written.referenced, self.beside(written.value, Side::Behind, scope)));
        }
        if let Some(written) = fields.after.take() {
            found.push(("after", written.referenced, self.beside(written.value, Side::Ahead, scope)));
        }
        if let Some(Spanned { mut value, referenced, .. }) = fields.between.take() {
            let most = self.distance(value.distance());
            let [find, from, to] = [value.find, value.from, value.to].map(|child| self.child(child, scope));
            found.push(("between", referenced, Condition::Between { find, from, to, most }));
        }
    }

    fn beside(&mut self, mut written: BesideText, side: Side, scope: &Scope) -> Condition {
        let most = self.distance(written.distance());
        let (find, anchor) = (self.child(written.find, scope), self.child(written.anchor, scope));
        Condition::Beside { find, anchor, side, most }
    }

    fn lone(
        &mut self,
        fields: &mut ConditionFields,
        scope: &Scope,
        found: &mut Vec<(&'static str, Location, Condition)>,
    ) {
        if let Some(Spanned { mut value, referenced, .. }) = fields.count.take() {
            let most = self.distance(value.distance());
            let least = self.number("at_least", &value.at_least);
            found.push(("count", referenced, Condition::Count { of: self.child(value.of, scope), least, most }));
        }
        if let Some(Spanned { mut value, referenced, .. }) = fields.repeated.take() {
            let most = self.distance(value.distance());
            let times = self.number("times", &value.times);
            found.push(("repeated", referenced, Condition::Repeated { of: self.child(value.of, scope), times, most }));
        }
        if let Some(Spanned { mut value, referenced, .. }) = fields.unanswered.take() {
            let most = self.distance(value.distance());
            let by = value.by.take().and_then(|by| self.speaker(by));
            let question = self.child(value.question, scope);
            // What is said in answer may come from elsewhere than the question: from whoever answers.
            let answering = Scope { speaker: by.clone(), within: None, ..scope.clone() };
            let answer = value.answer.map(|answer| self.child(answer, &answering));
            found.push(("unanswered", referenced, Condition::Unanswered { question, answer, by, most }));
        }
        if let Some(Spanned { value, referenced, .. }) = fields.missing.take() {
            let within = value.within.and_then(|within| self.within(within)).or(scope.within);
            let inside = Scope { within, ..scope.clone() };
            found.push(("missing", referenced, Condition::Missing(self.child(value.of, &inside))));
        }
        if let Some(Spanned { mut value, referenced, .. }) = fields.abrupt_end.take() {
            let closing = value.closing.take();
            let (end, within_ms) = self.abrupt_end(value);
            let condition = match closing {
                None => end,
                Some(closing) => {
                    let within = Some(Within::LastMs(within_ms + CLOSING_MS));
                    let inside = Scope { speaker: None, within, ..scope.clone() };
                    Condition::All(vec![end, Condition::None(vec![*self.child(closing, &inside)])])
                }
            };
            found.push(("abrupt_end", referenced, condition));
        }
    }

    fn child(&mut self, written: Child, scope: &Scope) -> Box<Condition> {
        Box::new(self.condition(written, scope))
    }

    fn children(&mut self, field: &'static str, list: Children, fewest: usize, scope: &Scope) -> Vec<Condition> {
        let count = list.value.len();
        if count == 0 {
            self.wrong(list.referenced, RuleProblem::EmptyList(field.into()));
        } else if count < fewest {
            self.wrong(list.referenced, RuleProblem::TooFewConditions { count, fewest });
        } else if count > MAX_CHILDREN {
            self.wrong(list.referenced, RuleProblem::TooManyConditions { count, most: MAX_CHILDREN });
            return Vec::new();
        }
        list.value.into_iter().map(|child| self.condition(child, scope)).collect()
    }

    fn distance(&mut self, written: DistanceText) -> Option<Distance> {
        let DistanceText { secs, words, turns } = written;
        let secs = secs.map(|secs| (secs.referenced, Unit::Time, self.millis("secs", &secs)));
        let words = words.map(|words| (words.referenced, Unit::Words, u64::from(words.value)));
        let turns = turns.map(|turns| (turns.referenced, Unit::Turns, u64::from(turns.value)));
        let mut given = [secs, words, turns].into_iter().flatten();
        let (_, unit, most) = given.next()?;
        if let Some((at, ..)) = given.next() {
            self.wrong(at, RuleProblem::TwoDistances);
        }
        Some(Distance { unit, most })
    }
}
