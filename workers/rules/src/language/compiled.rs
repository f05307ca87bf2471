//! What rule files come to: rules, the terms that they look for, and what finds these.

use std::sync::Arc;

use earmark_core::RuleSetId;
use earmark_rule_files::error::RuleProblem;
use earmark_rule_files::{RuleError, RuleErrors, SourceFile};
use earmark_words::{Finder, Term};

use crate::language::check::files::{Checked, checked};
use crate::language::rule::Rule;
use crate::language::term_scope::TermScope;

/// Rules, checked, with all that is needed to hold them against recordings.
pub(crate) struct CompiledRules {
    id: RuleSetId,
    sources: Arc<[SourceFile]>,
    rules: Vec<Rule>,
    terms: Vec<Term>,
    scopes: Vec<TermScope>,
    /// Rules that may hold though none of their words is said.
    standing: Vec<usize>,
    finder: Finder,
}

impl CompiledRules {
    /// Compiles the rule files `sources`, in order of their paths, of the set `id`.
    ///
    /// # Errors
    /// [`RuleErrors`]: everything found wrong.
    pub(crate) fn new(id: RuleSetId, sources: Arc<[SourceFile]>) -> Result<Self, RuleErrors> {
        let Checked { rules, terms, scopes } = checked(&sources).map_err(|errors| RuleErrors { errors })?;
        let finder = Finder::new(&terms).map_err(|message| {
            let path = sources.first().map(|file| file.path.clone()).unwrap_or_default();
            let problem = RuleProblem::TooLarge(message);
            RuleErrors { errors: vec![RuleError { path, line: 1, column: 1, problem }] }
        })?;
        let numbered = rules.iter().enumerate().filter(|(_, rule)| !rule.condition.needs_words());
        let standing: Vec<usize> = numbered.map(|(number, _)| number).collect();
        Ok(Self { id, sources, rules, terms, scopes, standing, finder })
    }

    /// Name, and the hash of the files.
    pub(crate) fn id(&self) -> &RuleSetId {
        &self.id
    }

    /// The files, in order of their paths.
    pub(crate) fn sources(&self) -> &[SourceFile] {
        &self.sources
    }

    /// The rules, in order of file and line.
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// How many words and phrases are looked for.
    pub(crate) fn word_count(&self) -> usize {
        self.terms.iter().map(|term| term.phrases.len()).sum()
    }

    /// What the rules look for in the words.
    pub(crate) fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Which rule each term is of, and where it counts.
    pub(crate) fn scopes(&self) -> &[TermScope] {
        &self.scopes
    }

    /// Rules (by their places in the set) that may hold though none of their words is said, in order.
    pub(crate) fn standing(&self) -> &[usize] {
        &self.standing
    }

    /// Finds the terms in texts.
    pub(crate) fn finder(&self) -> &Finder {
        &self.finder
    }
}
