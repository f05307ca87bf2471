//! From what is written in the files to rules that can be compiled.

mod condition;
mod list;
mod term;
mod voice;
mod window;

use self::condition::Scope;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use earmark_core::Speaker;
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use crate::SourceFile;
use crate::condition::{Condition, Owner};
use crate::error::{RuleError, RuleProblem, nearest};
use crate::format::{self, AppliesToText, ExampleText, MessageText, RuleText, place};
use crate::metadata::{Field, FieldTest, Test};
use crate::rule::{AppliesTo, Example, Rule, RuleKind, primary_language};
use crate::term::Term;

const MAX_ID_CHARS: usize = 80;
/// Who speaks where nothing else is configured, and the word for everybody.
const SPEAKERS: [&str; 4] = [Speaker::AGENT, Speaker::CUSTOMER, Speaker::UNKNOWN, ANY];
const ANY: &str = "any";

/// What rule files give.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// In order of file and line.
    pub(crate) rules: Vec<Rule>,
    /// What they look for, those of one rule one behind the other.
    pub(crate) terms: Vec<Term>,
    /// Whose each term is.
    pub(crate) owners: Vec<Owner>,
}

/// The rules of `files`, and the terms that they look for.
///
/// # Errors
/// All that is wrong in them, in order of file and line; of what is no rule file at all, the first mistake in each.
pub(crate) fn rules(files: &Arc<[SourceFile]>) -> Result<Checked, Vec<RuleError>> {
    let mut errors = Vec::new();
    let Checked { mut rules, mut terms, mut owners } = Checked::default();
    let mut taken: HashMap<String, String> = HashMap::new();
    for file in files.iter().filter(|file| !SourceFile::is_list_file(&file.path)) {
        let parsed = match format::parse(file) {
            Ok(parsed) => parsed,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        if parsed.rules.is_empty() {
            errors.push(RuleError { path: file.path.clone(), line: 1, column: 1, problem: RuleProblem::NoRules });
        }
        for written in parsed.rules {
            let mut check =
                Check { path: &file.path, files, errors: &mut errors, terms: &mut terms, owners: &mut owners };
            let (line, _) = place(written.referenced);
            let id_at = written.value.id.referenced;
            let rule = check.rule(written.value, line, rules.len());
            if let Some(other) = taken.get(&rule.id) {
                check.wrong(id_at, RuleProblem::DuplicateId { id: rule.id.clone(), other: other.clone() });
            }
            taken.entry(rule.id.clone()).or_insert_with(|| format!("{}:{line}", file.path));
            rules.push(rule);
        }
    }
    if rules.is_empty() && errors.is_empty() {
        errors.push(RuleError { path: "rules".into(), line: 1, column: 1, problem: RuleProblem::NoRules });
    }
    if errors.is_empty() { Ok(Checked { rules, terms, owners }) } else { Err(errors) }
}

struct Check<'a> {
    path: &'a str,
    /// All of the set.
    files: &'a Arc<[SourceFile]>,
    errors: &'a mut Vec<RuleError>,
    terms: &'a mut Vec<Term>,
    owners: &'a mut Vec<Owner>,
}

impl Check<'_> {
    fn wrong(&mut self, at: Location, problem: RuleProblem) {
        let (line, column) = place(at);
        self.errors.push(RuleError { path: self.path.into(), line, column, problem });
    }

    /// The rule as far as it can be read; what is wrong is noted. `number` is its place in the set.
    fn rule(&mut self, mut written: RuleText, line: u64, number: usize) -> Rule {
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

    fn speaker(&mut self, speaker: Spanned<String>) -> Option<String> {
        let name = speaker.value.trim();
        if name.is_empty() {
            self.wrong(speaker.referenced, RuleProblem::EmptyText("speaker"));
        } else if !SPEAKERS.contains(&name)
            && let Some(meant) = nearest(name, &SPEAKERS)
        {
            // Other names are allowed: the configuration may give the channels any.
            self.wrong(speaker.referenced, RuleProblem::UnknownSpeaker { value: name.into(), meant });
        }
        (name != ANY).then(|| name.to_owned())
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
