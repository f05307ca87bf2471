//! `default.toml`, a file and the environment merged into one, and where each value comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use config::{Environment, File, FileFormat, Map, Source, Value};
use serde::de::DeserializeOwned;

use super::error::ConfigProblem;
use super::text_file;

const DEFAULTS: &str = include_str!("default.toml");
const PREFIX: &str = "EARMARK";

/// Largest configuration file, in bytes (1 MiB).
const MAX_BYTES: u64 = 1 << 20;

/// Keys whose values are never shown.
const SECRETS: &[&str] = &["asr.api_key", "accounts.keys", "http.api_keys", "notify.secret"];

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Compiled in.
    Default,
    /// A file.
    File(String),
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => f.write_str(path),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// One setting as it is in force.
#[derive(Debug, Clone)]
pub struct Setting {
    /// `section.key`.
    pub key: String,
    /// As text, secrets hidden.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// The values that come from one origin, by `section.key`.
struct SettingSource {
    origin: fn(&SettingSources, &str) -> Origin,
    values: BTreeMap<String, String>,
}

/// All that settings come from, the strongest last.
pub struct SettingSources {
    /// The path of the file, where there is one.
    file: Option<String>,
    sources: Vec<SettingSource>,
}

impl SettingSources {
    /// Reads all of them and refuses keys that do not exist.
    ///
    /// # Errors
    /// [`ConfigProblem::File`] when the file cannot be read, [`ConfigProblem::Unknown`] for the first key that is no setting.
    pub fn read(file: Option<&Path>, environment: &[(String, String)]) -> Result<Self, ConfigProblem> {
        let broken = |path: String, error: &dyn fmt::Display| ConfigProblem::File { path, why: error.to_string() };
        let defaults = flatten(&File::from_str(DEFAULTS, FileFormat::Toml))
            .map_err(|error| broken("default.toml".into(), &error))?;
        let mut sources = vec![SettingSource { origin: |_, _| Origin::Default, values: defaults }];
        let path = file.map(|path| path.display().to_string());
        if let (Some(file), Some(path)) = (file, &path) {
            let text = text_file::read(file, MAX_BYTES).map_err(|why| broken(path.clone(), &why))?;
            let values =
                flatten(&File::from_str(&text, FileFormat::Toml)).map_err(|error| broken(path.clone(), &error))?;
            sources.push(SettingSource { origin: |all, _| Origin::File(all.file.clone().unwrap_or_default()), values });
        }
        let ours: Map<String, String> =
            environment.iter().filter(|(name, _)| name.starts_with("EARMARK__")).cloned().collect();
        let source = Environment::with_prefix(PREFIX).prefix_separator("__").separator("__").source(Some(ours));
        let values = flatten(&source).map_err(|error| broken("(environment)".into(), &error))?;
        sources.push(SettingSource { origin: |_, key| Origin::Variable(variable(key)), values });
        let all = Self { file: path, sources };
        all.refuse_unknown()?;
        Ok(all)
    }

    fn refuse_unknown(&self) -> Result<(), ConfigProblem> {
        let known = &self.sources[0].values;
        for source in &self.sources[1..] {
            if let Some(key) = source.values.keys().find(|key| !known.contains_key(*key)) {
                let nearest =
                    known.keys().min_by_key(|candidate| distance(candidate, key)).cloned().unwrap_or_default();
                let is_variable = matches!((source.origin)(self, key), Origin::Variable(_));
                let nearest = if is_variable { variable(&nearest) } else { nearest };
                return Err(ConfigProblem::Unknown { name: self.name(source, key), nearest });
            }
        }
        Ok(())
    }

    /// The settings in force.
    pub fn merge<T: DeserializeOwned>(&self) -> Result<T, ConfigProblem> {
        let mut merged = BTreeMap::new();
        for source in &self.sources {
            merged.extend(source.values.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        build(&merged).map_err(|error| self.culprit::<T>(&error))
    }

    /// Finds the one value that makes no sense: the one that spoils the defaults when it is put in alone.
    fn culprit<T: DeserializeOwned>(&self, error: &config::ConfigError) -> ConfigProblem {
        for source in self.sources[1..].iter().rev() {
            for (key, value) in &source.values {
                let mut alone = self.sources[0].values.clone();
                alone.insert(key.clone(), value.clone());
                if let Err(error) = build::<T>(&alone) {
                    let value =
                        if is_secret(key) { "(hidden)".into() } else { format!("`{}`", without_password(value)) };
                    return ConfigProblem::Value { name: self.name(source, key), value, hint: reason(&error) };
                }
            }
        }
        ConfigProblem::File { path: "(all layers together)".into(), why: reason(error) }
    }

    fn name(&self, source: &SettingSource, key: &str) -> String {
        match (source.origin)(self, key) {
            Origin::Default => key.into(),
            Origin::File(path) => format!("{path}: {key}"),
            Origin::Variable(name) => name,
        }
    }

    /// Every setting with its origin, in order of the keys.
    pub fn settings(&self) -> Vec<Setting> {
        self.sources[0].values.keys().map(|key| self.setting(key)).collect()
    }

    fn setting(&self, key: &str) -> Setting {
        let source =
            self.sources.iter().rev().find(|source| source.values.contains_key(key)).unwrap_or(&self.sources[0]);
        let value = source.values.get(key).map(String::as_str).unwrap_or_default();
        let value = match value {
            "" => String::new(),
            _ if is_secret(key) => "(hidden)".into(),
            _ => without_password(value),
        };
        Setting { key: key.into(), value, origin: (source.origin)(self, key) }
    }
}

fn is_secret(key: &str) -> bool {
    SECRETS.contains(&key)
}

/// A URL's password is nobody's business, among its settings neither.
fn without_password(value: &str) -> String {
    let Ok(mut url) = url::Url::parse(value) else { return value.into() };
    let is_password = |name: &str| name.to_ascii_lowercase().contains("password");
    let has_setting = url.query_pairs().any(|(name, _)| is_password(&name));
    if url.password().is_none() && !has_setting {
        return value.into();
    }
    if url.password().is_some() {
        let _ = url.set_password(Some("hidden"));
    }
    if has_setting {
        let hidden = |name: &str, value: String| if is_password(name) { "hidden".into() } else { value };
        let settings: Vec<_> =
            url.query_pairs().map(|(name, value)| (name.to_string(), hidden(&name, value.into()))).collect();
        url.query_pairs_mut().clear().extend_pairs(settings);
    }
    url.into()
}

fn variable(key: &str) -> String {
    format!("{PREFIX}__{}", key.replace('.', "__").to_uppercase())
}

/// A source's values as text by dotted key. (All typed values read well from text; a text never becomes a number.)
fn flatten(source: &impl Source) -> Result<BTreeMap<String, String>, config::ConfigError> {
    let mut flat = BTreeMap::new();
    for (key, value) in source.collect()? {
        flatten_value(&key, value, &mut flat)?;
    }
    Ok(flat)
}

fn flatten_value(key: &str, value: Value, flat: &mut BTreeMap<String, String>) -> Result<(), config::ConfigError> {
    match value.kind {
        config::ValueKind::Table(table) => {
            for (name, value) in table {
                flatten_value(&format!("{key}.{name}"), value, flat)?;
            }
        }
        config::ValueKind::Array(items) => {
            let items: Result<Vec<String>, _> = items.into_iter().map(Value::into_string).collect();
            flat.insert(key.into(), items?.join(","));
        }
        config::ValueKind::Nil => {
            flat.insert(key.into(), String::new());
        }
        _ => {
            flat.insert(key.into(), value.into_string()?);
        }
    }
    Ok(())
}

fn build<T: DeserializeOwned>(values: &BTreeMap<String, String>) -> Result<T, config::ConfigError> {
    let mut builder = config::Config::builder();
    for (key, value) in values {
        builder = builder.set_override(key, value.as_str())?;
    }
    builder.build()?.try_deserialize()
}

/// The library's message, without the key it may repeat.
fn reason(error: &config::ConfigError) -> String {
    match error {
        config::ConfigError::Type { expected, .. } => format!("use {expected}"),
        config::ConfigError::At { error, .. } => reason(error),
        other => {
            let text = other.to_string();
            match text.rfind(" for key `") {
                Some(at) => text[..at].to_owned(),
                None => text,
            }
        }
    }
}

/// Edits between two short texts (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.chars().enumerate() {
            let substitute = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
