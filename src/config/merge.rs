//! `default.toml`, a file and the environment merged into one, and where each value comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use config::{Environment, File, FileFormat, Map, Source, Value};
use serde::de::DeserializeOwned;

use super::error::ConfigProblem;
use super::shown::{is_quoted, shown, told};
use super::text_file;

const DEFAULTS: &str = include_str!("default.toml");
const PREFIX: &str = "EARMARK";

/// Largest configuration file, in bytes (1 MiB).
const MAX_BYTES: u64 = 1 << 20;

/// Keys whose values are sentences, which may well begin and end with quotes.
const TEXTS: &[&str] = &["asr.prompt", "asr.glossary", "asr.glossaries"];

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
            let values = flatten(&File::from_str(&text, FileFormat::Toml))
                .map_err(|error| broken(path.clone(), &without_lines(&error.to_string())))?;
            sources.push(SettingSource { origin: |all, _| Origin::File(all.file.clone().unwrap_or_default()), values });
        }
        // A variable that is there and empty says as much as one that is not: composed environments cannot leave it out.
        let is_ours = |(name, value): &&(String, String)| name.starts_with("EARMARK__") && !value.trim().is_empty();
        let ours: Map<String, String> = environment.iter().filter(is_ours).cloned().collect();
        let source = Environment::with_prefix(PREFIX).prefix_separator("__").separator("__").source(Some(ours));
        let values = flatten(&source).map_err(|error| broken("(environment)".into(), &error))?;
        sources.push(SettingSource { origin: |_, key| Origin::Variable(variable(key)), values });
        let all = Self { file: path, sources };
        all.refuse_unknown()?;
        all.refuse_quoted()?;
        Ok(all)
    }

    /// Of a quoted key each request would fail, and a quoted folder be made under that name.
    fn refuse_quoted(&self) -> Result<(), ConfigProblem> {
        let Some(environment) = self.sources.last() else { return Ok(()) };
        match environment.values.iter().find(|(key, value)| !TEXTS.contains(&key.as_str()) && is_quoted(value)) {
            Some((key, value)) => Err(ConfigProblem::Value {
                name: self.name(environment, key),
                value: told(key, value),
                hint: "leave out the quotes: a shell takes them away, `docker run --env-file` does not; in a user's name and a password write # as %23, / as %2F, @ as %40".into(),
            }),
            None => Ok(()),
        }
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
                    let (name, hint) = (self.name(source, key), reason(&error));
                    return ConfigProblem::Value { name, value: told(key, value), hint };
                }
            }
        }
        ConfigProblem::File { path: "(all layers together)".into(), why: reason(error) }
    }

    /// That the value of `key` makes no sense beside others.
    pub fn refused(&self, key: &str, hint: String) -> ConfigProblem {
        let source =
            self.sources.iter().rev().find(|source| source.values.contains_key(key)).unwrap_or(&self.sources[0]);
        let value = source.values.get(key).map(String::as_str).unwrap_or_default();
        ConfigProblem::Value { name: self.name(source, key), value: told(key, value), hint }
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
        let (value, origin) =
            (source.values.get(key).map(String::as_str).unwrap_or_default(), (source.origin)(self, key));
        let value = match &origin {
            // What is compiled in holds no secret.
            Origin::Default => value.into(),
            Origin::File(_) | Origin::Variable(_) => shown(key, value),
        };
        Setting { key: key.into(), value, origin }
    }
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

/// A message of the parser of files without the lines that it quotes, which may hold a secret.
fn without_lines(text: &str) -> String {
    let is_quoted =
        |line: &&str| line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|');
    text.lines().filter(|line| !is_quoted(line)).map(str::trim).collect::<Vec<_>>().join(" ")
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
