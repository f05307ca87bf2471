//! How single values are read from text.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use earmark_core::{SERVER_HINT, Tenant};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::hidden::Hidden;

/// A whole number between `MIN` and `MAX`.
pub fn between<'de, const MIN: u64, const MAX: u64, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: TryFrom<u64>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    let wrong = || D::Error::custom(format!("use a whole number between {MIN} and {MAX}"));
    let number: u64 = text.trim().parse().map_err(|_| wrong())?;
    if !(MIN..=MAX).contains(&number) {
        return Err(wrong());
    }
    T::try_from(number).map_err(|_| wrong())
}

/// `auto`, or a whole number between `MIN` and `MAX`.
pub fn or_auto<'de, const MIN: u64, const MAX: u64, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: TryFrom<u64>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    if text.trim() == "auto" {
        return Ok(None);
    }
    let wrong = || D::Error::custom(format!("use auto, or a whole number between {MIN} and {MAX}"));
    let number: u64 = text.trim().parse().map_err(|_| wrong())?;
    if !(MIN..=MAX).contains(&number) {
        return Err(wrong());
    }
    T::try_from(number).map(Some).map_err(|_| wrong())
}

/// The largest amount of money, in yuan: more is a slip of the pen.
pub const MOST_YUAN: f64 = 1_000_000.0;

/// An amount of money in yuan, at most [`MOST_YUAN`].
pub fn yuan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    match String::deserialize(deserializer)?.trim().parse::<f64>() {
        Ok(yuan) if (0.0..=MOST_YUAN).contains(&yuan) => Ok(yuan),
        Ok(_) | Err(_) => Err(D::Error::custom(format!("use an amount in yuan such as 0.06, at most {MOST_YUAN}"))),
    }
}

/// `true` or `false`.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match String::deserialize(deserializer)?.trim() {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(D::Error::custom("use true or false")),
    }
}

/// Comma-separated values; spaces around them do not count, empty ones are left out.
pub fn list<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(|item| item.parse().map_err(D::Error::custom))
        .collect()
}

/// Comma-separated values as [`list`], but nothing between two commas is a mistake.
pub fn full_list<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let items = text.split(',').map(|item| match item.trim() {
        "" => Err(D::Error::custom("write a value everywhere: there is nothing between two commas, or at an end")),
        item => item.parse().map_err(D::Error::custom),
    });
    items.collect()
}

/// `tenant=value`, comma-separated, each tenant once; `form` says what a value looks like, for who gets it wrong.
pub fn by_tenant<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    form: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<BTreeMap<Tenant, T>, D::Error> {
    let mut all = BTreeMap::new();
    for item in full_list::<String, D>(deserializer)? {
        let read = item.split_once('=').and_then(|(tenant, value)| {
            Some((Tenant::parse(tenant.trim()).ok()?, read(value.trim()).filter(|_| !value.trim().is_empty())?))
        });
        let Some((tenant, value)) = read else {
            return Err(D::Error::custom(format!("use {form}, comma-separated; `{item}` is not that")));
        };
        if all.insert(tenant.clone(), value).is_some() {
            return Err(D::Error::custom(format!("say it once: `{tenant}` stands there twice")));
        }
    }
    Ok(all)
}

/// A text that may be empty: then there is none.
pub fn optional<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
}

/// The `http` or `https` URL of a server; none for an empty text. `form` says what one looks like, for who gets it wrong.
pub fn web_address<'de, D: Deserializer<'de>>(
    deserializer: D,
    form: &str,
) -> Result<Option<Hidden<url::Url>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match url {
        Some(url) => Ok(Some(Hidden::new(url))),
        None if text.contains("://") => Err(D::Error::custom(format!("{form}; {SERVER_HINT}"))),
        None => Err(D::Error::custom(form)),
    }
}

/// A path, from a `file://` URL or as it stands.
pub fn path_or_file_url(text: &str) -> Result<PathBuf, String> {
    match text.split_once("://") {
        None => Ok(text.into()),
        Some(("file", _)) => {
            let url = url::Url::parse(text).map_err(|error| format!("use file:///absolute/path: {error}"))?;
            url.to_file_path().map_err(|()| "use file:///absolute/path".into())
        }
        Some((scheme, _)) => Err(format!("use a path or a file:/// URL; `{scheme}:` is not one")),
    }
}

/// A word out of a fixed choice, read with [`FromStr`]: derives nothing, so the message lists the choices.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!("use one of {}", [$($word),+].join(", "))),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),+ })
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use choice;
