//! From what is written in the files to rules that can be compiled.

use std::collections::{BTreeMap, HashMap, HashSet};

use earmark_core::Speaker;
use serde_saphyr::{Location, Spanned};

use crate::SourceFile;
use crate::error::{RuleError, RuleProblem, nearest};
use crate::format::{self, ExampleText, HomophonesText, MessageText, RuleText, place};
use crate::phrase::Phrase;
use crate::rule::{AppliesTo, Example, HOMOPHONE_MIN_CHARS, Homophones, Rule, RuleKind, Within, primary_language};

/// Below this nearly everything sounds like something else: 7.8 homophones for each exact hit at two characters.
const HOMOPHONE_LEAST_CHARS: u32 = 3;
const EXCEPT: &str = "except";
const MAX_ID_CHARS: usize = 80;
/// Far beyond anything said word for word; it bounds the work of all that looks into words.
const MAX_WORD_CHARS: usize = 200;
/// Of a word that is too long, so much is shown.
const SHOWN_CHARS: usize = 20;

/// Who speaks where nothing else is configured, and the word for everybody.
const SPEAKERS: [&str; 4] = [Speaker::AGENT, Speaker::CUSTOMER, Speaker::UNKNOWN, ANY];
const ANY: &str = "any";

/// The rules of `files` in order.
///
/// # Errors
/// All that is wrong in them, in order of file and line; of what is no rule file at all, the first mistake in each.
pub(crate) fn rules(files: &[SourceFile]) -> Result<Vec<Rule>, Vec<RuleError>> {
    let mut errors = Vec::new();
    let mut rules = Vec::new();
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
            let mut check = Check { path: &file.path, errors: &mut errors };
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
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}

struct Check<'a> {
    path: &'a str,
    errors: &'a mut Vec<RuleError>,
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
        let (kind, phrases) = self.kind(&written);
        let except = written.except.as_ref().map(|list| self.phrases(EXCEPT, list)).unwrap_or_default();
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
            homophones: self.homophones(written.homophones),
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
            phrases,
            except,
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

    fn kind(&mut self, written: &RuleText) -> (RuleKind, Vec<Phrase>) {
        match (&written.words, &written.must_say) {
            (Some(words), None) => (RuleKind::Words, self.phrases("words", words)),
            (None, Some(phrases)) => (RuleKind::MustSay, self.phrases("must_say", phrases)),
            (Some(_), Some(phrases)) => {
                self.wrong(phrases.referenced, RuleProblem::TwoKinds);
                (RuleKind::Words, Vec::new())
            }
            (None, None) => {
                self.wrong(written.id.referenced, RuleProblem::NothingToFind);
                (RuleKind::Words, Vec::new())
            }
        }
    }

    fn phrases(&mut self, field: &'static str, list: &Spanned<Vec<Spanned<String>>>) -> Vec<Phrase> {
        if list.value.is_empty() {
            self.wrong(list.referenced, RuleProblem::EmptyList(field));
        }
        let mut seen = HashSet::new();
        let mut phrases = Vec::with_capacity(list.value.len());
        for written in &list.value {
            let chars = written.value.trim().chars().count();
            if chars > MAX_WORD_CHARS {
                let start = written.value.trim().chars().take(SHOWN_CHARS).collect();
                self.wrong(written.referenced, RuleProblem::LongWord { start, chars, most: MAX_WORD_CHARS });
                continue;
            }
            let (line, column) = place(written.referenced);
            let phrase = Phrase::new(&written.value, line, column);
            if phrase.text.is_empty() {
                self.wrong(written.referenced, RuleProblem::EmptyText(field));
            } else if phrase.parts.is_empty() {
                self.wrong(written.referenced, RuleProblem::FoldedAway(phrase.text));
            } else if field != EXCEPT && (phrase.opens_before || phrase.opens_after) {
                self.wrong(written.referenced, RuleProblem::OpenEnd(phrase.text));
            } else if !seen.insert((phrase.parts.clone(), phrase.opens_before, phrase.opens_after)) {
                self.wrong(written.referenced, RuleProblem::DuplicateWord(phrase.text));
            } else {
                phrases.push(phrase);
            }
        }
        phrases
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

    fn homophones(&mut self, written: Option<HomophonesText>) -> Option<Homophones> {
        let default = Homophones { min_chars: HOMOPHONE_MIN_CHARS, max_severity: None };
        match written {
            None | Some(HomophonesText::Switch(true)) => Some(default),
            Some(HomophonesText::Switch(false)) => None,
            Some(HomophonesText::Settings(settings)) => {
                let min_chars = settings.min_chars.map(|least| {
                    if least.value < HOMOPHONE_LEAST_CHARS {
                        self.wrong(least.referenced, RuleProblem::TooFewForHomophones(least.value));
                    }
                    least.value as usize
                });
                let min_chars = min_chars.unwrap_or(default.min_chars);
                Some(Homophones { min_chars, max_severity: settings.max_severity })
            }
        }
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
