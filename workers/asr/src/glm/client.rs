//! The client itself: one request for each clip, sent once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use earmark_core::{ClipText, Clock, Engine};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, Url};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::time::timeout;

use super::authorization::authorization;
use super::body::{Body, causes, timed_out, unavailable};
use super::clip_text::clip_text;
use super::fault::Fault;
use super::form::form;
use super::json_answer::{Answer, answer};
use super::options::{Billing, Dialect, GlmOptions};
use super::server_sent_events::Events;
use super::streamed_answer::Streamed;
use super::upload::encode;
use crate::{AsrError, ClipLimits, ClipRequest, Hearing, Sound, Transcriber, UploadFormat};

/// What one request takes of files that others have cut.
const LONGEST_FILE_MS: u64 = 30_000;
/// HTTP's own word for a body that is too large.
const TOO_LARGE: u16 = 413;

/// A recogniser behind `POST …/audio/transcriptions`.
pub struct GlmClient {
    client: reqwest::Client,
    url: Url,
    options: GlmOptions,
    clock: Arc<dyn Clock>,
}

impl GlmClient {
    /// Sends through `client`, which keeps the connections.
    pub fn new(client: reqwest::Client, options: GlmOptions, clock: Arc<dyn Clock>) -> Self {
        let mut url = options.base_url.clone();
        let path = format!("{}/audio/transcriptions", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Self { client, url, options, clock }
    }

    fn check_length(&self, sound: &Sound) -> Result<(), AsrError> {
        let max_ms = match sound {
            Sound::Samples { .. } => self.options.max_clip_ms,
            Sound::File { .. } => self.options.max_clip_ms.max(LONGEST_FILE_MS),
        };
        let length_ms = sound.duration_ms();
        if length_ms > max_ms { Err(AsrError::TooLong { length_ms, max_ms }) } else { Ok(()) }
    }

    fn check_size(&self, bytes: usize) -> Result<(), AsrError> {
        let most = self.options.max_bytes;
        if bytes <= most {
            return Ok(());
        }
        let message = format!("the clip has {bytes} bytes, at most {most} go up");
        Err(AsrError::Rejected { status: TOO_LARGE, code: None, message })
    }

    async fn ask(
        &self,
        request: &ClipRequest,
        file: bytes::Bytes,
        format: UploadFormat,
        hearing: &dyn Hearing,
    ) -> Result<Answer, AsrError> {
        let now_ms = self.clock.now_ms();
        let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        if let Some(authorization) = authorization(self.options.auth, &self.options.api_key, now_ms)? {
            headers.insert(AUTHORIZATION, authorization);
        }
        if self.options.dialect == Dialect::OpenAi
            && let Ok(id) = HeaderValue::from_str(&request.request_id)
        {
            headers.insert("x-request-id", id);
        }
        let form = form(&self.options, request, file, format)?;
        let limit = self.options.timeouts.first_byte;
        // A second one would be paid for as well. The form is a stream, which nothing below can send twice.
        let sending = self.client.post(self.url.clone()).headers(headers).multipart(form).send();
        let response = timeout(limit, sending)
            .await
            .map_err(|_| timed_out(format!("no answer within {} s", limit.as_secs_f32())))?
            .map_err(|error| unavailable(causes(error)))?;
        let retry_after = retry_after(response.headers(), now_ms);
        self.read(response, hearing).await.map_err(|error| match error {
            Unread::Fault(fault) => fault.into_error(retry_after, now_ms),
            Unread::Broken(error) => error,
        })
    }

    async fn read(&self, response: Response, hearing: &dyn Hearing) -> Result<Answer, Unread> {
        let status = response.status().as_u16();
        let is_event_stream = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().to_ascii_lowercase().starts_with(b"text/event-stream"));
        let mut body = Body::new(response, self.options.timeouts.idle);
        if !(200..300).contains(&status) {
            return Err(Fault::of_answer(status, &body.complaint().await).into());
        }
        let mut start = Vec::new();
        let is_stream = loop {
            let piece = body.next().await?;
            start.extend_from_slice(piece.as_deref().unwrap_or_default());
            match looks_like_stream(&start, is_event_stream) {
                Some(is_stream) => break is_stream,
                None if piece.is_none() => break false,
                None => {}
            }
        };
        if is_stream {
            return stream(body, &start, hearing).await;
        }
        let whole = body.rest(start).await?;
        let whole = whole.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&whole);
        let understood = serde_json::from_slice(whole).ok().and_then(|value| answer(&value));
        understood.ok_or_else(|| unavailable(not_understood(whole)))?.map_err(Unread::Fault)
    }
}

#[async_trait]
impl Transcriber for GlmClient {
    fn engine(&self) -> Engine {
        let name = match self.options.dialect {
            Dialect::Glm => "glm",
            Dialect::OpenAi => "openai",
        };
        let host = self.url.host_str().unwrap_or_default();
        Engine {
            name: name.into(),
            model: self.options.model.clone(),
            version: self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
        }
    }

    fn limits(&self) -> ClipLimits {
        ClipLimits { max_ms: self.options.max_clip_ms, in_flight: self.options.in_flight.max(1), takes_files: true }
    }

    async fn prepare(&self, request: ClipRequest) -> Result<ClipRequest, AsrError> {
        self.check_length(&request.sound)?;
        let (samples, source_rate_hz) = match &request.sound {
            Sound::Samples { samples, source_rate_hz } => (Arc::clone(samples), *source_rate_hz),
            Sound::File { bytes, .. } => {
                self.check_size(bytes.len())?;
                return Ok(request);
            }
        };
        if samples.is_empty() {
            return Ok(request);
        }
        let duration_ms = request.sound.duration_ms();
        let upload = encode(&self.options, samples, source_rate_hz).await?;
        self.check_size(upload.bytes.len())?;
        let sound = Sound::File { bytes: upload.bytes, format: upload.format, duration_ms };
        Ok(ClipRequest { sound, loudness_db: Some(upload.loudness_db), ..request })
    }

    fn billed_ms(&self, duration_ms: u64) -> u64 {
        match self.options.billing {
            Billing::PerMillisecond => duration_ms,
            Billing::PerSecond => duration_ms.div_ceil(1000) * 1000,
        }
    }

    async fn transcribe(&self, request: ClipRequest, hearing: &dyn Hearing) -> Result<ClipText, AsrError> {
        let request = self.prepare(request).await?;
        let duration_ms = request.sound.duration_ms();
        let Sound::File { bytes, format, .. } = &request.sound else {
            // Without a sample there is nothing to ask.
            return Ok(clip_text(&Answer::default(), &request, 0, 0));
        };
        let limit = self.options.timeouts.whole;
        let answer = timeout(limit, self.ask(&request, bytes.clone(), *format, hearing))
            .await
            .map_err(|_| timed_out(format!("the answer was not whole within {} s", limit.as_secs_f32())))??;
        Ok(clip_text(&answer, &request, duration_ms, self.billed_ms(duration_ms)))
    }
}

/// Why an answer gave no text.
enum Unread {
    /// The provider says so.
    Fault(Fault),
    /// It did not come whole.
    Broken(AsrError),
}

impl From<Fault> for Unread {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<AsrError> for Unread {
    fn from(error: AsrError) -> Self {
        Self::Broken(error)
    }
}

/// The text of a stream that begins with `start`.
async fn stream(mut body: Body, start: &[u8], hearing: &dyn Hearing) -> Result<Answer, Unread> {
    let mut events = Events::default();
    let mut streamed = Streamed::default();
    let mut arrived = events.push(start);
    loop {
        for event in &arrived {
            if streamed.take(event)? {
                hearing.so_far(streamed.so_far());
            }
        }
        if streamed.is_ended() {
            body.finish().await;
            break;
        }
        match body.next().await? {
            Some(piece) => arrived = events.push(&piece),
            None => break,
        }
    }
    let text = streamed.into_text().ok_or_else(|| unavailable("the stream ended before the text did".into()))?;
    Ok(Answer { text, parts: Vec::new() })
}

/// Whether an answer that begins with `start` is a stream of events; none while that cannot be told. The bytes decide,
/// the content type only where they leave doubt: providers send either under the other's name.
fn looks_like_stream(start: &[u8], is_event_stream: bool) -> Option<bool> {
    const FIELDS: [&[u8]; 5] = [b":", b"data", b"event", b"id", b"retry"];
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    if start.is_empty() {
        return None;
    }
    if start[0] == b'{' {
        return Some(false);
    }
    if is_event_stream || FIELDS.iter().any(|field| start.starts_with(field)) {
        return Some(true);
    }
    let may_become = FIELDS.iter().any(|field| field.starts_with(start));
    (!may_become).then_some(false)
}

fn not_understood(body: &[u8]) -> String {
    let kind = match body.trim_ascii_start().first() {
        None => "is empty",
        Some(b'<') => "is a page for browsers",
        Some(b'{') => "has no text in it",
        Some(_) => "is no JSON",
    };
    format!("the answer {kind} ({} bytes)", body.len())
}

/// How long the provider asks to wait: seconds, or an instant.
fn retry_after(headers: &HeaderMap, now_ms: i64) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(secs) = value.parse::<u32>() {
        return Some(Duration::from_secs(secs.into()));
    }
    let instant = OffsetDateTime::parse(value, &Rfc2822).ok()?;
    let wait_ms = instant.unix_timestamp().checked_mul(1000)?.checked_sub(now_ms)?;
    u64::try_from(wait_ms).ok().map(Duration::from_millis)
}
