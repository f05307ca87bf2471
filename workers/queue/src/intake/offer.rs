//! An entry of the intake stream as an offer: fields read, nothing decided.

use earmark_core::{Failure, Problem};
use earmark_intake::{MAX_METADATA_BYTES, Offer, OfferError, OfferedPart, check_numbers};
use serde_json::{Map, Value};

use crate::streams::scripts::Fields;

/// The fields an entry may have.
const FIELDS: &str = "uri, parts, tenant, lane, key, metadata, priority, rule_set, speakers, sound";

/// What `fields` offer.
///
/// # Errors
/// [`Problem`] `job.malformed` when they are no fields of an offer, `job.metadata` when theirs are too large to be read.
pub(super) fn read(fields: &Fields) -> Result<Offer, Problem> {
    let mut offer = Offer::default();
    let mut seen = Vec::new();
    for (name, value) in fields {
        let name = text("a field's name", name)?;
        let value = text(name, value)?;
        if seen.contains(&name) {
            return Err(malformed(format!("`{name}` stands there twice")));
        }
        seen.push(name);
        match name {
            "uri" => offer.uri = value.into(),
            "parts" => offer.parts = parts(value)?,
            "tenant" => offer.tenant = Some(value.into()),
            "lane" => offer.lane = Some(value.into()),
            "key" => offer.key = Some(value.into()),
            "metadata" => offer.metadata = object(value)?,
            "rule_set" => offer.rule_set = Some(value.into()),
            "priority" => offer.priority = Some(number(value)?),
            "speakers" => offer.speakers = Some(value.into()),
            "sound" => offer.sound = Some(value.into()),
            _ => return Err(malformed(format!("`{name}` is no field of an entry; they are {FIELDS}"))),
        }
    }
    if !seen.contains(&"uri") && !seen.contains(&"parts") {
        return Err(malformed("`uri` is missing".into()));
    }
    Ok(offer)
}

fn text<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| malformed(format!("{name} is not UTF-8: {error}")))
}

fn parts(text: &str) -> Result<Vec<OfferedPart>, Problem> {
    let wrong = |why: &dyn std::fmt::Display| malformed(format!("parts is no JSON list of files: {why}"));
    // The error about another kind of value would show it, secrets included.
    match serde_json::from_str(text).map_err(|error| wrong(&error))? {
        Value::Array(parts) if parts.is_empty() => Err(wrong(&"it is empty")),
        Value::Array(parts) => {
            parts.into_iter().map(|part| serde_json::from_value(part).map_err(|error| wrong(&error))).collect()
        }
        _ => Err(wrong(&"it is another kind of value")),
    }
}

fn object(text: &str) -> Result<Map<String, Value>, Problem> {
    // Its size is known before it is read.
    if text.len() > 4 * MAX_METADATA_BYTES {
        return Err(OfferError::Metadata(text.len()).problem());
    }
    let object =
        serde_json::from_str(text).map_err(|error| malformed(format!("metadata is no JSON object: {error}")))?;
    check_numbers(text).map_err(|error| error.problem())?;
    Ok(object)
}

fn number(text: &str) -> Result<i64, Problem> {
    text.parse().map_err(|_| malformed(format!("priority is `{text}`, not a whole number")))
}

fn malformed(message: String) -> Problem {
    Problem { code: "job.malformed".into(), message, hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(fields: &[(&str, &[u8])]) -> Fields {
        fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect()
    }

    fn job(fields: &Fields) -> Result<earmark_core::NewJob, Problem> {
        read(fields)?.into_job(&earmark_intake::Look::anywhere(|_| None)).map_err(|error| error.problem())
    }

    #[test]
    fn speakers_and_sound_may_be_json_as_metadata_are() {
        let sound: &[u8] = br#"{"encoding": "pcm_s16le", "rate_hz": 8000, "channels": 2}"#;
        let fields =
            [("uri", b"s3://calls/a.wav".as_slice()), ("speakers", br#"["customer", "agent"]"#), ("sound", sound)];
        let text = entry(&[fields[0], ("speakers", b"customer,agent"), ("sound", b"pcm_s16le:8000:2")]);
        assert_eq!(job(&entry(&fields)).unwrap().options, job(&text).unwrap().options);
    }

    #[test]
    fn an_entry_is_an_offer_or_says_why_it_is_none() {
        let uri: (&str, &[u8]) = ("uri", b"s3://calls/a.wav");
        for (fields, reason) in [
            (entry(&[]), "`uri` is missing"),
            (entry(&[("key", b"k")]), "`uri` is missing"),
            (entry(&[uri, uri]), "twice"),
            (entry(&[uri, ("kye", b"k")]), "`kye` is no field"),
            (entry(&[uri, ("key", b"\xff")]), "key is not UTF-8"),
            (entry(&[uri, ("lane", b"urgent")]), "webhook, call, archive"),
            (entry(&[uri, ("tenant", b"a/b")]), "tenant `a/b`"),
            (entry(&[uri, ("metadata", b"[1]")]), "no JSON object"),
            (entry(&[uri, ("metadata", b"{\"a\": \"\\u0000\"}")]), "NUL"),
            (entry(&[uri, ("metadata", format!("{{\"a\": \"{}\"}}", "x".repeat(70_000)).as_bytes())]), "65536"),
            (entry(&[uri, ("priority", b"high")]), "whole number"),
            (entry(&[uri, ("key", &[b'k'; 513])]), "512"),
            (entry(&[uri, ("rule_set", b"latest")]), "64 hexadecimal digits"),
            (entry(&[("uri", b"a.wav")]), "relative"),
            (entry(&[uri, ("parts", br#"["s3://calls/b.wav"]"#)]), "both `uri` and `parts`"),
            (entry(&[("parts", b"s3://calls/b.wav")]), "no JSON list"),
            (entry(&[("parts", br#""https://me:secret@example.org/""#)]), "another kind of value"),
            (entry(&[("parts", b"[]")]), "empty"),
            (entry(&[("parts", br#"[{"url": "s3://calls/b.wav"}]"#)]), "unknown field `url`"),
            (entry(&[uri, ("speakers", b"agent,<b>")]), "`<b>` is no name"),
            (entry(&[uri, ("sound", b"pcm_s16le:8000:17")]), "1 to 16"),
            (entry(&[uri, ("sound", b"{\"encoding\": \"wav\"}")]), "use one of pcm_s16le"),
        ] {
            let problem = job(&fields).expect_err(reason);
            assert!(problem.message.contains(reason), "{}", problem.message);
        }
        let whole = entry(&[
            uri,
            ("tenant", b"acme"),
            ("lane", b"webhook"),
            ("key", b"k"),
            ("metadata", b"{\"agent\": 7}"),
            ("priority", b"-2"),
            ("rule_set", &[b'a'; 64]),
            ("speakers", "客户,坐席".as_bytes()),
            ("sound", b"pcm_s16le:8000:2"),
        ]);
        let job = job(&whole).unwrap();
        assert_eq!((job.tenant.as_str(), job.lane.as_str(), job.key.as_deref()), ("acme", "webhook", Some("k")));
        assert_eq!(job.options.rule_set, Some("a".repeat(64)));
        assert_eq!(
            job.options.speakers.unwrap().iter().map(|one| one.0.as_str()).collect::<Vec<_>>(),
            ["客户", "坐席"]
        );
        assert_eq!(job.options.sound.unwrap().to_string(), "pcm_s16le:8000:2");
        assert_eq!((job.metadata["agent"].as_i64(), job.priority), (Some(7), -2));
    }
}
