//! What lies under a prefix, page by page.

use std::collections::VecDeque;

use aws_sdk_s3::types::EncodingType;

use super::{Asked, S3, S3Error, failed};

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key in the bucket, whole.
    pub key: String,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// The store's mark for these bytes, without quotes, where the list names it.
    pub entity_tag: Option<String>,
    /// When it was written.
    pub modified_ms: i64,
}

/// A walk through the objects under a prefix, in the store's order; one page of them is held at a time.
#[derive(Debug)]
pub struct Listing {
    s3: S3,
    bucket: String,
    prefix: String,
    page: VecDeque<Listed>,
    next: Next,
}

#[derive(Debug)]
enum Next {
    Start,
    After(String),
    Nothing,
}

impl Listing {
    /// What lies in `bucket` under `prefix`; nothing is asked yet.
    pub fn new(s3: S3, bucket: &str, prefix: &str) -> Self {
        Self { s3, bucket: bucket.into(), prefix: prefix.into(), page: VecDeque::new(), next: Next::Start }
    }

    /// The next object; none at the end.
    ///
    /// # Errors
    /// [`S3Error`].
    pub async fn next(&mut self) -> Result<Option<Listed>, S3Error> {
        loop {
            if let Some(listed) = self.page.pop_front() {
                return Ok(Some(listed));
            }
            let token = match std::mem::replace(&mut self.next, Next::Nothing) {
                Next::Start => None,
                Next::After(token) => Some(token),
                Next::Nothing => return Ok(None),
            };
            self.read_page(token).await?;
        }
    }

    async fn read_page(&mut self, token: Option<String>) -> Result<(), S3Error> {
        let uri = format!("s3://{}/{}", self.bucket, self.prefix);
        let asked = Asked { uri: &uri, bucket: &self.bucket, permission: "s3:ListBucket" };
        let request = self.s3.client().await?.list_objects_v2().bucket(&self.bucket).prefix(&self.prefix);
        // XML has no way to write most control characters: such keys come percent-encoded, or not at all.
        let request = request.encoding_type(EncodingType::Url);
        let answer = request.set_continuation_token(token).send().await.map_err(|error| failed(error, asked))?;
        // Without a token there is no way on, whatever the answer says.
        self.next = match answer.next_continuation_token {
            Some(token) if answer.is_truncated == Some(true) => Next::After(token),
            Some(_) | None => Next::Nothing,
        };
        let objects = answer.contents.unwrap_or_default();
        let is_encoded = answer.encoding_type == Some(EncodingType::Url) && objects.iter().all(may_be_encoded);
        self.page = objects.into_iter().filter_map(|object| listed(object, is_encoded)).collect();
        Ok(())
    }
}

/// Whether the key of `object` can be an encoded one. Some stores say that they encode, and do not.
fn may_be_encoded(object: &aws_sdk_s3::types::Object) -> bool {
    object.key.as_ref().is_none_or(|key| key.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// `key` as it is, written by a store that encodes: `%XX` for a byte, `+` for a space, as in forms. None where it is no
/// UTF-8, which keys are.
fn decoded(key: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = after.get(..2).filter(|_| *first == b'%').and_then(|digits| {
            let digits =
                std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
            u8::from_str_radix(digits, 16).ok()
        });
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn listed(object: aws_sdk_s3::types::Object, is_encoded: bool) -> Option<Listed> {
    let key = object.key?;
    Some(Listed {
        key: if is_encoded { decoded(&key)? } else { key },
        size_bytes: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
        entity_tag: object.e_tag.map(|tag| tag.trim_matches('"').to_owned()).filter(|tag| !tag.is_empty()),
        modified_ms: object.last_modified.and_then(|at| at.to_millis().ok()).unwrap_or(i64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_as_stores_encode_them() {
        for (encoded, key) in [
            ("a/b.wav", Some("a/b.wav")),
            ("a+b%20c%2Bd.wav", Some("a b c+d.wav")),
            ("%E5%BD%95%0A1%01.wav", Some("录\n1\u{1}.wav")),
            ("100%25", Some("100%")),
            ("100%", Some("100%")),
            ("%zz%+1", Some("%zz% 1")),
            ("%FF", None),
        ] {
            assert_eq!(decoded(encoded).as_deref(), key, "{encoded}");
        }
    }
}
