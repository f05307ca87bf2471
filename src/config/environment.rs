//! The environment as text.

use std::ffi::OsString;

use super::error::ConfigProblem;

/// The variables that are text; others than earmark's own are left out where they are not.
///
/// # Errors
/// [`ConfigProblem::Value`] naming the setting that is not UTF-8.
pub fn environment(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, ConfigProblem> {
    let mut texts = Vec::new();
    for (name, value) in variables {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => texts.push((name, value)),
            (Ok(name), Err(_)) if name.starts_with("EARMARK__") => return Err(not_text(name)),
            (Err(name), _) if name.to_string_lossy().starts_with("EARMARK__") => {
                return Err(not_text(name.to_string_lossy().into_owned()));
            }
            (Ok(_) | Err(_), Ok(_) | Err(_)) => {}
        }
    }
    Ok(texts)
}

fn not_text(name: String) -> ConfigProblem {
    ConfigProblem::Value { name, value: "not UTF-8".into(), hint: "write the name and the value in UTF-8".into() }
}
