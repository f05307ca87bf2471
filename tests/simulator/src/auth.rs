//! Who asks: a raw key, or a token signed with its secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use serde::Deserialize;
use sha2::Sha256;

use crate::options::Key;
use crate::refusal::Refusal;

#[derive(Deserialize)]
struct Header {
    alg: String,
    sign_type: String,
}

#[derive(Deserialize)]
struct Claims {
    api_key: String,
    exp: i64,
    timestamp: i64,
}

/// A timestamp below this is in seconds, not in milliseconds: it would lie in 2001.
const LEAST_MS: i64 = 1_000_000_000_000;

/// The key that the caller has: one of `keys`, or any when there are none.
///
/// # Errors
/// 1001 without a header, 1002 for a token that is none, 1003 when it has expired, 1000 for everything unknown.
pub(crate) fn caller(headers: &HeaderMap, keys: &[Key], now_ms: i64) -> Result<String, Refusal> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = header.strip_prefix("Bearer ").map(str::trim).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| Refusal::of("1001"))?;
    if token.split('.').count() == 3 {
        return signed(token, keys, now_ms);
    }
    if keys.is_empty() || keys.iter().any(|key| key.key == token) {
        return Ok(token.into());
    }
    Err(Refusal::of("1000"))
}

fn signed(token: &str, keys: &[Key], now_ms: i64) -> Result<String, Refusal> {
    let (content, signature) = token.rsplit_once('.').ok_or_else(|| Refusal::of("1002"))?;
    let (header, claims) = content.split_once('.').ok_or_else(|| Refusal::of("1002"))?;
    let header: Header = read(header)?;
    let claims: Claims = read(claims)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refusal::of("1002"))?;
    if header.alg != "HS256" || header.sign_type != "SIGN" || claims.timestamp < LEAST_MS {
        return Err(Refusal::of("1002"));
    }
    let known = keys.iter().find_map(|key| {
        let (id, secret) = key.key.split_once('.')?;
        (id == claims.api_key).then_some((key, secret))
    });
    let (key, secret) = known.ok_or_else(|| Refusal::of("1000"))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(content.as_bytes());
    mac.verify_slice(&signature).map_err(|_| Refusal::of("1000"))?;
    // An expiry in seconds lies in the past, as it does for the service.
    if claims.exp <= now_ms {
        return Err(Refusal::of("1003"));
    }
    Ok(key.key.clone())
}

fn read<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, Refusal> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::of("1002"))?;
    serde_json::from_slice(&json).map_err(|_| Refusal::of("1002"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    fn token(header: &str, claims: &str, secret: &str) -> String {
        let content = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(content.as_bytes());
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn ask(header: Option<&str>, keys: &[&str]) -> Result<String, String> {
        let keys: Vec<Key> = keys.iter().map(|key| Key::new(key)).collect();
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(AUTHORIZATION, header.parse().unwrap());
        }
        caller(&headers, &keys, NOW).map_err(|refusal| refusal.code.unwrap())
    }

    #[test]
    fn keys_and_tokens_are_known_or_refused_by_their_code() {
        const SIGN: &str = r#"{"alg":"HS256","sign_type":"SIGN","typ":"JWT"}"#;
        let claims =
            |id: &str, exp: i64, timestamp: i64| format!(r#"{{"api_key":"{id}","exp":{exp},"timestamp":{timestamp}}}"#);
        let good = claims("id", NOW + 1, NOW);
        let bearer = |token: String| Some(format!("Bearer {token}"));
        let cases = [
            (None, Err("1001")),
            (Some("id.secret".to_owned()), Err("1001")),
            (Some("Bearer ".to_owned()), Err("1001")),
            (Some("Bearer id.secret".to_owned()), Ok("id.secret")),
            (Some("Bearer id.other".to_owned()), Err("1000")),
            (Some("Bearer a.b.c".to_owned()), Err("1002")),
            (bearer(token(SIGN, &good, "secret")), Ok("id.secret")),
            (bearer(token(SIGN, &good, "guess")), Err("1000")),
            (bearer(token(SIGN, &claims("who", NOW + 1, NOW), "secret")), Err("1000")),
            (bearer(token(SIGN, &claims("id", NOW, NOW - 9), "secret")), Err("1003")),
            (bearer(token(SIGN, &claims("id", NOW / 1000 + 60, NOW), "secret")), Err("1003")),
            (bearer(token(SIGN, &claims("id", NOW + 1, NOW / 1000), "secret")), Err("1002")),
            (bearer(token(r#"{"alg":"HS512","sign_type":"SIGN"}"#, &good, "secret")), Err("1002")),
            (bearer(token(r#"{"alg":"HS256"}"#, &good, "secret")), Err("1002")),
        ];
        for (header, expected) in cases {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(ask(header.as_deref(), &["id.secret"]), expected, "{header:?}");
        }
        assert_eq!(ask(Some("Bearer anykey"), &[]).as_deref(), Ok("anykey"));
    }
}
