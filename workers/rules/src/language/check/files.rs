//! From what is written in the files to rules that can be compiled.

use std::collections::HashMap;
use std::sync::Arc;

use earmark_rule_files::error::RuleProblem;
use earmark_rule_files::format::place;
use earmark_rule_files::{RuleError, SourceFile, format};
use earmark_words::Term;

use crate::language::check::checker::Check;
use crate::language::rule::Rule;
use crate::language::term_scope::TermScope;

/// What rule files give.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// In order of file and line.
    pub(crate) rules: Vec<Rule>,
    /// What they look for, those of one rule one behind the other.
    pub(crate) terms: Vec<Term>,
    /// Of each term, which rule it is of and where it counts.
    pub(crate) scopes: Vec<TermScope>,
}

/// The rules of `files`, and the terms that they look for.
///
/// # Errors
/// All that is wrong in them, in order of file and line; of what is no rule file at all, the first mistake in each.
pub(crate) fn checked(files: &Arc<[SourceFile]>) -> Result<Checked, Vec<RuleError>> {
    let mut errors = Vec::new();
    let Checked { mut rules, mut terms, mut scopes } = Checked::default();
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
                Check { path: &file.path, files, errors: &mut errors, terms: &mut terms, scopes: &mut scopes };
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
    if errors.is_empty() { Ok(Checked { rules, terms, scopes }) } else { Err(errors) }
}
