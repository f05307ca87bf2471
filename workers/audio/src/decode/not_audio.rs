//! Says what a file is that is no recording.

/// Marks of what people upload by mistake.
const MARKS: [(&[u8], &str); 14] = [
    (b"PK\x03\x04", "a ZIP archive (or an Office document)"),
    (&[0x1F, 0x8B], "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xBC\xAF", "a 7-Zip archive"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (&[0xFF, 0xD8, 0xFF], "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x7FELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"#!SILK", "a SILK voice message, which neither earmark nor ffmpeg decodes"),
    (b"\x02#!SILK", "a SILK voice message, which neither earmark nor ffmpeg decodes"),
    (b"version https://git-lfs", "a Git LFS pointer: the file itself was never fetched"),
    (b"MThd", "a MIDI file"),
];

/// Longest piece of a file shown in a message, in characters.
const SHOWN: usize = 120;

/// What `head`, the start of a file, looks like: `an S3 error page: AccessDenied (Access Denied)`.
pub(super) fn describe(head: &[u8]) -> String {
    if let Some((_, what)) = MARKS.iter().find(|(mark, _)| head.starts_with(mark)) {
        return (*what).into();
    }
    if head.iter().all(|byte| *byte == 0) {
        return format!("zeros (its first {} bytes)", head.len());
    }
    match text(head) {
        Some(text) => describe_text(text),
        None => {
            let bytes: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            format!("data of no format earmark knows (it begins with {})", bytes.join(" "))
        }
    }
}

/// The head as text, if it is one.
fn text(head: &[u8]) -> Option<&str> {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // Cut in the middle of a character.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let is_readable = text.chars().take(512).all(|c| !c.is_control() || c.is_whitespace());
    is_readable.then(|| text.trim_start())
}

fn describe_text(text: &str) -> String {
    let lower = text.get(..text.floor_char_boundary(512)).unwrap_or(text).to_ascii_lowercase();
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        return element(text, "title").map_or("an HTML page".into(), |title| format!("an HTML page: {title}"));
    }
    if text.starts_with('<') {
        return match (element(text, "Code"), element(text, "Message")) {
            (Some(code), Some(message)) => format!("an S3 error page: {code} ({message})"),
            (Some(code), None) => format!("an S3 error page: {code}"),
            _ => format!("an XML document: {}", shown(text)),
        };
    }
    if lower.starts_with("#extm3u") || lower.starts_with("[playlist]") {
        return "a playlist, which names recordings but holds none".into();
    }
    if text.starts_with('{') || text.starts_with('[') {
        return format!("JSON text: {}", shown(text));
    }
    format!("text: {}", shown(text))
}

/// What stands in the first element called `name`.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once("</")?;
    let content = shown(content);
    (!content.is_empty()).then_some(content)
}

fn shown(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN { line } else { line.chars().take(SHOWN).chain(['…']).collect() }
}
