//! What a recording's name says of it, and the file beside it: agent, queue, direction, time.

use std::str::FromStr;

use regex::{Captures, Regex};
use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

use crate::pattern::{PatternError, last, whole};

/// Groups that are parts of a time, and mean nothing by themselves.
const CLOCK: [&str; 6] = ["year", "month", "day", "hour", "minute", "second"];
/// Seconds since 1970.
const EPOCH: &str = "epoch";
/// The fact that they make.
const STARTED_AT: &str = "started_at";

/// What is read from names: each named group is a fact, but for those of a time, which together are `started_at`.
#[derive(Debug, Clone)]
pub struct NamePattern {
    pattern: Regex,
    is_whole: bool,
}

impl FromStr for NamePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let pattern = whole(text)?;
        let names: Vec<&str> = pattern.capture_names().flatten().collect();
        if names.is_empty() {
            return Err(PatternError(r"it needs named groups, as in (?P<agent>\d+)-(?P<queue>[a-z]+)\.wav".into()));
        }
        let has = |name: &str| names.contains(&name);
        if CLOCK.iter().any(|part| has(part)) && !CLOCK[..5].iter().all(|part| has(part)) {
            return Err(PatternError(
                "a time needs the groups year, month, day, hour and minute; second if there is one".into(),
            ));
        }
        Ok(Self { pattern, is_whole: text.contains('/') })
    }
}

/// What a name says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Named {
    /// The facts in it.
    pub facts: Map<String, Value>,
    /// Its groups of a time make none.
    pub is_no_time: bool,
}

impl NamePattern {
    /// What the file or object called `name` says; none for a name of another kind. Times in it are local to `zone`.
    pub fn read(&self, name: &str, zone: Zone) -> Option<Named> {
        let found = self.pattern.captures(if self.is_whole { name } else { last(name) })?;
        let mut named = Named::default();
        for group in self.pattern.capture_names().flatten() {
            if !CLOCK.contains(&group)
                && group != EPOCH
                && let Some(text) = found.name(group)
            {
                named.facts.insert(group.into(), in_zone(group, text.as_str().into(), zone));
            }
        }
        if found.name("year").is_some() || found.name(EPOCH).is_some() {
            match started_at(&found, zone) {
                Some(time) => drop(named.facts.insert(STARTED_AT.into(), time.into())),
                None => named.is_no_time = true,
            }
        }
        Some(named)
    }
}

fn started_at(found: &Captures<'_>, zone: Zone) -> Option<String> {
    if let Some(epoch) = found.name(EPOCH) {
        let instant = OffsetDateTime::from_unix_timestamp(epoch.as_str().parse().ok()?).ok()?;
        return instant.checked_to_offset(zone.0)?.format(&Rfc3339).ok();
    }
    let number = |name: &str| found.name(name).map_or(Some(0), |text| text.as_str().parse::<u16>().ok());
    let small = |name: &str| number(name).and_then(|number| u8::try_from(number).ok());
    let month = Month::try_from(small("month")?).ok()?;
    let date = Date::from_calendar_date(i32::from(number("year")?), month, small("day")?).ok()?;
    let time = Time::from_hms(small("hour")?, small("minute")?, small("second")?).ok()?;
    date.with_time(time).assume_offset(zone.0).format(&Rfc3339).ok()
}

/// The fact called `name`: where that ends with `_at`, a time in RFC 3339, if `value` can be read as one; without an offset
/// of its own it is on the clock of `zone`. Numbers are seconds, or milliseconds, since 1970.
fn in_zone(name: &str, value: Value, zone: Zone) -> Value {
    /// More seconds than there are until the year 5138; a count of milliseconds is above it from 1973 on.
    const MOST_SECONDS: i64 = 100_000_000_000;
    let instant = match &value {
        _ if !name.ends_with("_at") => None,
        Value::String(text) => instant(text, zone),
        Value::Number(number) => number.as_i64().and_then(|number| {
            let ns = i128::from(number) * if number < MOST_SECONDS { 1_000_000_000 } else { 1_000_000 };
            OffsetDateTime::from_unix_timestamp_nanos(ns).ok()?.checked_to_offset(zone.0)
        }),
        _ => None,
    };
    instant.and_then(|instant| instant.format(&Rfc3339).ok()).map_or(value, Value::from)
}

/// `2026-01-31T09:30:15Z`, `2026-01-31 09:30`, …
fn instant(text: &str, zone: Zone) -> Option<OffsetDateTime> {
    let text = text.trim().replacen(' ', "T", 1);
    if let Ok(instant) = OffsetDateTime::parse(&text, &Rfc3339) {
        return Some(instant);
    }
    let seconds = if text.len() == "2026-01-31T09:30".len() { ":00" } else { "" };
    let local = OffsetDateTime::parse(&format!("{text}{seconds}Z"), &Rfc3339).ok()?;
    Some(local.replace_offset(zone.0))
}

/// Which clock times in names are of: `UTC`, or an offset such as `+08:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(UtcOffset);

impl FromStr for Zone {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = || PatternError("use UTC, or an offset such as +08:00".into());
        if text == "UTC" {
            return Ok(Self(UtcOffset::UTC));
        }
        let (sign, rest) = match text.split_at_checked(1) {
            Some(("+", rest)) => (1, rest),
            Some(("-", rest)) => (-1, rest),
            _ => return Err(wrong()),
        };
        let (hours, minutes) = rest.split_once(':').ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<i8>().ok().filter(|number| text.len() == 2 && (0..60).contains(number));
        let (hours, minutes) = number(hours).zip(number(minutes)).ok_or_else(wrong)?;
        UtcOffset::from_hms(sign * hours, sign * minutes, 0).map(Self).map_err(|_| wrong())
    }
}

/// Where the file that describes a recording lies: beside it, under a name made of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidecarName(String);

impl FromStr for SidecarName {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let is_named = text.contains("{stem}") || text.contains("{name}");
        if is_named && !text.starts_with('/') && !text.split('/').any(|part| part == "..") {
            return Ok(Self(text.into()));
        }
        Err(PatternError("use the recording's name in it: {stem}.json, {name}.json, meta/{stem}.json".into()))
    }
}

impl SidecarName {
    /// The name of the sidecar of the file or object called `name`, folder included.
    pub fn of(&self, name: &str) -> String {
        let file = last(name);
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        format!(
            "{}{}",
            name.strip_suffix(file).unwrap_or_default(),
            self.0.replace("{stem}", stem).replace("{name}", file)
        )
    }
}

/// What is taken out of a sidecar: `agent=/Agent/Username`, each a fact's name and a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidecarField {
    name: String,
    pointer: String,
}

impl FromStr for SidecarField {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = || PatternError(format!("`{text}` is none: use name=/pointer, as in agent=/Agent/Username"));
        let (name, pointer) = text.split_once('=').ok_or_else(wrong)?;
        let (name, pointer) = (name.trim(), pointer.trim());
        if name.is_empty() || !pointer.starts_with('/') {
            return Err(wrong());
        }
        Ok(Self { name: name.into(), pointer: pointer.into() })
    }
}

/// The facts that `fields` find in a sidecar's `text`; what is not there, or null, is none. Facts whose names end with
/// `_at` are times, on the clock of `zone` where they have no offset.
///
/// # Errors
/// A sentence, when it is no JSON.
pub fn facts(text: &[u8], fields: &[SidecarField], zone: Zone) -> Result<Map<String, Value>, String> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let document: Value = serde_json::from_slice(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let mut found = Map::new();
    for field in fields {
        let Some(value) = document.pointer(&field.pointer).filter(|value| !value.is_null()) else { continue };
        if is_rounded(value) {
            return Err(format!("{} has more digits than are kept: write it as text", field.name));
        }
        found.insert(field.name.clone(), in_zone(&field.name, value.clone(), zone));
    }
    Ok(found)
}

/// Whether `value` is an integer that no longer has all its digits.
fn is_rounded(value: &Value) -> bool {
    let first_uncertain = 9_007_199_254_740_992.0;
    value
        .as_number()
        .filter(|number| number.is_f64())
        .and_then(serde_json::Number::as_f64)
        .is_some_and(|number| number.abs() >= first_uncertain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(pattern: &str, zone: &str, name: &str) -> Option<(Value, bool)> {
        let named = pattern.parse::<NamePattern>().unwrap().read(name, zone.parse().unwrap())?;
        Some((json!(named.facts), named.is_no_time))
    }

    #[test]
    fn names_like_those_of_well_known_systems_give_their_facts() {
        const CONNECT: &str = r"(?P<contact_id>[0-9a-f-]{36})_(?:call_recording_redacted_)?(?P<year>\d{4})-?(?P<month>\d\d)-?(?P<day>\d\d)T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:Z|_UTC)\.wav";
        const FREEPBX: &str = r"(?P<direction>[a-z]+)-(?P<number>[^-]+)-(?P<extension>[^-]+)-(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)-(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)-(?P<uniqueid>[\d.]+)\.\w+";
        let id = "0b7e4d4c-11aa-4bbb-8ccc-123456789abc";
        let cases = [
            (
                CONNECT,
                "UTC",
                format!("connect/x/CallRecordings/2026/01/31/{id}_20260131T09:30_UTC.wav"),
                json!({"contact_id": id, "started_at": "2026-01-31T09:30:00Z"}),
            ),
            (
                CONNECT,
                "UTC",
                format!("Analysis/Voice/Redacted/2026/01/31/{id}_call_recording_redacted_2026-01-31T09:30:15Z.wav"),
                json!({"contact_id": id, "started_at": "2026-01-31T09:30:15Z"}),
            ),
            (
                FREEPBX,
                "+08:00",
                "2026/01/31/out-15550100-201-20260131-093015-1769823015.42.wav".into(),
                json!({"direction": "out", "number": "15550100", "extension": "201", "uniqueid": "1769823015.42",
                       "started_at": "2026-01-31T09:30:15+08:00"}),
            ),
            (
                r"(?P<meeting>.+)-(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)_(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)-Meeting Recording\.mp4",
                "-05:30",
                "Weekly review-20260131_093015-Meeting Recording.mp4".into(),
                json!({"meeting": "Weekly review", "started_at": "2026-01-31T09:30:15-05:30"}),
            ),
            (
                r"(?P<recording_sid>RE[0-9a-f]{32})\.(?:wav|mp3)",
                "UTC",
                format!("AC1/RE{}.wav", "0a".repeat(16)),
                json!({"recording_sid": format!("RE{}", "0a".repeat(16))}),
            ),
            (
                r"q-(?P<epoch>\d+)\.(?P<n>\d+)\.wav",
                "+08:00",
                "q-0.7.wav".into(),
                json!({"n": "7", "started_at": "1970-01-01T08:00:00+08:00"}),
            ),
            (
                r"(?P<queue>[^/]+)/(?P<agent>[^/]+)/[^/]+",
                "UTC",
                "sales/li/a.wav".into(),
                json!({"queue": "sales", "agent": "li"}),
            ),
            (r"a(?P<b>b)?(?P<c>c)", "UTC", "ac".into(), json!({"c": "c"})),
        ];
        for (pattern, zone, name, expected) in cases {
            assert_eq!(read(pattern, zone, &name), Some((expected, false)), "{name}");
        }
        assert_eq!(read(FREEPBX, "UTC", "voicemail.wav"), None);
        let none = "in-1-2-20261399-093015-1.2.wav";
        let (facts, is_no_time) = read(FREEPBX, "UTC", none).unwrap();
        assert!(is_no_time && facts.get("started_at").is_none() && facts["number"] == "1", "{facts}");
    }

    #[test]
    fn what_could_say_nothing_is_refused() {
        for (wrong, part) in [
            (r"\d+\.wav", "named groups"),
            (r"(?P<year>\d{4})-(?P<month>\d\d)\.wav", "year, month, day, hour and minute"),
            (r"(?P<a>[", "unclosed"),
        ] {
            let error = wrong.parse::<NamePattern>().expect_err(wrong).to_string();
            assert!(error.contains(part), "{wrong}: {error}");
        }
        for wrong in ["", "Europe/Berlin", "08:00", "+8:00", "+08:60", "+27:00", "+0800"] {
            assert!(wrong.parse::<Zone>().is_err(), "{wrong}");
        }
        for wrong in ["", "meta.json", "../{stem}.json", "/x/{stem}.json"] {
            assert!(wrong.parse::<SidecarName>().is_err(), "{wrong}");
        }
        for wrong in ["agent", "=/a", "agent=Agent"] {
            assert!(wrong.parse::<SidecarField>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_sidecar_lies_beside_its_recording_and_gives_the_facts_that_are_asked_for() {
        for (template, expected) in [
            ("{stem}.json", "a/b.c.json"),
            ("{name}.json", "a/b.c.wav.json"),
            ("meta/{stem}_metadata.json", "a/meta/b.c_metadata.json"),
        ] {
            assert_eq!(template.parse::<SidecarName>().unwrap().of("a/b.c.wav"), expected);
        }
        let fields: Vec<SidecarField> =
            ["agent=/Agent/Username", "first=/queues/0", "none=/nothing", "null=/null", "odd=/a~1b"]
                .map(|field| field.parse().unwrap())
                .into();
        let text = r#"{"Agent": {"Username": "li"}, "queues": ["sales"], "null": null, "a/b": 7}"#;
        let bom = ["\u{feff}", text].concat();
        let utc: Zone = "UTC".parse().unwrap();
        for text in [text, &bom] {
            assert_eq!(
                json!(facts(text.as_bytes(), &fields, utc).unwrap()),
                json!({"agent": "li", "first": "sales", "odd": 7})
            );
        }
        assert!(facts(b"{", &fields, utc).unwrap_err().starts_with("it is no JSON"));
        let long: Vec<SidecarField> = vec!["call=/id".parse().unwrap()];
        let wrong = facts(br#"{"id": 12345678901234567890123}"#, &long, utc).unwrap_err();
        assert!(wrong.starts_with("call has more digits"), "{wrong}");
        assert_eq!(
            json!(facts(br#"{"id": 1234567890123456789}"#, &long, utc).unwrap()),
            json!({"call": 1234567890123456789_u64})
        );
    }

    #[test]
    fn a_fact_that_is_a_time_is_one_in_rfc_3339_on_the_clock_of_the_zone() {
        let zone: Zone = "+08:00".parse().unwrap();
        for (value, expected) in [
            (json!("2026-01-31T09:30:15Z"), "2026-01-31T09:30:15Z"),
            (json!("2026-01-31T09:30:15.25-05:00"), "2026-01-31T09:30:15.25-05:00"),
            (json!("2026-01-31 09:30:15"), "2026-01-31T09:30:15+08:00"),
            (json!("2026-01-31T09:30"), "2026-01-31T09:30:00+08:00"),
            (json!(1_769_823_015), "2026-01-31T09:30:15+08:00"),
            (json!(1_769_823_015_000_i64), "2026-01-31T09:30:15+08:00"),
            (json!("yesterday"), "yesterday"),
        ] {
            assert_eq!(in_zone("ended_at", value.clone(), zone), expected, "{value}");
            assert_eq!(in_zone("ended", value.clone(), zone), value);
        }
        let told = read(r"(?P<started_at>[-\d]+T[\d:]+)\.wav", "+08:00", "2026-01-31T09:30:15.wav").unwrap();
        assert_eq!(told.0, json!({"started_at": "2026-01-31T09:30:15+08:00"}));
    }
}
