//! The `Authorization` header.

use hmac::{Hmac, Mac};
use reqwest::header::HeaderValue;
use serde_json::json;
use sha2::Sha256;

use super::options::GlmAuth;
use crate::AsrError;

/// How long a token is good for: longer than any request, and than two clocks are apart.
const TOKEN_MS: i64 = 10 * 60 * 1000;

/// `Bearer` and the key, or a token made of it at `now_ms`; none for an empty key.
///
/// # Errors
/// [`AsrError::Credentials`] for a key that no token or header can be made of.
pub(super) fn authorization(auth: GlmAuth, api_key: &str, now_ms: i64) -> Result<Option<HeaderValue>, AsrError> {
    if api_key.is_empty() {
        return Ok(None);
    }
    let unusable = |message: &str| AsrError::Credentials { code: None, message: message.into() };
    let shown = match auth {
        GlmAuth::RawKey => api_key.to_owned(),
        GlmAuth::Jwt => {
            let (id, secret) =
                api_key.split_once('.').ok_or_else(|| unusable("the key has no dot: it is `id.secret`"))?;
            token(id, secret, now_ms)
        }
    };
    let mut value = HeaderValue::from_str(&format!("Bearer {shown}"))
        .map_err(|_| unusable("the key holds characters that no header can carry"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// A JSON Web Token as the provider reads it: HS256, instants in milliseconds.
fn token(id: &str, secret: &str, now_ms: i64) -> String {
    let header = json!({"alg": "HS256", "sign_type": "SIGN"});
    let payload = json!({"api_key": id, "exp": now_ms + TOKEN_MS, "timestamp": now_ms});
    let signed = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(payload.to_string().as_bytes()));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", base64url(&mac.finalize().into_bytes()))
}

/// RFC 4648, section 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(three.get(at).copied().unwrap_or(0)));
        for place in 0..=three.len() {
            #[expect(clippy::as_conversions, reason = "six bits")]
            let letter = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(char::from(letter));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_is_that_of_rfc_4648() {
        for (bytes, expected) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64url(bytes.as_bytes()), expected);
        }
        assert_eq!(base64url(&[0xfb, 0xff, 0xfe]), "-__-");
    }

    #[test]
    fn a_token_is_signed_as_others_sign_it() {
        // printf '%s' "$head.$payload" | openssl dgst -sha256 -hmac secret -binary | basenc --base64url
        let expected = "eyJhbGciOiJIUzI1NiIsInNpZ25fdHlwZSI6IlNJR04ifQ.\
            eyJhcGlfa2V5IjoiaWQiLCJleHAiOjE4MDAwMDA2MDAwMDAsInRpbWVzdGFtcCI6MTgwMDAwMDAwMDAwMH0.\
            1JjzW5WLSzzYe8JXts8oQcgzavU4vxB3qdSoYlZKnzY";
        assert_eq!(token("id", "secret", 1_800_000_000_000), expected);
    }

    #[test]
    fn a_key_goes_as_it_is_or_signed_and_one_that_cannot_go_says_so() {
        let shown = |auth, key| authorization(auth, key, 0).unwrap().map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(shown(GlmAuth::RawKey, "id.secret").as_deref(), Some("Bearer id.secret"));
        assert_eq!(shown(GlmAuth::RawKey, ""), None);
        assert!(shown(GlmAuth::Jwt, "id.secret").unwrap().starts_with("Bearer eyJ"));
        for (auth, key) in [(GlmAuth::Jwt, "no-dot"), (GlmAuth::RawKey, "two\nlines")] {
            assert!(matches!(authorization(auth, key, 0), Err(AsrError::Credentials { .. })), "{key:?}");
        }
    }
}
