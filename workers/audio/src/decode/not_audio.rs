//! Says what a file is that cannot be read: no recording, one that nobody decodes, or what lies beside one.

use std::path::Path;

use crate::AudioError;

/// Marks of what people upload by mistake.
const MARKS: [(&[u8], &str); 12] = [
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
    (b"version https://git-lfs", "a Git LFS pointer: the file itself was never fetched"),
    (b"MThd", "a MIDI file"),
];

const SILK: &str =
    "convert it first: silk-v3-decoder makes PCM of it, which is read with its encoding declared, or as WAV";

const CAPTURE: &str = "take the recorder's WAV instead, or make one of the call's RTP streams: in Wireshark by Telephony, RTP, \
    RTP Player, Export, or with rtpengine's own `recording-method`; one file with a channel for each direction is best";

const JANUS: &str =
    "convert it with Janus' own program: janus-pp-rec FILE.mjr FILE.opus (one file for each participant)";

const DS2: &str = "export it as WAV or MP3 with the dictation software (Olympus ODMS, Philips SpeechExec)";

/// Marks of recordings that nobody decodes: what they are, and what to do.
const UNDECODABLE: [(&[u8], &str, &str); 12] = [
    (b"#!SILK", "a SILK voice message", SILK),
    (b"\x02#!SILK", "a SILK voice message (WeChat, QQ)", SILK),
    (b"\xD4\xC3\xB2\xA1", "a packet capture (pcap), not a recording", CAPTURE),
    (b"\xA1\xB2\xC3\xD4", "a packet capture (pcap), not a recording", CAPTURE),
    (b"\x4D\x3C\xB2\xA1", "a packet capture (pcap, nanoseconds), not a recording", CAPTURE),
    (b"\xA1\xB2\x3C\x4D", "a packet capture (pcap, nanoseconds), not a recording", CAPTURE),
    (b"\x0A\x0D\x0D\x0A", "a packet capture (pcapng), not a recording", CAPTURE),
    (b"MJR0", "a Janus recording (mjr)", JANUS),
    (b"MEETECHO", "a Janus recording (mjr)", JANUS),
    (b"\x03ds2", "a DS2 dictation (DSS Pro)", DS2),
    (b"\x01ds2", "a DS2 dictation (DSS Pro)", DS2),
    (b"\x03enc", "an encrypted DS2 dictation", DS2),
];

/// What recorders leave beside a recording, by the ending of its name.
const COMPANIONS: [(&[&str], &str); 9] = [
    (&["vtt"], "a transcript or subtitles (WebVTT)"),
    (&["srt", "ass", "ssa", "sbv", "ttml"], "subtitles"),
    (&["json", "jsonl", "ndjson"], "JSON text"),
    (&["txt", "log", "md", "rtf"], "text, as of a chat or a log"),
    (&["meta", "info", "ini", "conf", "properties", "yaml", "yml", "nfo"], "facts of a call as text"),
    (&["csv", "tsv"], "a table as text"),
    (&["xml"], "an XML document"),
    (&["html", "htm", "url"], "a page or a link"),
    (&["md5", "sha1", "sha256", "sha512", "sig", "asc", "sum"], "a checksum or a signature"),
];

/// The same where they are no text.
const PICTURES: [&str; 8] = ["png", "jpg", "jpeg", "gif", "webp", "pdf", "ppt", "pptx"];

/// What object stores answer with instead of an object, in words of their own that say nothing of anybody.
const STORE_ERRORS: [&str; 13] = [
    "AccessDenied",
    "AuthorizationQueryParametersError",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidObjectState",
    "InvalidToken",
    "NoSuchBucket",
    "NoSuchKey",
    "PermanentRedirect",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "SlowDown",
    "TemporaryRedirect",
];

/// The refusal of what begins with `head`, if it is a recording that nobody decodes.
pub(super) fn undecodable(head: &[u8]) -> Option<AudioError> {
    let (_, what, advice) = UNDECODABLE.iter().find(|(mark, _, _)| head.starts_with(mark))?;
    Some(AudioError::Unsupported { what: (*what).into(), advice: (*advice).into() })
}

/// The refusal of a file that begins with `head` and is named `name`, of which nothing else is known.
pub(super) fn refusal(head: &[u8], name: &str) -> AudioError {
    let ending =
        Path::new(name).extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let text = text(head);
    if let Some(text) = text
        && (text.starts_with("WEBVTT") || ending == "vtt")
    {
        return AudioError::CompanionFile { what: COMPANIONS[0].1.into() };
    }
    let companion = COMPANIONS.iter().find(|(endings, _)| endings.contains(&ending.as_str()));
    if let (Some(_), Some((_, what))) = (text, companion) {
        return AudioError::CompanionFile { what: (*what).into() };
    }
    if PICTURES.contains(&ending.as_str()) {
        return AudioError::CompanionFile { what: describe(head) };
    }
    if ending == "zoom" {
        let what = "what Zoom leaves of a meeting until it converts it".into();
        return AudioError::Unsupported {
            what,
            advice: "open it with Zoom, which makes an MP4 and an M4A of it".into(),
        };
    }
    AudioError::NotAudio { seen: describe(head) }
}

/// Whether `head` is nothing that sound without a header could be: text, zeros, or something with a mark of its own.
pub(super) fn is_something_else(head: &[u8]) -> bool {
    MARKS.iter().any(|(mark, _)| mark.len() > 3 && head.starts_with(mark)) || text(head).is_some()
}

/// What kind of file begins with `head`: `an S3 error page (AccessDenied)`. Nothing of what stands in it is told: who hears
/// of it may name files that are none of their business.
fn describe(head: &[u8]) -> String {
    if let Some((_, what)) = MARKS.iter().find(|(mark, _)| head.starts_with(mark)) {
        return (*what).into();
    }
    if head.iter().all(|byte| *byte == 0) {
        return format!("zeros (its first {} bytes)", head.len());
    }
    text(head).map_or("data of no format earmark knows".into(), describe_text)
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
        return "an HTML page".into();
    }
    if text.starts_with('<') {
        let code = STORE_ERRORS.iter().find(|code| text.contains(&format!("<Code>{code}</Code>")));
        return code.map_or("an XML document".into(), |code| format!("an S3 error page ({code})"));
    }
    if lower.starts_with("#extm3u") || lower.starts_with("[playlist]") {
        return "a playlist, which names recordings but holds none".into();
    }
    if text.starts_with('{') || text.starts_with('[') {
        return "JSON text".into();
    }
    "text".into()
}
