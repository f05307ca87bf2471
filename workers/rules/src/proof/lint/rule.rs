//! Rules that are probably not meant as they stand: what never holds, what nobody is told of, what is too broad.

use earmark_words::{Cell, Phrase};

use crate::language::compiled::CompiledRules;
use crate::language::condition::Condition;
use crate::language::rule::{Rule, RuleKind};
use crate::proof::lint::common_words;
use crate::proof::lint::warning::{LintProblem, LintWarning};

/// Longer words are seldom part of another by accident.
const SHORT_CHARS: usize = 2;

/// What is said of `rule` as a whole.
pub(super) fn look(set: &CompiledRules, rule: &Rule, warnings: &mut Vec<LintWarning>) {
    let mut warn = |line, problem| {
        warnings.push(LintWarning { path: rule.path.clone(), line, rule_id: rule.id.clone(), problem });
    };
    if let (Some(from), Some(until)) = (rule.valid.from_ms, rule.valid.until_ms)
        && until <= from
    {
        warn(rule.line, LintProblem::NeverValid);
    }
    if rule.is_shadow && !rule.actions.is_empty() {
        warn(rule.line, LintProblem::ShadowActions);
    }
    if let Some(word) = contradiction(set, &rule.condition) {
        warn(rule.line, LintProblem::NeverHolds(word));
    }
    for term in rule.terms.clone().map(|term| &set.terms()[term]) {
        let short = term.phrases.iter().filter(|phrase| {
            phrase.listed().is_none() && phrase.char_count() <= SHORT_CHARS && phrase.is_ideographic()
        });
        for phrase in short {
            let word = phrase.text();
            let is_excepted = |common: &str| term.except.iter().any(|except| common.contains(except.text()));
            let inside = |common: &&str| common.contains(word) && *common != word && !is_excepted(common);
            // Elsewhere a common word may be meant: something else is asked beside it.
            let said_alone =
                common_words::chinese().filter(|_| rule.kind == RuleKind::Words && !common_words::is_common(word));
            if let Some(common) = common_words::SEAMS.split_whitespace().chain(said_alone).find(inside) {
                warn(phrase.line(), LintProblem::TooBroad { word: word.into(), common: common.into() });
            }
        }
    }
}

/// A word that one condition asks for and another of the same rule forbids everywhere.
fn contradiction(set: &CompiledRules, condition: &Condition) -> Option<String> {
    let inside = || condition.children().into_iter().find_map(|child| contradiction(set, child));
    let Condition::All(of) = condition else { return inside() };
    let forbidden = of.iter().filter_map(|child| match child {
        Condition::None(of) => Some(of.as_slice()),
        Condition::Missing(of) => Some(std::slice::from_ref(&**of)),
        _ => None,
    });
    for forbidden in forbidden.flatten() {
        let Condition::Term(forbidden) = forbidden else { continue };
        for asked in of {
            let Condition::Term(asked) = asked else { continue };
            let (asker, forbidder) = (&set.scopes()[*asked], &set.scopes()[*forbidden]);
            let is_wider = forbidder.within.is_none() || forbidder.within == asker.within;
            let is_anybody = forbidder.speaker.is_none() || forbidder.speaker == asker.speaker;
            let (asked, forbidden) = (&set.terms()[*asked], &set.terms()[*forbidden]);
            let cells: Vec<&[Cell]> = forbidden.phrases.iter().map(|phrase: Phrase| phrase.cells()).collect();
            let all = asked.phrases.iter().all(|phrase| cells.contains(&phrase.cells()));
            if is_wider && is_anybody && all && forbidden.except.is_empty() {
                return asked.phrases.iter().next().map(|phrase| phrase.text().to_owned());
            }
        }
    }
    inside()
}
