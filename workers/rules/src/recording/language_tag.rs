//! Languages as their tags name them.

/// `zh` of `zh-CN`.
pub(crate) fn primary_language(tag: &str) -> String {
    tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase()
}
