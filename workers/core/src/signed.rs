//! Signed web addresses: which part of a query only says that one may fetch for a while, and until when.
//!
//! Amazon: "Query string authentication" (version 4 and 2). Alibaba OSS: "Add signatures to a URL" (V1 and V4). Azure:
//! "Create a service SAS", "Create a user delegation SAS". Google: "V4 signing process with your own program". CloudFront:
//! "Create a signed URL using a custom policy". Tencent COS, Huawei OBS and Volcengine TOS: "Pre-signed URL".

use url::Url;

use crate::rfc3339_ms;

/// One way to sign addresses. Names of parameters are compared without regard to case.
struct Scheme {
    /// Without all of these an address is not signed in this way.
    marks: &'static [&'static str],
    /// One of these is there as well; empty where that does not matter.
    one_of: &'static [&'static str],
    /// What the signature's parameters begin with; empty for none.
    prefix: &'static str,
    /// Its other parameters, and those that only say how the answer's header is to read.
    others: &'static [&'static str],
}

const ANSWER: [&str; 6] = [
    "response-content-type",
    "response-content-language",
    "response-expires",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
];

const SCHEMES: [Scheme; 11] = [
    // Amazon's version 4, and whoever speaks it. `x-id` is a word of its SDK for browsers.
    Scheme { marks: &["x-amz-signature"], one_of: &[], prefix: "x-amz-", others: &["x-id"] },
    Scheme {
        marks: &["awsaccesskeyid", "signature", "expires"],
        one_of: &[],
        prefix: "",
        others: &["awsaccesskeyid", "signature", "expires", "x-amz-security-token"],
    },
    Scheme {
        marks: &["x-oss-signature"],
        one_of: &[],
        prefix: "",
        others: &[
            "x-oss-signature",
            "x-oss-signature-version",
            "x-oss-credential",
            "x-oss-date",
            "x-oss-expires",
            "x-oss-additional-headers",
            "x-oss-security-token",
            "x-oss-traffic-limit",
        ],
    },
    Scheme {
        marks: &["ossaccesskeyid", "signature", "expires"],
        one_of: &[],
        prefix: "",
        others: &["ossaccesskeyid", "signature", "expires", "security-token", "x-oss-traffic-limit"],
    },
    Scheme { marks: &["x-goog-signature"], one_of: &[], prefix: "x-goog-", others: &[] },
    Scheme {
        marks: &["googleaccessid", "signature", "expires"],
        one_of: &[],
        prefix: "",
        others: &["googleaccessid", "signature", "expires"],
    },
    // Azure: what is signed, by whom, and until when; `si` names a policy that says the rest.
    Scheme {
        marks: &["sig", "sv"],
        one_of: &["se", "si"],
        prefix: "",
        others: &[
            "sv", "ss", "srt", "sp", "st", "se", "spr", "sip", "si", "sr", "sig", "sdd", "ses", "skoid", "sktid",
            "skt", "ske", "sks", "skv", "skdutid", "sduoid", "saoid", "suoid", "scid", "rscc", "rscd", "rsce", "rscl",
            "rsct",
        ],
    },
    Scheme {
        marks: &["key-pair-id", "signature"],
        one_of: &["expires", "policy"],
        prefix: "",
        others: &["expires", "policy", "signature", "key-pair-id", "hash-algorithm"],
    },
    Scheme {
        marks: &["q-signature", "q-ak"],
        one_of: &[],
        prefix: "q-",
        others: &["x-cos-security-token", "x-cos-traffic-limit"],
    },
    Scheme {
        marks: &["accesskeyid", "signature", "expires"],
        one_of: &[],
        prefix: "",
        others: &["accesskeyid", "signature", "expires", "x-obs-security-token"],
    },
    Scheme {
        marks: &["x-tos-signature"],
        one_of: &[],
        prefix: "",
        others: &[
            "x-tos-signature",
            "x-tos-algorithm",
            "x-tos-credential",
            "x-tos-date",
            "x-tos-expires",
            "x-tos-signedheaders",
            "x-tos-signedqueries",
            "x-tos-security-token",
        ],
    },
];

impl Scheme {
    fn signs(&self, names: &[String]) -> bool {
        let has = |name: &&str| names.iter().any(|there| there == name);
        self.marks.iter().all(&has) && (self.one_of.is_empty() || self.one_of.iter().any(has))
    }

    fn owns(&self, name: &str) -> bool {
        let is_prefixed = !self.prefix.is_empty() && name.starts_with(self.prefix);
        is_prefixed || self.others.contains(&name) || ANSWER.contains(&name)
    }
}

/// `url` without what signs it for a while: the same for every signature of one object. None for one that is not signed
/// in a way that is known. What names the object (a version, a generation, a snapshot) stays, in its order.
pub fn unsigned(url: &Url) -> Option<Url> {
    let parameters: Vec<(&str, String)> = parameters(url).collect();
    let names: Vec<String> = parameters.iter().map(|(_, name)| name.clone()).collect();
    let scheme = SCHEMES.iter().find(|scheme| scheme.signs(&names))?;
    let rest: Vec<&str> =
        parameters.iter().filter(|(_, name)| !scheme.owns(name)).map(|(parameter, _)| *parameter).collect();
    let mut url = url.clone();
    url.set_query((!rest.is_empty()).then(|| rest.join("&")).as_deref());
    Some(url)
}

/// Until when `url` is signed, in milliseconds since the epoch, as far as it says so itself: the signature of temporary
/// credentials may end before.
pub fn signed_until_ms(url: &Url) -> Option<i64> {
    let value = |wanted: &str| {
        let found = url.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.into_owned())
    };
    for (date, expires) in [
        ("x-amz-date", "x-amz-expires"),
        ("x-goog-date", "x-goog-expires"),
        ("x-oss-date", "x-oss-expires"),
        ("x-tos-date", "x-tos-expires"),
    ] {
        if let (Some(date), Some(expires)) = (value(date), value(expires)) {
            let expires_ms = expires.parse::<i64>().ok()?.checked_mul(1000)?;
            return compact_ms(&date)?.checked_add(expires_ms);
        }
    }
    if let Some(end) = value("se") {
        return rfc3339_ms(&end);
    }
    if let Some(time) = value("q-sign-time") {
        return time.split(';').nth(1)?.parse::<i64>().ok()?.checked_mul(1000);
    }
    value("expires")?.parse::<i64>().ok()?.checked_mul(1000)
}

/// Each parameter as it stands, and its name in lower case.
fn parameters(url: &Url) -> impl Iterator<Item = (&str, String)> {
    let query = url.query().unwrap_or_default();
    query.split('&').filter(|parameter| !parameter.is_empty()).map(|parameter| {
        let name = url::form_urlencoded::parse(parameter.as_bytes()).next().map(|(name, _)| name.to_ascii_lowercase());
        (parameter, name.unwrap_or_default())
    })
}

/// `20261128T080000Z` in milliseconds since the epoch.
fn compact_ms(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    if date.len() != 8 || time.len() != 6 || !text.is_ascii() {
        return None;
    }
    let (year, month, day) = (&date[..4], &date[4..6], &date[6..]);
    let (hour, minute, second) = (&time[..2], &time[2..4], &time[4..]);
    rfc3339_ms(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(query: &str) -> Url {
        Url::parse(&format!("https://calls.example.org/2026/17.wav?{query}")).unwrap()
    }

    #[test]
    fn what_signs_an_address_is_told_from_what_names_the_object() {
        let cases = [
            (
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261128T080000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=aaaa",
                Some(""),
            ),
            ("versionId=7&x-amz-signature=a&x-amz-security-token=b&x-id=GetObject", Some("versionId=7")),
            ("X-Amz-Signature=a&response-content-disposition=inline&x%2Did=GetObject", Some("")),
            ("AWSAccessKeyId=k&Expires=1800000000&Signature=a%3D&versionId=7", Some("versionId=7")),
            ("OSSAccessKeyId=k&Expires=1&Signature=a&security-token=t&x-oss-process=a", Some("x-oss-process=a")),
            (
                "x-oss-signature-version=OSS4&x-oss-credential=c&x-oss-date=d&x-oss-expires=1&x-oss-signature=s",
                Some(""),
            ),
            ("sv=2024-11-04&ss=b&srt=o&sp=r&st=a&se=b&spr=https&sig=c", Some("")),
            ("snapshot=s&sp=r&se=b&skoid=1&sktid=2&skt=3&ske=4&sks=b&skv=5&sv=6&sr=b&sig=c", Some("snapshot=s")),
            ("sv=1&si=policy&sr=c&sig=c", Some("")),
            ("X-Goog-Algorithm=a&X-Goog-Credential=b&X-Goog-Signature=c&generation=3", Some("generation=3")),
            ("GoogleAccessId=a&Expires=1&Signature=c&generation=3", Some("generation=3")),
            ("Expires=1&Signature=c&Key-Pair-Id=K", Some("")),
            ("leg=2&Policy=p&Signature=c&Key-Pair-Id=K&Hash-Algorithm=SHA256", Some("leg=2")),
            (
                "q-sign-algorithm=sha1&q-ak=k&q-sign-time=1;2&q-key-time=1;2&q-signature=s&versionId=7",
                Some("versionId=7"),
            ),
            ("AccessKeyId=k&Expires=1&Signature=s&x-obs-security-token=t", Some("")),
            ("X-Tos-Date=d&X-Tos-Signature=s&versionId=7", Some("versionId=7")),
            // None of these has a signature that is known, so all of it may name the recording.
            ("id=17&Expires=1", None),
            ("Signature=customer&Expires=1", None),
            ("sig=1", None),
            ("sv=1&sp=r&se=2", None),
            ("X-Amz-Date=1&X-Amz-Credential=c", None),
            ("", None),
        ];
        for (query, rest) in cases {
            let unsigned = unsigned(&url(query)).map(|url| url.query().unwrap_or_default().to_owned());
            assert_eq!(unsigned.as_deref(), rest, "{query}");
        }
    }

    #[test]
    fn an_address_says_until_when_it_is_signed() {
        for (query, until_ms) in [
            ("X-Amz-Date=20261128T080000Z&X-Amz-Expires=900&X-Amz-Signature=a", Some(1_795_853_700_000)),
            ("x-goog-date=20261128T080000Z&x-goog-expires=900&x-goog-signature=a", Some(1_795_853_700_000)),
            ("sv=1&se=2026-11-28T08%3A15%3A00Z&sig=a", Some(1_795_853_700_000)),
            ("AWSAccessKeyId=k&Expires=1795853700&Signature=a", Some(1_795_853_700_000)),
            ("q-ak=k&q-sign-time=1795850000;1795853700&q-signature=a", Some(1_795_853_700_000)),
            ("Policy=p&Signature=c&Key-Pair-Id=K", None),
            ("X-Amz-Date=yesterday&X-Amz-Expires=900", None),
            ("X-Amz-Date=2026é128T080000Z&X-Amz-Expires=900", None),
            ("Expires=9223372036854775807", None),
        ] {
            assert_eq!(signed_until_ms(&url(query)), until_ms, "{query}");
        }
    }
}
