//! Words from files of their own: one on a line.

use std::sync::Arc;

use earmark_rule_files::error::{RuleProblem, nearest};
use earmark_rule_files::format::Texts;
use earmark_rule_files::source::list_path;
use earmark_rule_files::{RuleError, SourceFile};
use earmark_words::{ListTexts, PhrasesBuilder, Repeats, Unfit};

use crate::language::check::checker::Check;
use crate::language::check::unfit::{too_long, unfit_word};

/// A line that begins so says nothing.
const COMMENT: char = '#';
/// Some editors put it at the beginning of a file.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// Who gives a file that is no list is not told of every line.
const MAX_MISTAKES: usize = 100;

/// The files of a set, of which some are lists.
#[derive(Debug)]
struct ListFiles(Arc<[SourceFile]>);

impl ListTexts for ListFiles {
    fn text(&self, number: usize) -> &str {
        &self.0[number].text
    }
}

/// The word or phrase of `line`, which has one: without what stands behind a tab, and without a remark, which begins with
/// `#` between blanks. `C#` and `#1` are words.
fn without_remark(line: &str) -> &str {
    let line = line.split('\t').next().unwrap_or(line);
    let is_remark = |place: usize| {
        let begins = line[..place].ends_with(char::is_whitespace);
        begins && line[place + COMMENT.len_utf8()..].chars().next().is_none_or(char::is_whitespace)
    };
    let end = line.match_indices(COMMENT).find(|(place, _)| is_remark(*place)).map_or(line.len(), |(place, _)| place);
    line[..end].trim_end()
}

/// What is wrong with `text`, the first column of `line`, if it only numbers the word behind it.
fn numbered(text: &str, line: &str) -> Option<RuleProblem> {
    let is_number = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ')' | '%'));
    let rest = line.split_once('\t')?.1;
    (is_number && rest.chars().any(char::is_alphabetic)).then(|| RuleProblem::NumberedLine(text.into()))
}

impl Check<'_> {
    /// Adds the words of the list files `paths` to `phrases`; what is wrong is noted.
    pub(super) fn listed(&mut self, field: &'static str, paths: &Texts, phrases: &mut PhrasesBuilder) {
        if paths.value.is_empty() {
            self.wrong(paths.referenced, RuleProblem::EmptyList(field.into()));
        }
        for path in &paths.value {
            let wanted = list_path(&path.value);
            if wanted.is_empty() {
                self.wrong(path.referenced, RuleProblem::EmptyText(field));
                continue;
            }
            // A path from the root, of a drive, or up.
            if wanted.starts_with(['/', '\\'])
                || wanted.contains(':')
                || wanted.split(['/', '\\']).any(|part| part == "..")
            {
                self.wrong(path.referenced, RuleProblem::ListOutside(wanted.into()));
                continue;
            }
            let is_list = |file: &&SourceFile| SourceFile::is_list_file(&file.path);
            match self.files.iter().position(|file| is_list(&file) && file.path == wanted) {
                Some(file) => self.list(file, phrases),
                None => {
                    let lists: Vec<&str> = self.files.iter().filter(is_list).map(|file| file.path.as_str()).collect();
                    let meant = nearest(wanted, &lists).map(str::to_owned);
                    self.wrong(path.referenced, RuleProblem::NoSuchList { path: wanted.into(), meant });
                }
            }
        }
    }

    /// Adds the words of list file `list`.
    fn list(&mut self, list: usize, phrases: &mut PhrasesBuilder) {
        let files = self.files;
        let file = &files[list];
        phrases.begin_list(Arc::new(ListFiles(files.clone())), list);
        let mut wrong = |line: u64, column: usize, problem| {
            let column = u64::try_from(column).unwrap_or(u64::MAX);
            self.errors.push(RuleError { path: file.path.clone(), line, column, problem });
        };
        let (mut words, mut mistakes) = (0, 0);
        let mut repeats: Option<Repeats> = None;
        let mut line_at = 0;
        for (number, line) in (1_u64..).zip(file.text.split('\n')) {
            let text = line.trim_start_matches(|c: char| c.is_whitespace() || c == BYTE_ORDER_MARK);
            let indent = line.len() - text.len();
            let (text, at) = (without_remark(text), line_at + indent);
            line_at += line.len() + 1;
            if text.is_empty() || text.starts_with(COMMENT) {
                continue;
            }
            words += 1;
            let problem = match too_long(text).or_else(|| numbered(text, line)) {
                Some(problem) => problem,
                None => match phrases.add_listed(text, at) {
                    Ok(()) => continue,
                    Err(Unfit::Repeated) => {
                        let first = || Repeats { list, count: 0, word: text.into(), line: number };
                        repeats.get_or_insert_with(first).count += 1;
                        continue;
                    }
                    Err(unfit) => unfit_word(unfit, text),
                },
            };
            if mistakes == MAX_MISTAKES {
                wrong(number, 1, RuleProblem::TooManyMistakes(MAX_MISTAKES));
                break;
            }
            wrong(number, line[..indent].chars().count() + 1, problem);
            mistakes += 1;
        }
        if words == 0 {
            wrong(1, 1, RuleProblem::NoWords);
        }
        if let Some(repeats) = repeats {
            phrases.note_repeats(repeats);
        }
    }
}
