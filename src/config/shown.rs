//! What of a setting's value may be shown: in the list of settings, and in what is said of one that makes no sense.

use earmark_core::{shown_database, shown_server};

/// Stands for a value that is never shown.
const HIDDEN: &str = "(hidden)";

/// Keys whose values are never shown.
const SECRETS: &[&str] = &["asr.api_key", "accounts.keys", "http.api_keys", "notify.secret"];

/// Addresses of databases and queues: without the login, and without settings.
const DATABASES: &[&str] = &["database.url", "queue.url", "asr.permits_url"];

/// Addresses whose path may hold a token, as those of chats' webhooks do: scheme, host and port.
const SERVERS: &[&str] = &["asr.base_url", "storage.s3_endpoint", "notify.url"];

/// `value` of the setting `key` as it may be shown.
pub fn shown(key: &str, value: &str) -> String {
    if value.is_empty() {
        return String::new();
    }
    if SECRETS.contains(&key) {
        return HIDDEN.into();
    }
    if DATABASES.contains(&key) {
        return shown_database(value);
    }
    // A login has no place in any other setting, and gets there by a slip.
    if SERVERS.contains(&key) || value.contains("://") && value.contains('@') {
        return shown_server(value);
    }
    value.into()
}

/// `value` as [`shown`], in backquotes where it is not hidden: for a sentence.
pub fn told(key: &str, value: &str) -> String {
    if SECRETS.contains(&key) { HIDDEN.into() } else { format!("`{}`", shown(key, value)) }
}

/// Whether the whole of `value` stands in quotes.
pub fn is_quoted(value: &str) -> bool {
    let value = value.trim();
    ['"', '\''].iter().any(|quote| value.len() > 1 && value.starts_with(*quote) && value.ends_with(*quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_shows_more_than_was_proven_harmless() {
        for (key, value, expected) in [
            ("queue.url", "redis://:s3cr#et@redis.example.org/0", "redis:…"),
            ("queue.url", "\"redis://:s3cret@redis.example.org/0\"", "…"),
            ("database.url", "postgres://earmark:s3cr/et@db.example.org/earmark", "postgres:…"),
            ("database.url", "sqlite:/srv/earmark.sqlite", "sqlite:/srv/earmark.sqlite"),
            ("notify.url", "https://hooks.example.org/s3cret?token=s3cret", "https://hooks.example.org/…"),
            ("notify.url", "s3cret", "…"),
            ("asr.base_url", "https://u:s3cret@asr.example.org/v1", "https://asr.example.org/…"),
            ("http.listen", "redis://:s3cret@redis.example.org/0", "redis://redis.example.org/…"),
            ("storage.output", "s3://id:s3cret@calls/x", "s3://calls/…"),
            ("storage.output", "s3://calls/x", "s3://calls/x"),
            ("asr.api_key", "s3cret", HIDDEN),
            ("audio.speakers", "agent,customer", "agent,customer"),
            ("notify.url", "", ""),
        ] {
            assert_eq!(shown(key, value), expected, "{key}");
        }
    }
}
