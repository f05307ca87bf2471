//! Text files that a person wrote: small, and files.

use std::io::Read;
use std::path::Path;

/// The text of the regular file at `path`, of at most `max_bytes`; or why it cannot be had, in words.
pub fn read(path: &Path, max_bytes: u64) -> Result<String, String> {
    // Asked before it is opened: opening a pipe waits for its writer, and a device never ends.
    let about = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("it is not a regular file".into());
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(max_bytes + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > max_bytes) {
        return Err(format!("it is larger than {max_bytes} bytes"));
    }
    Ok(text)
}
