//! What producers offer, checked the same way wherever it comes from.

use serde_json::{Map, Value};

use crate::{
    Disposition, Failure, IdError, JobOptions, Lane, NewJob, PriorityError, RecordingUri, Tenant, UnknownWord,
    UriError, checked_priority,
};

/// Longest key a producer may give, in bytes.
pub const MAX_KEY_BYTES: usize = 512;
/// Largest metadata, in bytes of JSON.
pub const MAX_METADATA_BYTES: usize = 64 << 10;

/// A job as a producer on another machine asks for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Offer {
    /// Where the recording lies: `s3://`, `https://`, `file:///` or an absolute path.
    pub uri: String,
    /// Whose; the default tenant's where it is none.
    pub tenant: Option<String>,
    /// How urgent; a call where it is none.
    pub lane: Option<String>,
    /// The producer's own key.
    pub key: Option<String>,
    /// Given along.
    pub metadata: Map<String, Value>,
    /// More urgent within its lane and tenant the higher it is.
    pub priority: i64,
    /// Process it whatever there is.
    pub is_repeat: bool,
    /// Hash of the rule set to be judged by; the one in force when it is none.
    pub rule_set: Option<String>,
}

/// Why an offer is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// No address, or none that earmark reads.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// A path that only its producer could find.
    #[error("`{0}` is a relative path")]
    RelativePath(String),
    /// No tenant's name.
    #[error(transparent)]
    Tenant(#[from] IdError),
    /// No lane.
    #[error(transparent)]
    Lane(#[from] UnknownWord),
    /// Empty, or longer than [`MAX_KEY_BYTES`].
    #[error("the key has {0} bytes, it must have between 1 and {MAX_KEY_BYTES}")]
    Key(usize),
    /// Larger than [`MAX_METADATA_BYTES`].
    #[error("the metadata have {0} bytes, the limit is {MAX_METADATA_BYTES}")]
    Metadata(usize),
    /// Too high or too low.
    #[error(transparent)]
    Priority(#[from] PriorityError),
    /// No hash.
    #[error("`{0}` is no hash of a rule set: it has 64 hexadecimal digits")]
    RuleSet(String),
    /// A character that databases do not store.
    #[error("{0} holds a NUL character")]
    Nul(&'static str),
}

impl Offer {
    /// The job that is offered.
    ///
    /// # Errors
    /// [`OfferError`], every variant.
    pub fn into_job(self) -> Result<NewJob, OfferError> {
        let uri = RecordingUri::parse(&self.uri)?;
        let location = match &uri {
            RecordingUri::File(path) if !path.is_absolute() => return Err(OfferError::RelativePath(self.uri)),
            RecordingUri::File(path) => url::Url::from_file_path(path).map_or_else(|()| self.uri.clone(), String::from),
            RecordingUri::Http(_) | RecordingUri::S3 { .. } => self.uri.clone(),
        };
        if let Some(key) = &self.key {
            if key.is_empty() || key.len() > MAX_KEY_BYTES {
                return Err(OfferError::Key(key.len()));
            }
            if key.contains('\0') {
                return Err(OfferError::Nul("the key"));
            }
        }
        let size_bytes = Value::Object(self.metadata.clone()).to_string().len();
        if size_bytes > MAX_METADATA_BYTES {
            return Err(OfferError::Metadata(size_bytes));
        }
        if self.metadata.iter().any(|(name, value)| name.contains('\0') || has_nul(value)) {
            return Err(OfferError::Nul("the metadata"));
        }
        if let Some(rule_set) = &self.rule_set
            && !(rule_set.len() == 64 && rule_set.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
        {
            return Err(OfferError::RuleSet(rule_set.chars().take(80).collect()));
        }
        let tenant = self.tenant.as_deref().map(Tenant::parse).transpose()?.unwrap_or_default();
        let lane: Lane = self.lane.as_deref().map(str::parse).transpose()?.unwrap_or_default();
        Ok(NewJob {
            lane,
            key: self.key,
            metadata: self.metadata,
            priority: checked_priority(self.priority)?,
            options: JobOptions { is_repeat: self.is_repeat, rule_set: self.rule_set, out_dir: None },
            ..NewJob::new(self.uri, location, tenant)
        })
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
    }
}

impl Failure for OfferError {
    fn code(&self) -> &'static str {
        match self {
            Self::Uri(_) | Self::RelativePath(_) => "job.uri",
            Self::Tenant(_) => "job.tenant",
            Self::Lane(_) => "job.lane",
            Self::Key(_) => "job.key",
            Self::Metadata(_) => "job.metadata",
            Self::Priority(_) => "job.priority",
            Self::RuleSet(_) => "job.rule_set",
            Self::Nul(_) => "job.nul",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Uri(_) => Some("use s3://, https:// or file:/// URIs".into()),
            Self::RelativePath(_) => Some("a worker has another working folder; give the whole path".into()),
            Self::Tenant(_) | Self::Lane(_) | Self::Priority(_) => None,
            Self::Key(_) => Some("a hash of a longer key serves as well".into()),
            Self::Metadata(_) => Some("keep what is large elsewhere, and give its address".into()),
            Self::RuleSet(_) => Some("`earmark rules list` shows the hashes, in lower case".into()),
            Self::Nul(_) => Some("send text without it".into()),
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Uri(_)
            | Self::RelativePath(_)
            | Self::Tenant(_)
            | Self::Lane(_)
            | Self::Key(_)
            | Self::Metadata(_)
            | Self::Priority(_)
            | Self::RuleSet(_)
            | Self::Nul(_) => Disposition::Fail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_job_is_refused_with_what_is_wrong() {
        let good = || Offer { uri: "s3://calls/a.wav".into(), ..Offer::default() };
        let metadata = |value: Value| Map::from_iter([("note".to_owned(), value)]);
        let long = "x".repeat(MAX_METADATA_BYTES);
        let cases = [
            (Offer::default(), "job.uri"),
            (Offer { uri: "calls/a.wav".into(), ..good() }, "job.uri"),
            (Offer { uri: "ftp://a/b".into(), ..good() }, "job.uri"),
            (Offer { tenant: Some("../x".into()), ..good() }, "job.tenant"),
            (Offer { lane: Some("urgent".into()), ..good() }, "job.lane"),
            (Offer { key: Some(String::new()), ..good() }, "job.key"),
            (Offer { key: Some("x".repeat(513)), ..good() }, "job.key"),
            (Offer { key: Some("a\0b".into()), ..good() }, "job.nul"),
            (Offer { metadata: metadata(Value::from(long)), ..good() }, "job.metadata"),
            (Offer { metadata: metadata(serde_json::json!([{ "a": "\0" }])), ..good() }, "job.nul"),
            (Offer { rule_set: Some("starter".into()), ..good() }, "job.rule_set"),
            (Offer { rule_set: Some("AB".repeat(32)), ..good() }, "job.rule_set"),
            (Offer { priority: 101, ..good() }, "job.priority"),
        ];
        for (offer, code) in cases {
            assert_eq!(offer.clone().into_job().expect_err(code).code(), code, "{offer:?}");
        }
    }

    #[test]
    fn an_offer_becomes_the_job_that_was_meant() {
        let offer = Offer {
            uri: "/calls/a b.wav".into(),
            tenant: Some("acme".into()),
            lane: Some("archive".into()),
            key: Some("k".into()),
            priority: -3,
            rule_set: Some("ab".repeat(32)),
            ..Offer::default()
        };
        let job = offer.into_job().unwrap();
        assert_eq!(job.options.rule_set, Some("ab".repeat(32)));
        assert_eq!((job.uri.as_str(), job.location.as_str()), ("/calls/a b.wav", "file:///calls/a%20b.wav"));
        assert_eq!(
            (job.tenant.as_str(), job.lane, job.key.as_deref(), job.priority),
            ("acme", Lane::Archive, Some("k"), -3)
        );
    }
}
