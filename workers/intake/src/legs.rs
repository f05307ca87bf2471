//! Calls whose legs lie in files of their own, told by their names: `17-in.wav` and `17-out.wav` are one recording.

use std::collections::HashMap;
use std::str::FromStr;

use earmark_core::RecordingUri;
use regex::Regex;

use crate::offer::Offer;
use crate::part::OfferedPart;
use crate::pattern::{PatternError, last, whole};

/// Rules with a name. Asterisk's Monitor writes what it heard of a channel to `NAME-in.FORMAT`, and what it sent there to
/// `NAME-out.FORMAT`.
const KNOWN: [(&str, &str); 1] = [("asterisk", r"(?P<call>.+)-(?P<leg>in|out)\.[A-Za-z0-9]+")];

/// How files are told to be legs of one call.
#[derive(Debug, Clone)]
pub struct Legs {
    pattern: Regex,
    /// In the order of their channels.
    names: Vec<String>,
    /// Whether it is about whole names, folders included.
    is_whole: bool,
}

impl FromStr for Legs {
    type Err = PatternError;

    /// A rule's name, or a pattern with two groups: `call`, the same for all legs of one call, and `leg`, a list of words
    /// in the order of the channels.
    fn from_str(text: &str) -> Result<Self, PatternError> {
        let written = KNOWN.iter().find(|(name, _)| *name == text).map_or(text, |(_, pattern)| *pattern);
        let pattern = whole(written)?;
        let wrong = || PatternError(r"it needs two groups, as in (?P<call>.+)-(?P<leg>in|out)\.wav".into());
        if !pattern.capture_names().flatten().any(|name| name == "call") {
            return Err(wrong());
        }
        let (_, list) = written.split_once("<leg>").ok_or_else(wrong)?;
        let (list, _) = list.split_once(')').ok_or_else(wrong)?;
        let names: Vec<String> = list.split('|').map(str::to_owned).collect();
        let is_word = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if names.len() < 2 || !names.iter().all(is_word) {
            return Err(PatternError("its group `leg` has to be a list of words, as in (?P<leg>in|out)".into()));
        }
        Ok(Self { pattern, names, is_whole: written.contains('/') })
    }
}

impl Legs {
    /// The call that the file or object called `name` belongs to, with its folder, and which leg it is.
    fn of(&self, name: &str) -> Option<(String, usize)> {
        let read = if self.is_whole { name } else { last(name) };
        let found = self.pattern.captures(read)?;
        let leg = self.names.iter().position(|leg| leg == &found["leg"])?;
        let folder = name.strip_suffix(read).unwrap_or_default();
        Some((format!("{folder}{}", &found["call"]), leg))
    }
}

/// What becomes of an offer that may be a leg.
#[derive(Debug, PartialEq)]
pub enum Paired {
    /// No leg, or a call's last: to be taken.
    Whole(Box<Offer>),
    /// The other legs are waited for.
    Waits,
    /// A second file for a leg that was there; to be taken by itself. Nobody could say which of them is meant.
    Twice(Box<Offer>),
}

/// A call of which legs are missing.
#[derive(Debug, PartialEq)]
pub struct Incomplete {
    /// What is there of it.
    pub offer: Offer,
    /// The names of the legs that are missing.
    pub missing: Vec<String>,
}

/// The legs of one call cannot be one job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{one} and {other} are legs of one call, but have two keys, `{key}` and `{other_key}`")]
pub struct TwoKeys {
    one: RecordingUri,
    other: RecordingUri,
    key: String,
    other_key: String,
}

/// Legs that wait for the others of their call.
#[derive(Debug)]
pub struct Pairing {
    legs: Legs,
    /// By tenant and call.
    open: HashMap<(Option<String>, String), Open>,
    /// Calls whose first leg came so far.
    begun: u64,
}

/// A call that is not whole yet.
#[derive(Debug)]
struct Open {
    /// Counts the calls by when their first leg came.
    number: u64,
    /// In the order of the rule.
    legs: Vec<Option<Offer>>,
}

impl Pairing {
    /// None waits yet.
    pub fn new(legs: Legs) -> Self {
        Self { legs, open: HashMap::new(), begun: 0 }
    }

    /// Takes an offer; the last leg of a call comes back as the whole recording.
    ///
    /// # Errors
    /// [`TwoKeys`].
    pub fn add(&mut self, offer: Offer) -> Result<Paired, TwoKeys> {
        let found = if offer.parts.is_empty() { self.legs.of(&offer.name()) } else { None };
        let Some((call, leg)) = found else { return Ok(Paired::Whole(Box::new(offer))) };
        let call = (offer.tenant.clone(), call);
        let open = self.open.entry(call.clone()).or_insert_with(|| {
            self.begun += 1;
            Open { number: self.begun, legs: vec![None; self.legs.names.len()] }
        });
        if open.legs[leg].is_some() {
            return Ok(Paired::Twice(Box::new(offer)));
        }
        open.legs[leg] = Some(offer);
        if open.legs.iter().any(Option::is_none) {
            return Ok(Paired::Waits);
        }
        let legs = self.open.remove(&call).map_or_else(Vec::new, |open| open.legs);
        Ok(Paired::Whole(Box::new(joined(legs.into_iter().flatten().collect())?)))
    }

    /// Calls of which legs are missing to the end, in the order in which their first leg came.
    ///
    /// # Errors
    /// [`TwoKeys`].
    pub fn rest(&mut self) -> Result<Vec<Incomplete>, TwoKeys> {
        let mut open: Vec<_> = std::mem::take(&mut self.open).into_values().collect();
        open.sort_by_key(|open| open.number);
        let mut rest = Vec::with_capacity(open.len());
        for Open { legs, .. } in open {
            let names = self.legs.names.iter().zip(&legs);
            let missing = names.filter(|(_, leg)| leg.is_none()).map(|(name, _)| name.clone()).collect();
            rest.push(Incomplete { offer: joined(legs.into_iter().flatten().collect())?, missing });
        }
        Ok(rest)
    }
}

/// One offer of all `legs`: what the first says of itself goes before what the others say.
fn joined(legs: Vec<Offer>) -> Result<Offer, TwoKeys> {
    let mut legs = legs.into_iter();
    let Some(first) = legs.next() else { return Ok(Offer::default()) };
    if legs.len() == 0 {
        return Ok(first);
    }
    let mut whole = Offer { uri: RecordingUri::default(), path: None, version: None, ..first.clone() };
    whole.parts.push(part(&first));
    for leg in legs {
        match (&whole.key, &leg.key) {
            (Some(key), Some(other_key)) if key != other_key => {
                let (one, other) = (first.uri, leg.uri);
                return Err(TwoKeys { one, other, key: key.clone(), other_key: other_key.clone() });
            }
            (key, other_key) => whole.key = key.clone().or_else(|| other_key.clone()),
        }
        whole.parts.push(part(&leg));
        for (name, value) in leg.metadata {
            whole.metadata.entry(name).or_insert(value);
        }
        whole.lane = whole.lane.or(leg.lane);
        whole.priority = whole.priority.or(leg.priority);
        whole.rule_set = whole.rule_set.or(leg.rule_set);
        whole.is_repeat |= leg.is_repeat;
    }
    Ok(whole)
}

fn part(leg: &Offer) -> OfferedPart {
    let (uri, path, version) = (leg.uri.clone(), leg.path.clone(), leg.version.clone());
    OfferedPart { uri, path, version, ..OfferedPart::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(uri: &str) -> Offer {
        Offer { uri: uri.into(), ..Offer::default() }
    }

    /// What `uris` come to: whole recordings, then what is incomplete with what is missing.
    fn paired(legs: &str, uris: &[&str]) -> (Vec<String>, Vec<String>) {
        let shown = |offer: &Offer| match offer.parts.as_slice() {
            [] => offer.uri.to_string(),
            parts => parts.iter().map(|part| part.uri.to_string()).collect::<Vec<_>>().join(" + "),
        };
        let mut pairing = Pairing::new(legs.parse().unwrap());
        let mut taken = Vec::new();
        for uri in uris {
            match pairing.add(offer(uri)).unwrap() {
                Paired::Whole(offer) => taken.push(shown(&offer)),
                Paired::Twice(offer) => taken.push(format!("twice {}", shown(&offer))),
                Paired::Waits => {}
            }
        }
        let rest = pairing.rest().unwrap();
        let rest = rest.iter().map(|rest| format!("{} without {}", shown(&rest.offer), rest.missing.join(" ")));
        (taken, rest.collect())
    }

    #[test]
    fn legs_of_one_call_become_one_recording_in_the_order_of_their_rule_whichever_comes_first() {
        let (taken, rest) = paired(
            "asterisk",
            &[
                "s3://c/1/17-out.wav",
                "s3://c/1/other.wav",
                "s3://c/1/18-in.wav",
                "s3://c/2/17-in.wav",
                "s3://c/1/17-in.wav",
                "s3://c/1/18-in.gsm",
                "s3://c/1/call-in",
            ],
        );
        assert_eq!(
            taken,
            [
                "s3://c/1/other.wav",
                "s3://c/1/17-in.wav + s3://c/1/17-out.wav",
                "twice s3://c/1/18-in.gsm",
                "s3://c/1/call-in"
            ]
        );
        assert_eq!(rest, ["s3://c/1/18-in.wav without out", "s3://c/2/17-in.wav without out"]);
        let three = r"(?P<leg>caller|agent|coach)/(?P<call>[0-9a-f]+)\.opus";
        let (taken, rest) = paired(three, &["/agent/7f.opus"]);
        assert!(
            taken == ["/agent/7f.opus"] && rest.is_empty(),
            "a whole name begins with its folder: {taken:?} {rest:?}"
        );
        let three = r".*(?P<leg>caller|agent|coach)/(?P<call>[0-9a-f]+)\.opus";
        let (taken, _) = paired(three, &["/x/agent/7f.opus", "/x/coach/7f.opus", "/x/caller/7f.opus"]);
        assert_eq!(taken, ["/x/caller/7f.opus + /x/agent/7f.opus + /x/coach/7f.opus"]);
    }

    #[test]
    fn what_the_legs_say_of_themselves_is_said_of_the_call() {
        let leg = |uri: &str, name: &str, key: Option<&str>| {
            let metadata = serde_json::Map::from_iter([("agent".to_owned(), name.into()), (name.to_owned(), 1.into())]);
            Offer { metadata, key: key.map(str::to_owned), ..offer(uri) }
        };
        let join = |one: Offer, other: Offer| {
            let mut pairing = Pairing::new("asterisk".parse().unwrap());
            assert_eq!(pairing.add(one).unwrap(), Paired::Waits);
            pairing.add(other)
        };
        let whole = join(leg("/17-out.wav", "b", Some("k")), leg("/17-in.wav", "a", None)).unwrap();
        let Paired::Whole(whole) = whole else { panic!("{whole:?}") };
        assert_eq!(serde_json::json!(whole.metadata), serde_json::json!({"agent": "a", "a": 1, "b": 1}));
        assert_eq!((whole.key.as_deref(), whole.parts.len()), (Some("k"), 2));
        let error = join(leg("/17-in.wav", "a", Some("k")), leg("/17-out.wav", "b", Some("l"))).unwrap_err();
        assert!(error.to_string().contains("two keys, `k` and `l`"), "{error}");
        // Another tenant's leg is another call's.
        let other = Offer { tenant: Some("acme".into()), ..offer("/17-out.wav") };
        assert_eq!(join(offer("/17-in.wav"), other).unwrap(), Paired::Waits);
    }

    #[test]
    fn a_rule_that_could_pair_nothing_is_refused() {
        for (wrong, part) in [
            ("", "two groups"),
            (r"(?P<call>.+)\.wav", "two groups"),
            (r"(?P<leg>in|out)\.wav", "two groups"),
            (r"(?P<call>.+)-(?P<leg>in)\.wav", "list of words"),
            (r"(?P<call>.+)-(?P<leg>.*)\.wav", "list of words"),
            (r"(?P<call>.+-(?P<leg>in|out)\.wav", "unclosed"),
        ] {
            let error = wrong.parse::<Legs>().expect_err(wrong).to_string();
            assert!(error.contains(part), "{wrong}: {error}");
        }
    }
}
