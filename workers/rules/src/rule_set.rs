//! A compiled rule set.

use std::fmt;
use std::sync::{Arc, LazyLock};

use earmark_core::{Finding, RuleSetId, Speaker, TimePrecision, Utterance};
use earmark_rule_files::source::canonical;
use earmark_rule_files::{RuleErrors, SourceFile};

use crate::judge::judgement::{Extent, Judgement};
use crate::language::compiled::CompiledRules;
use crate::language::rule::Rule;
use crate::language::starter;
use crate::proof::examples;
use crate::proof::examples::ExampleReport;
use crate::proof::lint::overview::lint;
use crate::proof::lint::warning::Lint;
use crate::recording::context::Context;

static STARTER: LazyLock<RuleSet> =
    LazyLock::new(|| RuleSet::compile(starter::NAME, &starter::files()).expect("a test compiles the starter set"));

/// Rules, checked and compiled; never changes, can be shared between threads.
#[derive(Clone)]
pub struct RuleSet {
    compiled: Arc<CompiledRules>,
}

impl RuleSet {
    /// Compiles the rule files `files` (paths relative to the set's folder) into a set with the name `name`. The order
    /// of the files does not matter.
    ///
    /// # Errors
    /// [`RuleErrors`]: everything found wrong, each with file, line, column and what to write instead.
    pub fn compile(name: &str, files: &[SourceFile]) -> Result<Self, RuleErrors> {
        let (sources, id) = canonical(name, files);
        let compiled = Arc::new(CompiledRules::new(id, sources.into())?);
        Ok(Self { compiled })
    }

    /// The rules that come with earmark: compliance of calls in Chinese and English.
    pub fn starter() -> Self {
        STARTER.clone()
    }

    /// Name, and the hash of the files.
    pub fn id(&self) -> &RuleSetId {
        self.compiled.id()
    }

    /// The files, in order of their paths.
    pub fn sources(&self) -> &[SourceFile] {
        self.compiled.sources()
    }

    /// The rules, in order of file and line.
    pub fn rules(&self) -> &[Rule] {
        self.compiled.rules()
    }

    /// What the rules find in `utterances` (in order of time), in order of time. The same input gives the same
    /// findings, ids included.
    pub fn find(&self, utterances: &[Utterance], context: &Context) -> Vec<Finding> {
        Judgement::new(&self.compiled, utterances, context, Extent::Whole).run()
    }

    /// What the rules find in `utterances` of a recording that goes on (in order of time), as far as nothing that is
    /// said later can take it back: words and combinations of what is there; nothing that is missing, no voices, no
    /// windows that are counted from the end.
    pub fn find_early(&self, utterances: &[Utterance], context: &Context) -> Vec<Finding> {
        Judgement::new(&self.compiled, utterances, context, Extent::Part).run()
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
        let mut findings = Judgement::new(&self.compiled, &[utterance], &context, Extent::Text).run();
        findings.retain(|finding| finding.utterance_id.is_some());
        for (number, finding) in findings.iter_mut().enumerate() {
            finding.id = format!("f{}", number + 1);
        }
        findings
    }

    /// How many words and phrases are looked for.
    pub fn word_count(&self) -> usize {
        self.compiled.word_count()
    }

    /// Looks the set over for what is allowed and probably not meant.
    pub fn lint(&self) -> Lint {
        lint(&self.compiled)
    }

    /// Runs every example of every rule through the whole set.
    pub fn run_examples(&self) -> ExampleReport {
        examples::run(&self.compiled)
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleSet").field("id", self.id()).field("rules", &self.rules().len()).finish_non_exhaustive()
    }
}
