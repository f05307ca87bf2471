//! Patterns of the shell that reach this program in quotes, or matched nothing there: `calls/*.wav`.

use std::path::{Path, PathBuf};

use earmark_core::{Address, RecordingUri};

use crate::config::CommandError;
use crate::desk::submit::{Glob, Offer};

/// What `word` of the command line stands for, in order of name, where it is a pattern: none where it is none, or something
/// is called so.
///
/// # Errors
/// [`CommandError`] when nothing is called so, or it is a pattern for a bucket.
pub fn expanded(word: &Offer) -> Result<Option<Vec<Offer>>, CommandError> {
    let text = word.uri.expose();
    if !text.contains(['*', '?', '[']) {
        return Ok(None);
    }
    let pattern = match (&word.path, word.uri.address()) {
        (Some(path), _) if path.exists() => return Ok(None),
        (Some(_), _) => text.to_owned(),
        // Behind a `?` may stand a part of the name, which the address of a folder does not tell.
        (None, Ok(Address::File(path))) if path.is_file() || (path.exists() && !text.contains('?')) => return Ok(None),
        (None, Ok(Address::File(_))) => match of_uri(text) {
            Some(pattern) => pattern,
            None => return Ok(None),
        },
        (None, _) => return bucket(&word.uri).map_or(Ok(None), Err),
    };
    let nothing = |hint| CommandError::plain(format!("nothing is called `{text}`"), Some(hint));
    let mut found = vec![if pattern.starts_with('/') { PathBuf::from("/") } else { PathBuf::new() }];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = if part.contains(['*', '?', '[']) {
            let glob: Glob =
                part.parse().map_err(|_| nothing("see its [ and ]; a name that has them is given whole"))?;
            found.iter().flat_map(|folder| called(folder, &glob, part)).collect()
        } else {
            found.iter().map(|folder| folder.join(part)).filter(|path| path.exists()).collect()
        };
    }
    if found.is_empty() {
        return Err(nothing(match word.path {
            Some(_) => "give a folder, and `--include` says what is taken of it",
            None => "it is looked for here; in the URI of one file write %2A, %3F, %5B for *, ?, [",
        }));
    }
    let offer = |path: PathBuf| {
        let uri = path.to_string_lossy().into_owned().into();
        Offer { uri, path: std::path::absolute(path).ok(), ..Offer::default() }
    };
    Ok(Some(found.into_iter().map(offer).collect()))
}

/// The path that `text`, a pattern as `file:///calls/a?.wav`, spells: there a `?` begins no query.
fn of_uri(text: &str) -> Option<String> {
    match RecordingUri::from(text.replace('?', "%3F")).address() {
        Ok(Address::File(path)) => path.into_os_string().into_string().ok(),
        _ => None,
    }
}

/// Why a pattern for the objects of a bucket is not taken.
fn bucket(uri: &RecordingUri) -> Option<CommandError> {
    let Ok(Address::S3 { key, .. }) = uri.address() else { return None };
    key.contains('*').then(|| {
        CommandError::plain(
            format!("`{uri}` is a pattern, and names no object"),
            Some(
                "use --prefix s3://bucket/path/ --include '*.wav'; one object's name with a * is given in a --manifest",
            ),
        )
    })
}

/// What `glob` means in `folder`, in order of name; what begins with a dot only where the pattern does, as in a shell.
fn called(folder: &Path, glob: &Glob, pattern: &str) -> Vec<PathBuf> {
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.retain(|name| {
        let name = name.to_string_lossy();
        glob.matches(&name) && (!name.starts_with('.') || pattern.starts_with('.'))
    });
    names.sort();
    names.iter().map(|name| folder.join(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_what_is_called_so_in_order_of_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b/2.wav", "a/3.wav", "a/1.wav", "a/1.txt", "a/.2.wav", "a/x?.wav"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let word = |name: &str| Offer { uri: at(name).into(), path: Some(at(name).into()), ..Offer::default() };
        let names = |name: &str| {
            let found = expanded(&word(name)).unwrap().unwrap();
            found.iter().map(|offer| offer.uri.expose().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("a/*.wav"), [at("a/1.wav"), at("a/3.wav"), at("a/x?.wav")]);
        assert_eq!(names("*/[1-3].wav"), [at("a/1.wav"), at("a/3.wav"), at("b/2.wav")]);
        assert_eq!(names("?"), [at("a"), at("b")]);
        for name in ["a/1.wav", "a/x?.wav", "a/missing.wav"] {
            assert_eq!(expanded(&word(name)).unwrap(), None, "{name}");
        }
        for name in ["a/*.mp3", "c/*.wav", "a/[.wav"] {
            expanded(&word(name)).expect_err(name);
        }
        let uri = |uri: &str| expanded(&Offer { uri: uri.into(), ..Offer::default() });
        for (pattern, found) in [("a/[13].wav", &["a/1.wav", "a/3.wav"][..]), ("%61/?.txt", &["a/1.txt"])] {
            let offers = uri(&format!("file://{}", at(pattern))).unwrap().unwrap();
            let found: Vec<_> = found.iter().map(|name| at(name)).collect();
            assert_eq!(offers.iter().map(|offer| offer.uri.expose()).collect::<Vec<_>>(), found, "{pattern}");
        }
        uri(&format!("file://{}", at("a/*.mp3"))).unwrap_err();
        assert_eq!(uri(&format!("file://{}", at("a/x%3F.wav"))).unwrap(), None);
        uri("s3://calls/2026/*.wav").unwrap_err();
        assert_eq!(uri("https://example.org/a.wav?x=*").unwrap(), None);
    }
}
