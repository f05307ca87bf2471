//! Rules of the configuration on what recordings are like, by whose they are, what they are called and what their
//! producers say of them.

use serde_json::{Map, Value};

use crate::{Address, RecordingUri, Tenant};

/// What is known of a recording before it is fetched.
#[derive(Debug, Clone, Copy)]
pub struct RecordingFacts<'a> {
    /// Whose it is.
    pub tenant: &'a Tenant,
    /// Where it lies.
    pub location: &'a RecordingUri,
    /// What its producer gave along.
    pub metadata: &'a Map<String, Value>,
}

/// What holds for the recordings that meet conditions: `metadata.direction=outbound & name=*.wav -> VALUE`.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingRule<T> {
    /// As it was written.
    text: String,
    conditions: Vec<Condition>,
    /// What holds for them.
    pub value: T,
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    Tenant(Tenant),
    /// Of the name: its last part, or with a `/` in the pattern the whole address.
    Name(Pattern),
    /// Of the entry in the metadata.
    Metadata(String, Pattern),
}

/// A text in which `*` stands for any characters and `?` for one; case does not count.
#[derive(Debug, Clone, PartialEq)]
struct Pattern(String);

impl<T> RecordingRule<T> {
    /// The rule `text`: `condition & condition -> value`, where `read` reads the value. A condition is `tenant=NAME`,
    /// `name=PATTERN` or `metadata.KEY=PATTERN`.
    ///
    /// # Errors
    /// In words, with the part that is wrong.
    pub fn parse(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Self, String> {
        let Some((conditions, value)) = text.split_once("->") else {
            return Err(format!("`{}` has no `->` before what holds", text.trim()));
        };
        let conditions = conditions.split('&').map(condition).collect::<Result<_, _>>()?;
        Ok(Self { text: text.trim().into(), conditions, value: read(value.trim())? })
    }

    /// Whether it is about the recording of which `facts` are known. What the metadata do not say does not hold.
    pub fn holds(&self, facts: &RecordingFacts<'_>) -> bool {
        self.conditions.iter().all(|condition| match condition {
            Condition::Tenant(tenant) => facts.tenant == tenant,
            Condition::Name(pattern) => {
                let address = address(facts.location);
                let name =
                    if pattern.0.contains('/') { &address } else { address.rsplit('/').next().unwrap_or_default() };
                pattern.matches(name)
            }
            Condition::Metadata(key, pattern) => {
                value_at(facts.metadata, key).is_some_and(|value| pattern.accepts(value))
            }
        })
    }

    /// Whether it asks what recordings are called.
    pub fn asks_name(&self) -> bool {
        self.conditions.iter().any(|condition| matches!(condition, Condition::Name(_)))
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Pattern {
    /// Of a list in the metadata, one entry is enough.
    fn accepts(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.matches(text.trim()),
            Value::Number(_) | Value::Bool(_) => self.matches(&value.to_string()),
            Value::Array(values) => values.iter().any(|value| self.accepts(value)),
            Value::Null | Value::Object(_) => false,
        }
    }

    fn matches(&self, text: &str) -> bool {
        let pattern: Vec<char> = self.0.chars().collect();
        let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
        // Where the last `*` stands, and how much of the text it takes: on a mismatch it takes one more.
        let (mut p, mut t, mut star) = (0, 0, None);
        while t < text.len() {
            match pattern.get(p) {
                Some('*') => {
                    star = Some((p, t));
                    p += 1;
                }
                Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
                _ => match star {
                    Some((at, taken)) => {
                        star = Some((at, taken + 1));
                        (p, t) = (at + 1, taken + 1);
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|c| *c == '*')
    }
}

fn condition(text: &str) -> Result<Condition, String> {
    let text = text.trim();
    let wrong = || format!("`{text}` is no condition: use tenant=NAME, name=PATTERN or metadata.KEY=PATTERN");
    let (what, asked) = text.split_once('=').ok_or_else(wrong)?;
    let (what, asked) = (what.trim(), asked.trim());
    if asked.is_empty() {
        return Err(wrong());
    }
    let pattern = || Pattern(asked.to_lowercase());
    match (what, what.strip_prefix("metadata.")) {
        ("tenant", _) => Tenant::parse(asked).map(Condition::Tenant).map_err(|error| error.to_string()),
        ("name", _) => Ok(Condition::Name(pattern())),
        (_, Some(key)) if !key.is_empty() => Ok(Condition::Metadata(key.into(), pattern())),
        _ => Err(wrong()),
    }
}

/// A path, `s3://bucket/key` or `https://host/path`, without version, query and fragment.
fn address(location: &RecordingUri) -> String {
    match location.address() {
        Ok(Address::File(path)) => path.to_string_lossy().into_owned(),
        Ok(Address::S3 { bucket, key, .. }) => format!("s3://{bucket}/{key}"),
        Ok(Address::Http(url)) => format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path()),
        Err(_) => String::new(),
    }
}

/// The entry `path`, else what its points lead to.
fn value_at<'a>(metadata: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = metadata.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    value_at(metadata.get(first)?.as_object()?, rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(rule: &str, location: &str) -> bool {
        let metadata = json!({
            "direction": "Outbound", "queue": 7, "call": {"source": "pbx-2"}, "a.b": "x", "tags": ["vip", "new"], "none": null,
        });
        let tenant = Tenant::parse("acme").expect("a tenant");
        let (location, Value::Object(metadata)) = (RecordingUri::from(location), metadata) else { panic!("an object") };
        let facts = RecordingFacts { tenant: &tenant, location: &location, metadata: &metadata };
        RecordingRule::parse(rule, |value| Ok(value.to_owned())).expect(rule).holds(&facts)
    }

    #[test]
    fn a_rule_is_about_the_recordings_that_meet_all_its_conditions() {
        let file = "file:///calls/out/call%2017-OUT.wav";
        for (rule, location, expected) in [
            ("metadata.direction=outbound -> x", file, true),
            ("metadata.direction = out* -> x", file, true),
            ("metadata.direction=out -> x", file, false),
            ("metadata.queue=7 -> x", file, true),
            ("metadata.queue=17 -> x", file, false),
            ("metadata.call.source=pbx-? -> x", file, true),
            ("metadata.a.b=x -> x", file, true),
            ("metadata.tags=new -> x", file, true),
            ("metadata.none=* -> x", file, false),
            ("metadata.elsewhere=* -> x", file, false),
            ("tenant=acme -> x", file, true),
            ("tenant=acm -> x", file, false),
            ("name=*-out.wav -> x", file, true),
            ("name=call 17-*.WAV -> x", file, true),
            ("name=*-out -> x", file, false),
            ("name=out -> x", file, false),
            ("name=/calls/out/* -> x", file, true),
            ("name=*/out/*.wav -> x", file, true),
            ("name=/calls/in/* -> x", file, false),
            ("tenant=acme & name=*.wav & metadata.direction=outbound -> x", file, true),
            ("tenant=acme & name=*.raw -> x", file, false),
            ("name=*.raw -> x", "s3://calls/in/a.raw?versionId=7", true),
            ("name=s3://calls/in/* -> x", "s3://calls/in/a.raw?versionId=7", true),
            ("name=s3://calls/out/* -> x", "s3://calls/in/a.raw", false),
            ("name=*.wav -> x", "https://example.org/a.wav?signature=s.raw", true),
            ("name=*.raw -> x", "https://example.org/a.wav?signature=s.raw", false),
            ("name=https://example.org/* -> x", "https://example.org:8443/a.wav", true),
            ("name=*a*b*c -> x", "file:///xaxxbxxbxc", true),
            ("name=*a*b*c -> x", "file:///xaxxbxxbxcx", false),
            ("name=** -> x", "file:///calls/a", true),
        ] {
            assert_eq!(holds(rule, location), expected, "{rule} of {location}");
        }
    }

    #[test]
    fn a_rule_that_cannot_be_read_says_which_part_of_it() {
        let read = |value: &str| if value.is_empty() { Err("nothing holds".to_owned()) } else { Ok(value.to_owned()) };
        for (text, reason) in [
            ("", "no `->`"),
            ("name=*.wav: agent", "no `->`"),
            ("-> x", "`` is no condition"),
            ("name=*.wav & -> x", "`` is no condition"),
            ("name -> x", "`name` is no condition"),
            ("name= -> x", "`name=` is no condition"),
            ("direction=outbound -> x", "use tenant=NAME, name=PATTERN or metadata.KEY=PATTERN"),
            ("metadata.=x -> x", "is no condition"),
            ("tenant=a/b -> x", "a/b"),
            ("name=*.wav ->", "nothing holds"),
        ] {
            let why = RecordingRule::parse(text, read).expect_err(text);
            assert!(why.contains(reason), "{text}: {why}");
        }
        let rule = RecordingRule::parse(" name=*.wav & tenant=acme -> x ", read).expect("a rule");
        assert!(rule.asks_name() && rule.text() == "name=*.wav & tenant=acme -> x" && rule.value == "x");
    }
}
