//! Expressions that are probably not meant as they are.

use std::collections::HashMap;

use earmark_rule_files::error::shown;
use earmark_words::{Pattern, Phrase, Term};

use crate::language::compiled::CompiledRules;
use crate::language::rule::{Rule, RuleKind};
use crate::proof::lint::common_words;
use crate::proof::lint::warning::{LintProblem, LintWarning};

/// Which rule was the first to have an expression, by speaker and expression.
pub(super) type Owners<'a> = HashMap<(&'a str, &'a str), &'a Rule>;

/// What is said of the expressions of `rule`; `owners` are those of the rules looked at before.
pub(super) fn look<'a>(
    set: &'a CompiledRules,
    rule: &'a Rule,
    owners: &mut Owners<'a>,
    warnings: &mut Vec<LintWarning>,
) {
    let mut warn = |line, problem| {
        warnings.push(LintWarning { path: rule.path.clone(), line, rule_id: rule.id.clone(), problem });
    };
    for term in rule.terms.clone().map(|term| &set.terms()[term]) {
        for pattern in &term.patterns {
            if rule.kind == RuleKind::Words {
                let key = (rule.speaker.as_deref().unwrap_or(""), pattern.text.as_str());
                let owner = *owners.entry(key).or_insert(rule);
                if owner.id != rule.id {
                    let problem = LintProblem::SharedPattern { pattern: shown(&pattern.text), other: owner.id.clone() };
                    warn(pattern.line, problem);
                }
            }
            if let Some(talk) = common_words::talk().find_map(|talk| pattern.find(talk)) {
                warn(pattern.line, LintProblem::BroadPattern { pattern: shown(&pattern.text), talk: shown(talk) });
            } else {
                for phrase in covered(term, pattern) {
                    let (word, pattern) = (phrase.text().into(), shown(&pattern.text));
                    warn(phrase.line(), LintProblem::CoveredByPattern { word, pattern });
                }
            }
        }
    }
}

/// The words of the rule itself that `pattern` matches inside other talk; those that are matched by sound are worth
/// their lines.
fn covered<'t>(term: &'t Term, pattern: &Pattern) -> impl Iterator<Item = Phrase<'t>> {
    term.phrases.iter().filter(|phrase| {
        let is_by_sound = phrase.is_ideographic() && term.is_by_sound(phrase.char_count());
        let is_looked_at = phrase.listed().is_none() && !phrase.has_gap() && !is_by_sound;
        is_looked_at && pattern.find(&format!("嗯 {} 嗯", phrase.text())).is_some()
    })
}
