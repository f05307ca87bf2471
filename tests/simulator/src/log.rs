//! Every request, in memory and as JSON lines.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::audio::Container;
use crate::body::length_of;
use crate::heard::Heard;

/// One request, from its last byte on. An upload that broke off is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// In the order they came in, from 1.
    pub n: u64,
    /// When its last byte was there, in milliseconds since the Unix epoch: the request counts as in flight from here.
    pub started_ms: i64,
    /// When its place was free again; nothing while it is in flight.
    pub ended_ms: Option<i64>,
    /// From its head to its last byte.
    pub upload_ms: u64,
    /// The last four characters of the caller's key; empty when it has none.
    pub key: String,
    /// The model as the caller sent it.
    pub model: Option<String>,
    /// The caller's name for this request, as sent.
    pub request_id: Option<String>,
    /// The caller's name for its user, as sent.
    pub user_id: Option<String>,
    /// Of the uploaded bytes, in lower-case hex; empty without audio.
    pub audio_sha256: String,
    /// Nothing when it is neither WAV nor MP3.
    pub audio_ms: Option<u64>,
    /// Size of the audio, base64 undone.
    pub bytes: u64,
    /// In Hz, as the audio's head says; nothing when it is neither WAV nor MP3.
    pub sample_rate: Option<u32>,
    /// By its first bytes.
    pub container: Option<Container>,
    /// The text said before, as sent.
    pub prompt: Option<String>,
    /// However they were spelled.
    pub hotwords: Vec<String>,
    /// Whether a stream was asked for.
    pub is_stream: bool,
    /// HTTP status; 0 when there was no answer, or there is none yet.
    pub status: u16,
    /// The error's code.
    pub code: Option<String>,
    /// Requests in flight for this key and model when it was let in, this one included; 0 when it was not.
    pub in_flight: usize,
    /// Whether the client went away before its answer was ready.
    pub is_client_gone: bool,
}

impl Record {
    /// What `heard` says; the rest stays empty.
    pub(crate) fn of(heard: &Heard) -> Self {
        Self {
            model: heard.model.clone(),
            request_id: heard.request_id.clone(),
            user_id: heard.user_id.clone(),
            audio_sha256: heard.audio_sha256.clone(),
            audio_ms: heard.audio_ms,
            bytes: length_of(&heard.bytes),
            sample_rate: heard.sample_rate_hz,
            container: heard.container,
            prompt: heard.prompt.clone(),
            hotwords: heard.hotwords.clone(),
            is_stream: heard.is_stream,
            ..Self::default()
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct End {
    pub(crate) ended_ms: i64,
    pub(crate) status: u16,
    pub(crate) code: Option<String>,
    pub(crate) is_client_gone: bool,
}

#[derive(Debug)]
pub(crate) struct Log {
    records: Mutex<Vec<Record>>,
    file: Option<Mutex<BufWriter<File>>>,
    /// How many requests came in so far.
    pub(crate) come: watch::Sender<usize>,
    /// How many requests have ended so far.
    pub(crate) ended: watch::Sender<usize>,
}

impl Log {
    /// Opens `file` at once: a path that cannot be written is known before the first request.
    pub(crate) fn new(file: Option<&Path>) -> std::io::Result<Self> {
        let file = file.map(File::create).transpose()?;
        Ok(Self {
            records: Mutex::default(),
            // About 1000 requests to a write.
            file: file.map(|file| Mutex::new(BufWriter::with_capacity(512 * 1024, file))),
            come: watch::Sender::default(),
            ended: watch::Sender::default(),
        })
    }

    /// Notes a request that came in; the answer is its number.
    pub(crate) fn begin(&self, record: Record) -> u64 {
        let mut records = self.records();
        let n = u64::try_from(records.len()).unwrap_or(u64::MAX - 1) + 1;
        records.push(Record { n, ..record });
        drop(records);
        self.come.send_modify(|come| *come += 1);
        n
    }

    /// Notes how request `n` ended.
    pub(crate) fn end(&self, n: u64, end: End) {
        let mut records = self.records();
        let at = usize::try_from(n).unwrap_or(usize::MAX).wrapping_sub(1);
        let Some(record) = records.get_mut(at) else { return };
        record.ended_ms = Some(end.ended_ms);
        record.status = end.status;
        record.code = end.code;
        record.is_client_gone = end.is_client_gone;
        let line = self.file.as_ref().and_then(|_| serde_json::to_vec(record).ok());
        drop(records);
        if let (Some(file), Some(mut line)) = (&self.file, line) {
            line.push(b'\n');
            // A full disk shows in the file's length; requests go on.
            let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line);
        }
        self.ended.send_modify(|ended| *ended += 1);
    }

    /// Writes down what is buffered.
    pub(crate) fn flush(&self) {
        if let Some(file) = &self.file {
            let _ = file.lock().unwrap_or_else(PoisonError::into_inner).flush();
        }
    }

    pub(crate) fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
