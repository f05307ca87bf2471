//! `multipart/form-data` (RFC 7578), taken apart once it is there whole.

use bytes::Bytes;
use memchr::memmem;

/// More parts than the longest form has: a hundred hotwords and each other field.
const MAX_PARTS: usize = 256;
/// The longest head of a part.
const MAX_HEAD_BYTES: usize = 8192;

/// What was sent, in its order.
#[derive(Debug, Default)]
pub struct Form(Vec<(String, Bytes)>);

/// The body is no form, or only the beginning of one.
#[derive(Debug, PartialEq, Eq)]
pub struct Broken;

impl Form {
    /// The form in `body`, cut at the boundary that `content_type` names. Nothing is copied but the names.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn parse(content_type: &str, body: &Bytes) -> Result<Self, Broken> {
        let boundary = boundary(content_type).ok_or(Broken)?;
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        let finder = memmem::Finder::new(&delimiter);
        // The first one may stand at the very beginning, without the line break before it.
        let mut at = if body.starts_with(&delimiter[2..]) {
            delimiter.len() - 2
        } else {
            finder.find(body).ok_or(Broken)? + delimiter.len()
        };
        let mut parts = Vec::new();
        loop {
            if body[at..].starts_with(b"--") {
                return Ok(Self(parts));
            }
            let head = after_delimiter(body, at)?;
            let end = head + finder.find(&body[head..]).ok_or(Broken)?;
            if parts.len() == MAX_PARTS {
                return Err(Broken);
            }
            parts.push(part(body, head, end)?);
            at = end + delimiter.len();
        }
    }

    /// The first part called `name`.
    pub fn first(&self, name: &str) -> Option<&Bytes> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, content)| content)
    }

    /// Every part called one of `names`, in their order.
    pub fn all<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a Bytes> {
        self.0.iter().filter(|(known, _)| names.contains(&known.as_str())).map(|(_, content)| content)
    }
}

/// The parameter `boundary` of a form's content type.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    // RFC 2046, 5.1.1.
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

/// Where the part begins whose delimiter ends at `at`.
fn after_delimiter(body: &[u8], at: usize) -> Result<usize, Broken> {
    // Mail gateways may have filled up the line (RFC 2046, 5.1.1).
    let padding = body[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let end = at + padding;
    // The line break stays before a part without a head: its own head is empty.
    if body[end..].starts_with(b"\r\n") { Ok(end) } else { Err(Broken) }
}

/// Name and content of the part between `head` (at the line break before it) and `end`.
fn part(body: &Bytes, head: usize, end: usize) -> Result<(String, Bytes), Broken> {
    let within = &body[head..end];
    let head_end = memmem::find(&within[..within.len().min(MAX_HEAD_BYTES)], b"\r\n\r\n").ok_or(Broken)?;
    let lines = String::from_utf8_lossy(&within[..head_end]);
    let disposition = lines.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    });
    let name = disposition.and_then(name).ok_or(Broken)?;
    Ok((name, body.slice(head + head_end + 4..end)))
}

/// The parameter `name` of a part's disposition; file names, which may hold anything, are stepped over.
fn name(disposition: &str) -> Option<String> {
    let mut rest = disposition;
    while let Some(at) = rest.find(';') {
        rest = rest[at + 1..].trim_start();
        let (key, value) = rest.split_once('=')?;
        let (value, after) = match value.trim_start().strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = value.find(';').unwrap_or(value.len());
                (value[..end].trim().to_owned(), &value[end..])
            }
        };
        if key.trim().eq_ignore_ascii_case("name") {
            return Some(value);
        }
        rest = after;
    }
    None
}

/// The text up to the closing quote, and what follows it.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((text, &quoted[at + 1..])),
            '\\' => text.push(characters.next()?.1),
            other => text.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(content_type: &str, body: &str) -> Result<Vec<(String, String)>, Broken> {
        let form = Form::parse(content_type, &Bytes::copy_from_slice(body.as_bytes()))?;
        Ok(form.0.iter().map(|(name, content)| (name.clone(), String::from_utf8(content.to_vec()).unwrap())).collect())
    }

    fn part(head: &str, content: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    }

    #[test]
    fn every_spelling_of_a_form_is_read() {
        let file = part("name=\"file\"; filename=\"a;name=\\\"x\\\".wav\"\r\nContent-Type: audio/wav", "RIFF\r\n--c");
        let whole = format!("{}{file}--b--\r\n", part("name=\"model\"", "glm-asr"));
        let expected = vec![("model".to_owned(), "glm-asr".to_owned()), ("file".into(), "RIFF\r\n--c".into())];
        for content_type in ["multipart/form-data; boundary=b", "Multipart/Form-Data; charset=utf-8; Boundary=\"b\""] {
            assert_eq!(parse(content_type, &whole).unwrap(), expected, "{content_type}");
            assert_eq!(parse(content_type, &format!("preamble\r\n{whole}epilogue")).unwrap(), expected);
        }
        for (head, name) in [
            ("filename=\"n\"; name=\"file\"", "file"),
            ("filename=名.wav; name=file", "file"),
            ("name=\"hotwords[]\"", "hotwords[]"),
        ] {
            let body = format!("{}--b--", part(head, ""));
            assert_eq!(parse("multipart/form-data; boundary=b", &body).unwrap(), [(name.to_owned(), String::new())]);
        }
        assert_eq!(parse("multipart/form-data; boundary=b", "--b--\r\n").unwrap(), []);
    }

    #[test]
    fn half_a_form_is_none() {
        let whole = format!("{}{}--b--", part("name=\"model\"", "glm-asr"), part("name=\"file\"", "RIFF"));
        for length in 0..whole.len() {
            assert_eq!(parse("multipart/form-data; boundary=b", &whole[..length]), Err(Broken), "{length}");
        }
        let many = part("name=\"hotwords\"", "x").repeat(MAX_PARTS + 1) + "--b--";
        for (content_type, body) in [
            ("multipart/form-data", whole.as_str()),
            ("multipart/form-data; boundary=", &whole),
            ("application/json; boundary=b", &whole),
            ("multipart/form-data; boundary=b", &many),
            ("multipart/form-data; boundary=b", "--b\r\n\r\nx\r\n--b--"),
            ("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"x\r\n\r\nx\r\n--b--"),
        ] {
            assert_eq!(parse(content_type, body), Err(Broken), "{content_type} {body}");
        }
    }
}
