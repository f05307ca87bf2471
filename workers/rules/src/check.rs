//! From what is written in the files to rules that can be compiled.

mod term;

use std::collections::{BTreeMap, HashMap};

use earmark_core::Speaker;
use serde_saphyr::{Location, Spanned};

use crate::SourceFile;
use crate::error::{RuleError, RuleProblem, nearest};
use crate::format::{self, ExampleText, MessageText, RuleText, TermText, place};
use crate::rule::{AppliesTo, Example, Rule, RuleKind, Within, primary_language};
use crate::term::Term;

const MAX_ID_CHARS: usize = 80;
/// Who speaks where nothing else is configured, and the word for everybody.
const SPEAKERS: [&str; 4] = [Speaker::AGENT, Speaker::CUSTOMER, Speaker::UNKNOWN, ANY];
const ANY: &str = "any";

/// The rules of `files` in order, and the terms that they look for.
///
/// # Errors
/// All that is wrong in them, in order of file and line; of what is no rule file at all, the first mistake in each.
pub(crate) fn rules(files: &[SourceFile]) -> Result<(Vec<Rule>, Vec<Term>), Vec<RuleError>> {
    let mut errors = Vec::new();
    let (mut rules, mut terms) = (Vec::new(), Vec::new());
    let mut taken: HashMap<String, String> = HashMap::new();
    for file in files {
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
            let mut check = Check { path: &file.path, errors: &mut errors, terms: &mut terms };
            let (line, _) = place(written.referenced);
            let id_at = written.value.id.referenced;
            let rule = check.rule(written.value, line);
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
    if errors.is_empty() { Ok((rules, terms)) } else { Err(errors) }
}

struct Check<'a> {
    path: &'a str,
    errors: &'a mut Vec<RuleError>,
    terms: &'a mut Vec<Term>,
}

impl Check<'_> {
    fn wrong(&mut self, at: Location, problem: RuleProblem) {
        let (line, column) = place(at);
        self.errors.push(RuleError { path: self.path.into(), line, column, problem });
    }

    /// The rule as far as it can be read; what is wrong is noted.
    fn rule(&mut self, written: RuleText, line: u64) -> Rule {
        self.id(&written.id);
        if written.category.value.trim().is_empty() {
            self.wrong(written.category.referenced, RuleProblem::EmptyText("category"));
        }
        let kind = self.kind(&written);
        let term = self.term(TermText {
            words: written.words.or(written.must_say),
            except: written.except,
            homophones: written.homophones,
        });
        let examples = written.examples;
        let (hits, misses) = examples.map(|examples| (examples.hit, examples.miss)).unwrap_or_default();
        Rule {
            speaker: written.speaker.and_then(|speaker| self.speaker(speaker)),
            within: written.within.map(|within| {
                if within.value.first_secs == 0 {
                    self.wrong(within.referenced, RuleProblem::Zero { field: "first_secs" });
                }
                Within { first_ms: u64::from(within.value.first_secs) * 1000 }
            }),
            applies_to: written.applies_to.map_or_else(AppliesTo::default, |written| AppliesTo {
                languages: written.languages.iter().map(|tag| primary_language(tag)).collect(),
                lanes: written.lanes,
                min_duration_ms: u64::from(written.min_duration_secs.unwrap_or(0)) * 1000,
            }),
            message: match written.message {
                None => BTreeMap::new(),
                Some(MessageText::One(text)) => BTreeMap::from([(String::new(), text)]),
                Some(MessageText::Languages(texts)) => texts,
            },
            hits: hits.into_iter().map(|example| self.example("hit", example)).collect(),
            misses: misses.into_iter().map(|example| self.example("miss", example)).collect(),
            id: written.id.value,
            version: written.version,
            category: written.category.value,
            severity: written.severity,
            kind,
            term,
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

    fn kind(&mut self, written: &RuleText) -> RuleKind {
        match (&written.words, &written.must_say) {
            (Some(_), None) => RuleKind::Words,
            (None, Some(_)) => RuleKind::MustSay,
            (Some(_), Some(phrases)) => {
                self.wrong(phrases.referenced, RuleProblem::TwoKinds);
                RuleKind::Words
            }
            (None, None) => {
                self.wrong(written.id.referenced, RuleProblem::NothingToFind);
                RuleKind::Words
            }
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
        let is_empty = match &example.value {
            ExampleText::One(text) => text.trim().is_empty(),
            ExampleText::Dialogue(turns) => turns.is_empty(),
        };
        if is_empty {
            self.wrong(example.referenced, RuleProblem::EmptyText(field));
        }
        Example { line: place(example.referenced).0, text: example.value }
    }
}
