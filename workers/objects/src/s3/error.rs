//! What the object store's answers mean: for the job, and for the person who has to act.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use earmark_core::{Disposition, Failure, Fault};

/// How long a job waits for an archived recording: restoring takes minutes to days.
const WAIT_FOR_ARCHIVE: Duration = Duration::from_secs(3600);
/// How long a job waits at least when the store asks for fewer requests; at most twice as long.
const WAIT_FOR_CALM: Duration = Duration::from_secs(5);

/// Why the object store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    /// No such bucket.
    #[error("there is no bucket `{bucket}`")]
    NoSuchBucket {
        /// The bucket's name.
        bucket: String,
    },
    /// No such object.
    #[error("there is no object {uri}")]
    NoSuchKey {
        /// The object's URI.
        uri: String,
    },
    /// The object is there, this version of it is not.
    #[error("there is no such version of {uri}")]
    NoSuchVersion {
        /// Which, with the version.
        uri: String,
    },
    /// There, and not for these credentials.
    #[error("access to {uri} is denied")]
    AccessDenied {
        /// What was asked for.
        uri: String,
        /// What the credentials would have to be allowed.
        permission: &'static str,
    },
    /// There are no credentials, or they are wrong or expired.
    #[error("{uri} cannot be asked for: {why}")]
    Credentials {
        /// What was asked for.
        uri: String,
        /// What is wrong with them.
        why: String,
    },
    /// This machine's clock differs too much from the store's.
    #[error("{uri} cannot be asked for: this machine's clock is wrong")]
    ClockSkewed {
        /// What was asked for.
        uri: String,
    },
    /// In an archive class, and not restored.
    #[error("{uri} is archived and has to be restored first")]
    Archived {
        /// The object's URI.
        uri: String,
    },
    /// The store asks for fewer requests.
    #[error("the store asks for fewer requests than came for {uri}")]
    SlowDown {
        /// What was asked for.
        uri: String,
        /// How long to wait.
        wait: Duration,
    },
    /// The store is in trouble.
    #[error("{uri} was answered with status {status}")]
    Unavailable {
        /// What was asked for.
        uri: String,
        /// The HTTP status of the answer.
        status: u16,
    },
    /// The store did not answer in time.
    #[error("{uri} was not answered in time")]
    TimedOut {
        /// What was asked for.
        uri: String,
    },
    /// No connection could be made.
    #[error("no connection for {uri}")]
    Connect {
        /// What was asked for.
        uri: String,
        /// What the client library said.
        #[source]
        source: BoxError,
    },
    /// The connection broke or went silent, more often than the download is resumed.
    #[error("the connection for {uri} broke after {received_bytes} bytes")]
    Broken {
        /// The object's URI.
        uri: String,
        /// How far it came.
        received_bytes: u64,
        /// What the client library said.
        #[source]
        source: BoxError,
    },
    /// Other bytes came than the store's checksum says.
    #[error("the bytes of {uri} do not match their checksum")]
    Damaged {
        /// The object's URI.
        uri: String,
    },
    /// Written again while it was fetched.
    #[error("{uri} was written again while it was fetched")]
    Changed {
        /// The object that was being read.
        uri: String,
    },
    /// The bucket lies elsewhere.
    #[error("the bucket of {uri} is in another region{}", .region.as_ref().map_or(String::new(), |region| format!(", {region}")))]
    WrongRegion {
        /// What was asked for.
        uri: String,
        /// Where it lies, where the store says so.
        region: Option<String>,
    },
    /// Nothing says which region to ask.
    #[error("there is no region for S3")]
    NoRegion,
    /// The name cannot be asked for.
    #[error("{uri} cannot be asked for")]
    BadName {
        /// The object's URI.
        uri: String,
        /// What the client library said.
        #[source]
        source: BoxError,
    },
    /// An answer that trying again will not change.
    #[error("{uri} was answered with status {status} ({code})")]
    Refused {
        /// What was asked for.
        uri: String,
        /// The HTTP status of the answer.
        status: u16,
        /// The store's word for it.
        code: String,
    },
    /// Something answered that is no S3 store.
    #[error("the answer for {uri} is not an S3 store's")]
    NotS3 {
        /// What was asked for.
        uri: String,
        /// What the client library said.
        #[source]
        source: BoxError,
    },
}

impl Failure for S3Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSuchBucket { .. } => "s3.no_such_bucket",
            Self::NoSuchKey { .. } => "s3.no_such_key",
            Self::NoSuchVersion { .. } => "s3.no_such_version",
            Self::AccessDenied { .. } => "s3.access_denied",
            Self::Credentials { .. } => "s3.credentials",
            Self::ClockSkewed { .. } => "s3.clock_skewed",
            Self::Archived { .. } => "s3.archived",
            Self::SlowDown { .. } => "s3.slow_down",
            Self::Unavailable { .. } => "s3.unavailable",
            Self::TimedOut { .. } => "s3.timed_out",
            Self::Connect { .. } => "s3.connect",
            Self::Broken { .. } => "s3.broken",
            Self::Damaged { .. } => "s3.damaged",
            Self::Changed { .. } => "s3.changed",
            Self::WrongRegion { .. } => "s3.wrong_region",
            Self::NoRegion => "s3.no_region",
            Self::BadName { .. } => "s3.bad_name",
            Self::Refused { .. } => "s3.refused",
            Self::NotS3 { .. } => "s3.not_s3",
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoSuchBucket { .. } => "check the bucket's name, and EARMARK__STORAGE__S3_ENDPOINT",
            Self::NoSuchKey { .. } => "check the key; it may have been deleted or moved",
            Self::NoSuchVersion { .. } => "leave ?versionId= away for the newest version",
            Self::AccessDenied { permission, .. } => {
                return Some(format!(
                    "allow these credentials {permission} there; without s3:ListBucket missing objects look like this too"
                ));
            }
            Self::Credentials { .. } => {
                "give this worker valid AWS credentials (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or a role)"
            }
            Self::ClockSkewed { .. } => "set this machine's clock",
            Self::Archived { .. } => "restore it (`aws s3api restore-object`); the job looks again every hour",
            Self::SlowDown { .. } => "the job tries again by itself; spread keys over more prefixes if it stays so",
            Self::Unavailable { .. } => "the store is overloaded or down: see to it, or wait",
            Self::TimedOut { .. } | Self::Connect { .. } => {
                "check EARMARK__STORAGE__S3_ENDPOINT and this machine's network"
            }
            Self::Broken { .. } => "see whether the store or the network between cuts long downloads off",
            Self::Damaged { .. } => "upload it again if this stays so",
            Self::Changed { .. } => "wait until the recording is complete",
            Self::WrongRegion { region: Some(region), .. } => {
                return Some(format!("set AWS_REGION={region} for workers that process this bucket"));
            }
            Self::WrongRegion { region: None, .. } => "set AWS_REGION to the bucket's region",
            Self::NoRegion => "set AWS_REGION, or EARMARK__STORAGE__S3_ENDPOINT for a store that is not AWS",
            Self::BadName { .. } => "a bucket's name has 3 to 63 lower-case letters, digits, dots and dashes",
            Self::Refused { .. } => "see what the store says to `aws s3api get-object` with the same name",
            Self::NotS3 { .. } => "check EARMARK__STORAGE__S3_ENDPOINT; a proxy between may have answered",
        };
        Some(text.into())
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::NoSuchBucket { .. }
            | Self::NoSuchKey { .. }
            | Self::NoSuchVersion { .. }
            | Self::AccessDenied { .. }
            | Self::BadName { .. }
            | Self::Refused { .. } => Disposition::Fail,
            // The worker's fault, not the job's.
            Self::Credentials { .. } | Self::ClockSkewed { .. } | Self::WrongRegion { .. } | Self::NoRegion => {
                Disposition::RetryAfter(earmark_core::WAIT_FOR_PERSON)
            }
            Self::Archived { .. } => Disposition::RetryAfter(WAIT_FOR_ARCHIVE),
            Self::SlowDown { wait, .. } => Disposition::RetryAfter(*wait),
            Self::Unavailable { .. }
            | Self::TimedOut { .. }
            | Self::Connect { .. }
            | Self::Broken { .. }
            | Self::Damaged { .. }
            | Self::Changed { .. }
            | Self::NotS3 { .. } => Disposition::Retry,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NoSuchBucket { .. }
            | Self::NoSuchKey { .. }
            | Self::NoSuchVersion { .. }
            | Self::AccessDenied { .. }
            | Self::BadName { .. }
            | Self::Refused { .. } => Fault::Caller,
            Self::Archived { .. } | Self::Damaged { .. } | Self::Changed { .. } => Fault::Recording,
            Self::Credentials { .. }
            | Self::ClockSkewed { .. }
            | Self::SlowDown { .. }
            | Self::Unavailable { .. }
            | Self::TimedOut { .. }
            | Self::Connect { .. }
            | Self::Broken { .. }
            | Self::WrongRegion { .. }
            | Self::NoRegion
            | Self::NotS3 { .. } => Fault::Place,
        }
    }
}

impl S3Error {
    /// Whether what looks like the store's fault may be this object's alone: the store answered, with an error, or the
    /// answer broke off.
    pub fn may_be_the_recordings(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::TimedOut { .. } | Self::Broken { .. } | Self::NotS3 { .. } => true,
            Self::NoSuchBucket { .. }
            | Self::NoSuchKey { .. }
            | Self::NoSuchVersion { .. }
            | Self::AccessDenied { .. }
            | Self::Credentials { .. }
            | Self::ClockSkewed { .. }
            | Self::Archived { .. }
            | Self::SlowDown { .. }
            | Self::Connect { .. }
            | Self::Damaged { .. }
            | Self::Changed { .. }
            | Self::WrongRegion { .. }
            | Self::NoRegion
            | Self::BadName { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// Whether the store may have refused a header that it does not know.
    pub(crate) fn may_be_a_header(&self) -> bool {
        matches!(self, Self::Refused { status: 400 | 501, .. })
    }
}

/// What was asked of the store, for the words of an error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The object's URI, `s3://bucket/key[?versionId=…]`.
    pub(crate) uri: &'a str,
    pub(crate) bucket: &'a str,
    /// What it takes: `s3:GetObject`, …
    pub(crate) permission: &'static str,
}

/// What `error` means.
pub(crate) fn failed<E>(error: SdkError<E, HttpResponse>, asked: Asked<'_>) -> S3Error
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let uri = asked.uri.to_owned();
    if let Some(why) = credentials_problem(&error) {
        return S3Error::Credentials { uri, why };
    }
    match &error {
        SdkError::ServiceError(answer) => {
            let raw = answer.raw();
            let region = raw.headers().get("x-amz-bucket-region").map(str::to_owned);
            refused(answer.err().code().unwrap_or_default(), raw.status().as_u16(), region, asked)
        }
        SdkError::TimeoutError(_) => S3Error::TimedOut { uri },
        SdkError::DispatchFailure(failure) if failure.is_timeout() => S3Error::TimedOut { uri },
        SdkError::DispatchFailure(failure) if failure.is_user() => S3Error::BadName { uri, source: cause(error) },
        SdkError::DispatchFailure(_) => S3Error::Connect { uri, source: cause(error) },
        SdkError::ResponseError(answer) if answer.raw().status().is_server_error() => {
            refused("", answer.raw().status().as_u16(), None, asked)
        }
        SdkError::ConstructionFailure(_) => S3Error::BadName { uri, source: cause(error) },
        _ => S3Error::NotS3 { uri, source: cause(error) },
    }
}

/// What an answer with the word `code` means; `region` is the bucket's, where the store says so.
fn refused(code: &str, status: u16, region: Option<String>, asked: Asked<'_>) -> S3Error {
    let uri = asked.uri.to_owned();
    match code {
        "NoSuchBucket" => S3Error::NoSuchBucket { bucket: asked.bucket.into() },
        "NoSuchKey" | "NotFound" => S3Error::NoSuchKey { uri },
        // The version of a deletion is no version of the object.
        "NoSuchVersion" | "MethodNotAllowed" => S3Error::NoSuchVersion { uri },
        "InvalidArgument" if uri.contains("?versionId=") => S3Error::NoSuchVersion { uri },
        "InvalidObjectState" => S3Error::Archived { uri },
        "RequestTimeTooSkewed" => S3Error::ClockSkewed { uri },
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidAccessKeyId"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "SignatureDoesNotMatch"
        | "InvalidSecurity"
        | "NotSignedUp"
        | "MissingAuthenticationToken"
        | "UnrecognizedClientException" => S3Error::Credentials { uri, why: format!("the store says {code}") },
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "Forbidden" => {
            S3Error::AccessDenied { uri, permission: asked.permission }
        }
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => S3Error::WrongRegion { uri, region },
        "SlowDown"
        | "ServiceUnavailable"
        | "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "TooManyRequests"
        | "TooManyRequestsException"
        | "Busy" => S3Error::SlowDown { uri, wait: calm() },
        "RequestTimeout" => S3Error::TimedOut { uri },
        "PreconditionFailed" | "InvalidRange" => S3Error::Changed { uri },
        "InvalidBucketName" => S3Error::BadName { uri, source: code.into() },
        _ => match status {
            301 | 307 => S3Error::WrongRegion { uri, region },
            401 => S3Error::Credentials { uri, why: "the store wants to know who asks".into() },
            403 => S3Error::AccessDenied { uri, permission: asked.permission },
            404 => S3Error::NoSuchKey { uri },
            // What was cached or read meanwhile is another object's.
            412 | 416 => S3Error::Changed { uri },
            408 => S3Error::TimedOut { uri },
            429 | 503 => S3Error::SlowDown { uri, wait: calm() },
            // Not a store in trouble: one that does not know what was asked.
            501 | 505 => S3Error::Refused { uri, status, code: code.into() },
            500.. => S3Error::Unavailable { uri, status },
            _ => S3Error::Refused { uri, status, code: code.into() },
        },
    }
}

/// Not the same for everyone, or all would come back at once.
fn calm() -> Duration {
    WAIT_FOR_CALM + WAIT_FOR_CALM.mul_f64(fastrand::f64())
}

fn cause<E>(error: SdkError<E, HttpResponse>) -> BoxError
where
    E: Error + Send + Sync + 'static,
{
    error.into_source().unwrap_or_else(BoxError::from)
}

/// What is wrong with the credentials, if it is they.
fn credentials_problem(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(problem) = error.downcast_ref::<CredentialsError>() {
            return Some(match problem {
                CredentialsError::CredentialsNotLoaded(_) => "there are no AWS credentials".into(),
                other => other.source().map_or_else(|| other.to_string(), |source| format!("{other}: {source}")),
            });
        }
        // Looking for them took too long; this error has no type of its own outside the SDK.
        if error.to_string().starts_with("identity resolver timed out") {
            return Some("no AWS credentials were found in time".into());
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'_> = Asked { uri: "s3://calls/a.wav", bucket: "calls", permission: "s3:GetObject" };

    #[test]
    fn every_word_of_a_store_decides_the_jobs_fate_and_has_a_hint() {
        use Disposition::{Fail, Retry, RetryAfter};
        let person = RetryAfter(earmark_core::WAIT_FOR_PERSON);
        let cases = [
            ("NoSuchBucket", 404, "s3.no_such_bucket", Fail),
            ("NoSuchKey", 404, "s3.no_such_key", Fail),
            ("", 404, "s3.no_such_key", Fail),
            ("NoSuchVersion", 404, "s3.no_such_version", Fail),
            ("MethodNotAllowed", 405, "s3.no_such_version", Fail),
            ("AccessDenied", 403, "s3.access_denied", Fail),
            ("", 403, "s3.access_denied", Fail),
            ("ExpiredToken", 400, "s3.credentials", person),
            ("InvalidAccessKeyId", 403, "s3.credentials", person),
            ("SignatureDoesNotMatch", 403, "s3.credentials", person),
            ("RequestTimeTooSkewed", 403, "s3.clock_skewed", person),
            ("InvalidObjectState", 403, "s3.archived", RetryAfter(Duration::from_secs(3600))),
            ("InternalError", 500, "s3.unavailable", Retry),
            ("", 502, "s3.unavailable", Retry),
            ("RequestTimeout", 400, "s3.timed_out", Retry),
            ("PermanentRedirect", 301, "s3.wrong_region", person),
            ("AuthorizationHeaderMalformed", 400, "s3.wrong_region", person),
            ("PreconditionFailed", 412, "s3.changed", Retry),
            ("InvalidRange", 416, "s3.changed", Retry),
            ("EntityTooLarge", 400, "s3.refused", Fail),
        ];
        for (word, status, code, disposition) in cases {
            let error = refused(word, status, None, ASKED);
            assert_eq!((error.code(), error.disposition()), (code, disposition), "{word} {status}");
            assert!(error.hint().is_some(), "{word}");
        }
    }

    #[test]
    fn a_store_that_asks_for_fewer_requests_is_left_alone_for_a_while_that_differs() {
        for (word, status) in [("SlowDown", 503), ("", 503), ("", 429), ("Throttling", 400)] {
            let error = refused(word, status, None, ASKED);
            assert_eq!(error.code(), "s3.slow_down", "{word} {status}");
            let Disposition::RetryAfter(wait) = error.disposition() else { panic!("{error:?}") };
            assert!((WAIT_FOR_CALM..=2 * WAIT_FOR_CALM).contains(&wait), "{wait:?}");
        }
        let waits: std::collections::BTreeSet<Duration> = (0..20).map(|_| calm()).collect();
        assert!(waits.len() > 1);
    }

    #[test]
    fn what_has_to_be_allowed_and_where_the_bucket_lies_are_named() {
        let denied = refused("AccessDenied", 403, None, ASKED).hint().unwrap();
        assert!(denied.contains("s3:GetObject"), "{denied}");
        let elsewhere = refused("PermanentRedirect", 301, Some("eu-west-1".into()), ASKED);
        assert!(elsewhere.to_string().ends_with("in another region, eu-west-1"), "{elsewhere}");
        assert_eq!(elsewhere.hint().unwrap(), "set AWS_REGION=eu-west-1 for workers that process this bucket");
    }
}
