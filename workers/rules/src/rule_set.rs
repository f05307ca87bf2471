//! A compiled rule set.

use std::fmt;
use std::sync::{Arc, LazyLock};

use earmark_core::{Finding, RuleSetId, Speaker, TimePrecision, Utterance};

use crate::check::{self, Checked};
use crate::condition::{Condition, Owner};
use crate::error::{RuleError, RuleErrors, RuleProblem};
use crate::finder::Finder;
use crate::rule::Rule;
use crate::search::{Context, Extent, Search};
use crate::source::{SourceFile, canonical};
use crate::starter;
use crate::term::Term;

static STARTER: LazyLock<RuleSet> =
    LazyLock::new(|| RuleSet::compile(starter::NAME, &starter::files()).expect("a test compiles the starter set"));

/// Rules, checked and compiled; never changes, can be shared between threads.
#[derive(Clone)]
pub struct RuleSet {
    id: RuleSetId,
    sources: Arc<[SourceFile]>,
    rules: Arc<Vec<Rule>>,
    terms: Arc<Vec<Term>>,
    owners: Arc<Vec<Owner>>,
    /// Rules that may hold though none of their words is said.
    standing: Arc<Vec<u32>>,
    index: Arc<Finder>,
}

impl RuleSet {
    /// Compiles the rule files `files` (paths relative to the set's folder) into a set with the name `name`. The order
    /// of the files does not matter.
    ///
    /// # Errors
    /// [`RuleErrors`]: everything found wrong, each with file, line, column and what to write instead.
    pub fn compile(name: &str, files: &[SourceFile]) -> Result<Self, RuleErrors> {
        let (sources, id) = canonical(name, files);
        let sources: Arc<[SourceFile]> = sources.into();
        let Checked { rules, terms, owners } = check::rules(&sources).map_err(|errors| RuleErrors { errors })?;
        let index = Finder::new(&terms).map_err(|message| {
            let path = sources.first().map(|file| file.path.clone()).unwrap_or_default();
            let problem = RuleProblem::TooLarge(message);
            RuleErrors { errors: vec![RuleError { path, line: 1, column: 1, problem }] }
        })?;
        let numbered = (0..).zip(&rules).filter(|(_, rule)| !rule.condition.needs_words());
        let standing: Vec<u32> = numbered.map(|(number, _)| number).collect();
        let (rules, terms, owners, standing) = (rules.into(), terms.into(), owners.into(), standing.into());
        Ok(Self { id, sources, rules, terms, owners, standing, index: index.into() })
    }

    /// The rules that come with earmark: compliance of calls in Chinese and English.
    pub fn starter() -> Self {
        STARTER.clone()
    }

    /// Name, and the hash of the files.
    pub fn id(&self) -> &RuleSetId {
        &self.id
    }

    /// The files, in order of their paths.
    pub fn sources(&self) -> &[SourceFile] {
        &self.sources
    }

    /// The rules, in order of file and line.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What the rules look for in the words.
    pub(crate) fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whose each term is.
    pub(crate) fn owners(&self) -> &[Owner] {
        &self.owners
    }

    /// Rules (by their places in the set) that may hold though none of their words is said, in order.
    pub(crate) fn standing(&self) -> &[u32] {
        &self.standing
    }

    pub(crate) fn index(&self) -> &Finder {
        &self.index
    }

    /// What the rules find in `utterances` (in order of time), in order of time. The same input gives the same
    /// findings, ids included.
    pub fn find(&self, utterances: &[Utterance], context: &Context) -> Vec<Finding> {
        Search::new(self, utterances, context, Extent::Whole).run()
    }

    /// What the rules find in `utterances` of a recording that goes on (in order of time), as far as nothing that is
    /// said later can take it back: words and combinations of what is there; nothing that is missing, no voices, no
    /// windows that are counted from the end.
    pub fn find_early(&self, utterances: &[Utterance], context: &Context) -> Vec<Finding> {
        Search::new(self, utterances, context, Extent::Part).run()
    }

    /// What the rules find in an example.
    pub(crate) fn find_on_trial(&self, utterances: &[Utterance], context: &Context) -> Vec<Finding> {
        Search::new(self, utterances, context, Extent::Trial).run()
    }

    /// What the rules find in one text that anybody may have said; times are 0. What only a whole recording can show is
    /// not asked: that something is missing, or never said beside it. Rules for certain recordings only are tried as well:
    /// see [`AppliesTo::in_words`](crate::AppliesTo::in_words).
    pub fn find_in_text(&self, text: &str) -> Vec<Finding> {
        let is_chinese = !text.is_ascii() && text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        let language = if is_chinese { "zh" } else { "en" };
        let utterance = Utterance {
            id: 0,
            channel: 0,
            speaker: Speaker::unknown(),
            start_ms: 0,
            end_ms: 0,
            time_precision: TimePrecision::Estimated,
            language: None,
            text: text.into(),
            words: Vec::new(),
        };
        let context = Context { language: Some(language.into()), ..Context::default() };
        let mut findings = Search::new(self, &[utterance], &context, Extent::Text).run();
        findings.retain(|finding| finding.utterance_id.is_some());
        for (number, finding) in findings.iter_mut().enumerate() {
            finding.id = format!("f{}", number + 1);
        }
        findings
    }

    /// How many words and phrases are looked for.
    pub fn word_count(&self) -> usize {
        self.terms.iter().map(|term| term.phrases.len()).sum()
    }

    /// Whether some rule says what must be said.
    pub fn has_must_say(&self) -> bool {
        let is_missing = |rule: &Rule| matches!(rule.condition, Condition::Missing(_)) || rule.condition.has_absence();
        self.rules.iter().any(is_missing)
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleSet").field("id", &self.id).field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}
