//! Looking a whole rule set over.

use crate::language::compiled::CompiledRules;
use crate::language::rule::{Rule, RuleKind};
use crate::proof::lint::warning::{Lint, LintProblem, LintWarning};
use crate::proof::lint::{patterns, rule, words};

/// Looks `set` over.
pub(crate) fn lint(set: &CompiledRules) -> Lint {
    let mut warnings = Vec::new();
    let mut owners = words::Owners::default();
    let mut pattern_owners = patterns::Owners::default();
    for rule in set.rules() {
        for number in rule.terms.clone() {
            let mut look = words::Look::new(set, rule, number, &mut warnings);
            look.phrases();
            // There the first phrase is the one that a reader is shown, however long.
            if rule.kind != RuleKind::MustSay {
                look.covered();
            }
            look.exceptions();
            if rule.kind == RuleKind::Words {
                look.shared(&mut owners);
            }
        }
        rule::look(set, rule, &mut warnings);
        patterns::look(set, rule, &mut pattern_owners, &mut warnings);
        texts(rule, &mut warnings);
    }
    warnings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    let examples = set.rules().iter().map(|rule| rule.hits.len() + rule.misses.len()).sum();
    Lint { rules: set.rules().len(), words: set.word_count(), examples, warnings }
}

/// What is said of the rule beside what it looks for.
fn texts(rule: &Rule, warnings: &mut Vec<LintWarning>) {
    let mut warn = |problem| {
        warnings.push(LintWarning { path: rule.path.clone(), line: rule.line, rule_id: rule.id.clone(), problem });
    };
    if rule.hits.is_empty() {
        warn(LintProblem::NoExamples("hit"));
    }
    if rule.misses.is_empty() {
        warn(LintProblem::NoExamples("miss"));
    }
    if rule.message.is_empty() {
        warn(LintProblem::NoMessage(rule.category.clone()));
    }
}
