//! Brackets and braces that are opened and never closed.

/// An opening sign that nothing closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    /// `[` or `{`.
    pub(super) sign: char,
    /// The line that it stands in, from 1.
    pub(super) line: u64,
    /// Where in that line, in characters, from 1.
    pub(super) column: u64,
}

/// The outermost sign in `text` that is opened no later than `line` and closed nowhere. As YAML has it: brackets within a
/// text, in quotes or in a comment are none. What is in a text of several lines (`|`) is not told from the rest.
pub(super) fn unclosed(text: &str, line: u64) -> Option<Open> {
    let mut open: Vec<Open> = Vec::new();
    let mut quote = None;
    for (number, content) in (1..).zip(text.lines()) {
        // What stands before, blanks aside: a sign that begins something stands at the beginning of it.
        let mut before = None;
        let (mut is_behind_blank, mut is_escaped) = (true, false);
        for (column, sign) in (1..).zip(content.chars()) {
            let is_begin = match before {
                None | Some(',' | '[' | '{') => true,
                Some(':' | '-') => is_behind_blank,
                Some(_) => false,
            };
            // In single quotes two of them stand for one.
            let is_doubled = before == Some('\'') && !is_behind_blank;
            match (quote, sign) {
                (Some('"'), _) if is_escaped => {}
                (Some(end), _) if end == sign => quote = None,
                (Some(_), _) => {}
                (None, '#') if is_behind_blank => break,
                (None, '\'' | '"') if is_begin || (is_doubled && sign == '\'') => quote = Some(sign),
                (None, '[' | '{') if is_begin || !open.is_empty() => open.push(Open { sign, line: number, column }),
                (None, ']' | '}') => {
                    open.pop();
                }
                _ => {}
            }
            is_escaped = sign == '\\' && !is_escaped;
            is_behind_blank = sign.is_whitespace();
            before = if is_behind_blank { before } else { Some(sign) };
        }
    }
    open.into_iter().next().filter(|open| open.line <= line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_opened_and_closed_nowhere_is_open() {
        let place = |text: &str| unclosed(text, 9).map(|open| (open.sign, open.line, open.column));
        assert_eq!(place("a: [b,\n  c]\nd: {e: [f]}\n"), None);
        assert_eq!(place("a: b [c\n- d{\n# [\ne: '['  # {\nf: \"it's [\"\n"), None);
        assert_eq!(place("a: '好 [\n  ]'\nb: it's {\n"), None);
        assert_eq!(place(r#"a: ["\"[", 'it''s [']"#), None);
        assert_eq!(place("a: 1\nb: [c\nd: {e: f}\n"), Some(('[', 2, 4)));
        assert_eq!(place("- {a: [b, c]\n"), Some(('{', 1, 3)));
        assert_eq!(unclosed("a: 1\nb: [c\n", 1), None, "what comes later is no cause");
    }
}
