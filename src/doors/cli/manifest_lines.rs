//! A manifest's text and what its lines are: a recording each, or something else that is said before any is taken.

use std::path::Path;

use earmark_core::{Address, RecordingUri};

/// Largest piece of a line that is shown, in characters.
const SHOWN: usize = 80;

/// What a manifest's line may be.
pub const LINE: &str = "a line is a URI, or JSON: {\"uri\": … (or \"parts\": […]), \"tenant\": …, \"lane\": …, \"key\": …, \"priority\": …, \"repeat\": …, \"rule_set\": …, \"metadata\": {…}, \"speakers\": […], \"sound\": {…}}";

/// Endings of recordings, behind which a table's next column begins: containers, then what has no header (as
/// `decode::headerless` of earmark-audio has it), without the rate that some have at their end.
const ENDINGS: &[&str] = &[
    "wav", "wave", "w64", "rf64", "bwf", "wav49", "mp2", "mp3", "mpga", "m4a", "m4b", "m4v", "mp4", "mov", "3gp",
    "3gpp", "3g2", "ogg", "oga", "ogv", "opus", "spx", "flac", "aac", "adts", "ac3", "amr", "awb", "wma", "wmv", "asf",
    "webm", "weba", "mka", "mkv", "avi", "flv", "mpg", "mpeg", "ts", "aif", "aiff", "aifc", "au", "snd", "caf", "wv",
    "ape", "tta", "dss", "ds2", "raw", "pcm", "lpcm", "s8", "u8", "sb", "ub", "sw", "uw", "s16", "u16", "s16le",
    "s16be", "s24", "s24le", "s32", "s32le", "f32", "f32le", "ul", "ulw", "ulaw", "mu", "mulaw", "pcmu", "al", "alw",
    "alaw", "pcma", "slin", "sln", "l16", "gsm", "g711", "g719", "g721", "g722", "722", "g723_1", "g7231", "tco",
    "rco", "g726", "g726le", "g726-16", "g726-24", "g726-32", "g726-40", "g728", "g729", "g729a", "ilbc", "vox", "sbc",
    "msbc", "nmf", "siren7", "siren14", "dvf", "msv",
];

/// What is wrong with a line, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoLine {
    /// Which it is, from 1.
    pub number: usize,
    /// What is wrong.
    pub why: String,
    /// What to do.
    pub hint: &'static str,
}

/// The lines of the manifest `bytes` that name recordings, with their numbers: without what is empty and what is a remark.
/// A byte-order mark is no part of the first, and texts of Windows in UTF-16 are read by theirs.
///
/// # Errors
/// [`NoLine`] for the first line of what is no manifest: a JSON array, a table, another file.
pub fn lines(bytes: &[u8]) -> Result<Vec<(usize, String)>, NoLine> {
    let text = text(bytes)?;
    let lines: Vec<(usize, String)> = (1..)
        .zip(text.lines())
        .map(|(number, line)| (number, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| (number, line.to_owned()))
        .collect();
    for (number, line) in &lines {
        let wrong = |(why, hint): (String, &'static str)| NoLine { number: *number, why, hint };
        check(line).map_err(wrong)?;
    }
    Ok(lines)
}

fn text(bytes: &[u8]) -> Result<String, NoLine> {
    let first = |why: &str, hint| NoLine { number: 1, why: why.into(), hint };
    if bytes.starts_with(&[0x1F, 0x8B]) {
        return Err(first("it is compressed with gzip", "unpack it: `gunzip -c FILE | earmark submit --manifest -`"));
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(first("it is a ZIP archive or a workbook", LINE));
    }
    let units: Option<Vec<u16>> = match bytes {
        [0xFF, 0xFE, rest @ ..] => Some(rest.chunks(2).map(|unit| u16::from_le_bytes([unit[0], at(unit)])).collect()),
        [0xFE, 0xFF, rest @ ..] => Some(rest.chunks(2).map(|unit| u16::from_be_bytes([unit[0], at(unit)])).collect()),
        _ => None,
    };
    let text = match units {
        Some(units) => String::from_utf16(&units).map_err(|_| first("it is no text in UTF-16", "save it as UTF-8"))?,
        None => {
            let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
            let text = std::str::from_utf8(bytes).map_err(|error| NoLine {
                number: bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1,
                why: "it is no text in UTF-8".into(),
                hint: "save it as UTF-8",
            })?;
            text.to_owned()
        }
    };
    if let Some(place) = text.find('\0') {
        let number = text[..place].matches('\n').count() + 1;
        return Err(NoLine { number, why: "it holds NUL characters".into(), hint: "save it as UTF-8" });
    }
    Ok(text)
}

fn at(unit: &[u8]) -> u8 {
    unit.get(1).copied().unwrap_or_default()
}

/// Whether `line`, which is neither empty nor a remark, can be a recording's.
fn check(line: &str) -> Result<(), (String, &'static str)> {
    const ARRAY: &str = "write an object a line, as `jq -c '.[]' FILE` does";
    const TABLE: &str =
        "write JSON, an object a line: {\"uri\": …, \"key\": …}; a name that has such characters is written so, too";
    // Whatever is there by that name is meant.
    if !line.starts_with('{') && Path::new(line).is_file() {
        return Ok(());
    }
    if line.starts_with('{') {
        return match line.strip_suffix(',') {
            Some(object) if serde_json::from_str::<serde::de::IgnoredAny>(object).is_ok() => {
                Err(("there is a comma behind it, as in a JSON array".into(), ARRAY))
            }
            _ if line == "{" => Err(("it is JSON of several lines".into(), ARRAY)),
            _ => Ok(()),
        };
    }
    if line.starts_with('[') || line == "]" {
        return Err(("it is of a JSON array".into(), ARRAY));
    }
    if line.contains('\t') {
        return Err((format!("`{}` is a row of a table: there is a tab in it", shown(line)), TABLE));
    }
    if line.starts_with('"') || line.starts_with('\'') {
        return Err((format!("`{}` is in quotes", shown(line)), TABLE));
    }
    if has_columns(line) {
        return Err((format!("`{}` looks like a row of a table", shown(line)), TABLE));
    }
    match RecordingUri::from(line).address() {
        Ok(Address::File(path)) if path.is_dir() => Err((
            format!("`{}` is a folder", shown(line)),
            "give the folder to `submit` itself, or name its recordings",
        )),
        Ok(Address::File(_)) if !line.contains("://") => Err((
            format!("there is no file `{}`", shown(line)),
            "a path is looked for from here; write file:///… for one that only the workers see",
        )),
        // What else is wrong with it is said by the law of intake.
        _ => Ok(()),
    }
}

/// Whether something stands behind a comma or a semicolon that follows a recording's ending.
fn has_columns(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    lower.match_indices([',', ';']).any(|(place, _)| {
        let before = lower[..place].trim_end_matches(['"', '\'', ' ']);
        let Some((_, ending)) = before.rsplit_once('.') else { return false };
        let without_rate = ending.trim_end_matches(|c: char| c.is_ascii_digit());
        ENDINGS.contains(&ending) || matches!(without_rate, "sln" | "slin")
    })
}

/// The beginning of `line`, an address without its secrets.
fn shown(line: &str) -> String {
    let line = RecordingUri::from(line).to_string();
    if line.chars().count() <= SHOWN { line } else { line.chars().take(SHOWN).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        format!("\u{FEFF}{text}").encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn a_manifest_of_windows_is_read_as_it_was_meant() {
        let text =
            "# the day's\r\n\r\n{\"uri\": \"s3://calls/1.wav\", \"key\": \"1\"}\r\n  s3://calls/录音 2.wav  \r\n";
        let expected =
            [(3, "{\"uri\": \"s3://calls/1.wav\", \"key\": \"1\"}".into()), (4, "s3://calls/录音 2.wav".into())];
        for bytes in [
            text.as_bytes().to_vec(),
            format!("\u{FEFF}{text}").into_bytes(),
            utf16(text, u16::to_le_bytes),
            utf16(text, u16::to_be_bytes),
        ] {
            assert_eq!(lines(&bytes).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_manifest_is_told_by_its_first_line_that_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().to_str().unwrap();
        for (text, number, part) in [
            ("[\n  {\"uri\": \"s3://calls/1.wav\"},\n]", 1, "a JSON array"),
            ("[{\"uri\": \"s3://calls/1.wav\"}]", 1, "a JSON array"),
            ("\n{\"uri\": \"s3://calls/1.wav\"},\n", 2, "a comma behind it"),
            ("{\n  \"uri\": \"s3://calls/1.wav\"\n}", 1, "several lines"),
            ("uri,key\ns3://calls/1.wav,call-1", 1, "there is no file `uri,key`"),
            ("uri;key\n", 1, "no file `uri;key`"),
            ("uri\tkey\n", 1, "a tab"),
            ("s3://calls/0.wav\ns3://calls/1.wav,call-1", 2, "a row of a table"),
            ("https://host/a.MP3;call-1", 1, "a row of a table"),
            ("s3://calls/1.raw,call-1", 1, "a row of a table"),
            ("s3://calls/1.sln16 ; call-1", 1, "a row of a table"),
            ("\"s3://calls/1.wav\",\"call-1\"", 1, "in quotes"),
            ("/no/such/file.wav", 1, "no file `/no/such/file.wav`"),
            (folder, 1, "a folder"),
            ("s3://calls/1.wav\n\0", 2, "NUL"),
            ("\u{1F}\u{0}", 1, "NUL"),
        ] {
            let error = lines(text.as_bytes()).expect_err(text);
            assert!(error.number == number && error.why.contains(part), "{text}: {error:?}");
        }
        for (bytes, number, part) in [
            (&b"\x1F\x8B\x08"[..], 1, "gzip"),
            (b"s3://calls/1.wav\ns3://calls/\xC2\xBC\xFF.wav", 2, "UTF-8"),
            (b"s\x003\x00:\x00", 1, "NUL"),
            (b"\xFF\xFE\x00\xD8", 1, "UTF-16"),
        ] {
            let error = lines(bytes).unwrap_err();
            assert!(error.number == number && error.why.contains(part), "{bytes:?}: {error:?}");
        }
    }

    #[test]
    fn a_file_that_is_there_is_meant_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let named = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, b"").unwrap();
            path.to_str().unwrap().to_owned()
        };
        for name in ["a.wav,b", "[2026] call.wav", "\"quoted\".wav", "a\tb.wav"] {
            let path = named(name);
            assert_eq!(lines(path.as_bytes()).unwrap(), [(1, path)]);
        }
        for text in [
            "s3://calls/a, b.wav",
            "s3://calls/Dr.Smith, v1.2,b.raw",
            "https://host/a.wav?x=1,2",
            "file:///on/workers/only.wav",
        ] {
            assert_eq!(lines(text.as_bytes()).unwrap().len(), 1, "{text}");
        }
    }
}
