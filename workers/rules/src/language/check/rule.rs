//! From a rule as it is written to one that can be compiled.

use std::collections::BTreeMap;

use earmark_rule_files::error::RuleProblem;
use earmark_rule_files::format::{AppliesToText, ExampleText, MessageText, RuleText, place};
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::language::check::checker::Check;
use crate::language::check::scope::Scope;
use crate::language::condition::Condition;
use crate::language::field_test::{Field, FieldTest, Test};
use crate::language::rule::{AppliesTo, Example, Rule, RuleKind};
use crate::recording::language_tag::primary_language;

const MAX_ID_CHARS: usize = 80;
impl Check<'_> {
    /// The rule as far as it can be read; what is wrong is noted. `number` is its place in the set.
    pub(super) fn rule(&mut self, mut written: RuleText, line: u64, number: usize) -> Rule {
        self.id(&written.id);
        if written.category.value.trim().is_empty() {
            self.wrong(written.category.referenced, RuleProblem::EmptyText("category"));
        }
        let speaker = written.speaker.take().and_then(|speaker| self.speaker(speaker));
        let within = written.within.take().and_then(|within| self.within(within));
        let first_term = self.terms.len();
        let scope = Scope { rule: number, speaker: speaker.clone(), within, depth: 1 };
        let (kind, condition) = self.kind(&mut written, &scope);
        let examples = written.examples;
        let (hits, misses) = examples.map(|examples| (examples.hit, examples.miss)).unwrap_or_default();
        let (hits, misses) = (hits.unwrap_or_default(), misses.unwrap_or_default());
        Rule {
            speaker,
            within,
            applies_to: written.applies_to.map(|written| self.applies_to(written)).unwrap_or_default(),
            message: match written.message {
                None => BTreeMap::new(),
                Some(MessageText::One(text)) => BTreeMap::from([(String::new(), text)]),
                Some(MessageText::Languages(texts)) => texts,
            },
            hits: hits.into_iter().map(|example| self.example("hit", example)).collect(),
            misses: misses.into_iter().map(|example| self.example("miss", example)).collect(),
            id: written.id.value,
            version: written.version,
            title: written.title,
            owner: written.owner,
            category: written.category.value,
            severity: written.severity,
            score: written.score.map(|score| self.figure("score", &score)),
            actions: written.actions.unwrap_or_default(),
            valid: written.valid.map(|valid| self.valid(valid.value)).unwrap_or_default(),
            is_shadow: written.shadow.unwrap_or(false),
            kind,
            condition,
            terms: first_term..self.terms.len(),
            path: self.path.into(),
            line,
        }
    }

    fn id(&mut self, id: &Spanned<String>) {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let chars = id.value.chars().count();
        if chars == 0 || chars > MAX_ID_CHARS || !id.value.chars().all(is_allowed) {
            self.wrong(id.referenced, RuleProblem::BadId(id.value.clone()));
        }
    }

    /// What the rule asks: exactly one of its three forms.
    fn kind(&mut self, written: &mut RuleText, scope: &Scope) -> (RuleKind, Condition) {
        let (must_say, when) = (written.must_say.take(), written.when.take());
        let mut term = written.term();
        let words = term.words.as_ref().or(term.words_from.as_ref()).map(|list| ("words", list.referenced));
        let words = words.or(term.patterns.as_ref().map(|list| ("patterns", list.referenced)));
        let given = [
            words,
            must_say.as_ref().map(|list| ("must_say", list.referenced)),
            when.as_ref().map(|when| ("when", when.referenced)),
        ];
        let given: Vec<_> = given.into_iter().flatten().collect();
        if let [(first, _), (second, at), ..] = given.as_slice() {
            self.wrong(*at, RuleProblem::TwoKinds { first, second });
        }
        if words.is_some() {
            return (RuleKind::Words, Condition::Term(self.owned_term(term, scope)));
        }
        if let Some(phrases) = must_say {
            term.words = Some(phrases);
            let said = Condition::Term(self.owned_term(term, scope));
            return (RuleKind::MustSay, Condition::Missing(said.into()));
        }
        let Some(when) = when else {
            self.wrong(written.id.referenced, RuleProblem::NothingToFind);
            return (RuleKind::Words, Condition::All(Vec::new()));
        };
        for (field, at) in term.of_words_alone() {
            self.wrong(at, RuleProblem::Misplaced { field, beside: "words" });
        }
        (RuleKind::When, self.condition(when, scope))
    }

    fn applies_to(&mut self, written: AppliesToText) -> AppliesTo {
        let mut fields = written.metadata.map(|metadata| self.metadata(metadata)).unwrap_or_default();
        for (name, values) in [("queue", written.queues), ("agent", written.agents)] {
            if let Some(values) = values.filter(|values| !values.is_empty()) {
                let test = Test::OneOf(values.into_iter().map(Value::String).collect());
                fields.push(FieldTest { field: Field::Metadata(name.into()), test });
            }
        }
        AppliesTo {
            languages: written.languages.iter().flatten().map(|tag| primary_language(tag)).collect(),
            lanes: written.lanes.unwrap_or_default(),
            min_duration_ms: u64::from(written.min_duration_secs.unwrap_or(0)) * 1000,
            tenants: written.tenants.unwrap_or_default(),
            fields,
        }
    }

    fn example(&mut self, field: &'static str, example: Spanned<ExampleText>) -> Example {
        if let Some(problem) = &example.value.mistake {
            self.wrong(example.referenced, problem.clone());
        } else if example.value.is_empty() {
            self.wrong(example.referenced, RuleProblem::EmptyText(field));
        }
        Example { line: place(example.referenced).0, text: example.value }
    }
}
