//! What lies under a prefix, page by page.

use std::collections::VecDeque;

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
        let answer = request.set_continuation_token(token).send().await.map_err(|error| failed(error, asked))?;
        // Without a token there is no way on, whatever the answer says.
        self.next = match answer.next_continuation_token {
            Some(token) if answer.is_truncated == Some(true) => Next::After(token),
            Some(_) | None => Next::Nothing,
        };
        self.page = answer.contents.unwrap_or_default().into_iter().filter_map(listed).collect();
        Ok(())
    }
}

fn listed(object: aws_sdk_s3::types::Object) -> Option<Listed> {
    Some(Listed {
        key: object.key?,
        size_bytes: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
        entity_tag: object.e_tag.map(|tag| tag.trim_matches('"').to_owned()).filter(|tag| !tag.is_empty()),
        modified_ms: object.last_modified.and_then(|at| at.to_millis().ok()).unwrap_or(i64::MAX),
    })
}
