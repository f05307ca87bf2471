//! `multipart/form-data`, read whole, without copying the parts.

use bytes::Bytes;
use memchr::memmem;

/// A form's parts in their order.
#[derive(Debug, Default)]
pub(crate) struct Form {
    parts: Vec<(String, Bytes)>,
}

impl Form {
    /// The parts of `body`; nothing when `content_type` names no boundary or the body is not a whole form.
    pub(crate) fn parse(content_type: &str, body: &Bytes) -> Option<Self> {
        let boundary =
            parameter(content_type, "boundary").filter(|_| content_type.starts_with("multipart/form-data"))?;
        let opening = format!("--{boundary}");
        let delimiter = format!("\r\n--{boundary}");
        let finder = memmem::Finder::new(delimiter.as_bytes());
        if !body.starts_with(opening.as_bytes()) {
            return None;
        }
        let mut parts = Vec::new();
        let mut at = opening.len();
        loop {
            let rest = &body[at..];
            if rest.starts_with(b"--") {
                return Some(Self { parts });
            }
            let head_end = memmem::find(rest, b"\r\n\r\n")?;
            let start = at + head_end + 4;
            let end = start + finder.find(&body[start..])?;
            let head = String::from_utf8_lossy(&body[at..at + head_end]);
            parts.push((part_name(&head)?, body.slice(start..end)));
            at = end + delimiter.len();
        }
    }

    /// The first part of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Bytes> {
        self.parts.iter().find(|(part, _)| part == name).map(|(_, value)| value)
    }

    /// The first part of that name as text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|part| String::from_utf8_lossy(part).into_owned())
    }

    /// Every part of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Bytes> {
        self.parts.iter().filter(move |(part, _)| part == name).map(|(_, value)| value)
    }
}

fn part_name(head: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    parameter(line, "name")
}

/// The value of `; name=value` or `; name="value"`, a quoted string's escapes undone.
fn parameter(line: &str, name: &str) -> Option<String> {
    let mut rest = line.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (value, behind) = value(after);
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = behind.split_once(';')?.1;
    }
}

/// A value and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.trim_start().strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return (text[..end].trim().into(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\\\"; name=\\\"model\\\".wav\"\r\n\
        Content-Type: audio/wav\r\n\r\n\0\r\n-b\r\n\r\n--b\r\ncontent-disposition: form-data; filename=a; name=model\r\n\r\nm\r\n--b--\r\n";

    #[test]
    fn parts_are_found_whatever_their_bytes_and_names_say() {
        let form = Form::parse("multipart/form-data; charset=utf-8; boundary=\"b\"", &Bytes::from(BODY)).unwrap();
        assert_eq!(form.get("file").unwrap().as_ref(), b"\0\r\n-b\r\n");
        assert_eq!(form.text("model").as_deref(), Some("m"));
        assert_eq!(form.all("model").count(), 1);
    }

    #[test]
    fn a_form_cut_short_anywhere_is_no_form() {
        for length in 0..BODY.len() - 4 {
            let body = Bytes::copy_from_slice(&BODY.as_bytes()[..length]);
            assert!(Form::parse("multipart/form-data; boundary=b", &body).is_none(), "{length}");
        }
        assert!(Form::parse("application/json", &Bytes::from(BODY)).is_none());
    }
}
