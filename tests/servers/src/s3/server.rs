//! The server: s3s-fs in this process, over a folder, with faults before it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use hyper::header::{ETAG, IF_MATCH, RANGE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use s3s::HttpError;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::body::SentBody;
use super::faults::Faults;
use super::tagged::Tagged;

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `GET`, `PUT`, …
    pub method: String,
    /// `/bucket/key`, as it was written.
    pub path: String,
    /// The query, empty where there is none.
    pub query: String,
    /// The part asked for.
    pub range: Option<String>,
    /// How it was answered.
    pub status: u16,
}

/// A server in this process, for as long as it lives.
#[derive(Debug)]
pub struct S3Server {
    folder: PathBuf,
    _own_folder: Option<tempfile::TempDir>,
    address: std::net::SocketAddr,
    faults: Faults,
    seen: Seen,
    service: Service,
    serving: JoinHandle<()>,
}

/// What answers.
#[derive(Clone)]
struct Service(S3Service);

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("s3s-fs")
    }
}

/// What came and what went.
#[derive(Debug, Clone, Default)]
struct Seen {
    requests: Arc<Mutex<Vec<Asked>>>,
    sent_bytes: Arc<AtomicU64>,
}

impl S3Server {
    /// The only access key that it knows.
    pub const ACCESS_KEY: &str = "earmark-tests";
    /// The key's secret.
    pub const SECRET_KEY: &str = "earmark-tests-secret";

    /// Starts a server with the empty buckets `buckets`, over a folder that goes with it.
    pub async fn start(buckets: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("s3-").tempdir().unwrap();
        let mut server = Self::start_over(folder.path(), buckets, "127.0.0.1:0").await;
        server._own_folder = Some(folder);
        server
    }

    /// Starts a server over what lies in `folder`, with the buckets `buckets` beside what is there, on `address`.
    pub async fn start_over(folder: &Path, buckets: &[&str], address: &str) -> Self {
        for bucket in buckets {
            std::fs::create_dir_all(folder.join(bucket)).unwrap();
        }
        let mut builder = S3ServiceBuilder::new(Tagged(s3s_fs::FileSystem::new(folder).unwrap()));
        builder.set_auth(SimpleAuth::from_single(Self::ACCESS_KEY, Self::SECRET_KEY));
        let listener = TcpListener::bind(address).await.unwrap();
        let (faults, seen) = (Faults::default(), Seen::default());
        let address = listener.local_addr().unwrap();
        let service = Service(builder.build());
        let serving = tokio::spawn(serve(listener, service.0.clone(), faults.clone(), seen.clone()));
        Self { folder: folder.into(), _own_folder: None, address, faults, seen, service, serving }
    }

    /// Goes away as a failing machine would: connections break, and new ones are refused. What lies there stays.
    pub async fn stop(&mut self) {
        self.serving.abort();
        while !self.serving.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    /// Comes back on the same port, with all that was there.
    pub async fn start_again(&mut self) {
        // A client that looks for the server may have its port as its own for a moment.
        let listener = crate::within("an S3 server on its old port", async {
            loop {
                match TcpListener::bind(self.address).await {
                    Ok(listener) => return listener,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        });
        let (service, faults, seen) = (self.service.0.clone(), self.faults.clone(), self.seen.clone());
        self.serving = tokio::spawn(serve(listener.await, service, faults, seen));
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The folder behind it: `{bucket}/{key}`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts an object there without asking the server; it has no checksum then.
    pub fn lay(&self, bucket: &str, key: &str, bytes: &[u8]) {
        let path = self.folder.join(bucket).join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Whole or not at all: the server may be asked for it meanwhile.
        let writing = self.folder.join(".laying");
        std::fs::write(&writing, bytes).unwrap();
        std::fs::rename(writing, path).unwrap();
    }

    /// The keys of all objects in `bucket`, in order.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let mut keys = Vec::new();
        walk(&self.folder.join(bucket), "", &mut keys);
        keys.sort();
        keys
    }

    /// What goes wrong with it.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The requests that came since the last call, in the order of their answers.
    pub fn take_requests(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.seen.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Bytes of all answers' bodies so far.
    pub fn sent_bytes(&self) -> u64 {
        self.seen.sent_bytes.load(Ordering::Relaxed)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn walk(folder: &Path, above: &str, keys: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let key = format!("{above}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{key}/"), keys);
        } else {
            keys.push(key);
        }
    }
}

async fn serve(listener: TcpListener, service: S3Service, faults: Faults, seen: Seen) {
    // They end with the server.
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted.unwrap(),
            Some(_) = connections.join_next() => continue,
        };
        let (service, faults, seen) = (service.clone(), faults.clone(), seen.clone());
        connections.spawn(async move {
            let answering = service_fn(|request| answer(&service, &faults, &seen, request));
            // A client that hangs up is the client's affair.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answering).await;
        });
    }
}

async fn answer(
    service: &S3Service,
    faults: &Faults,
    seen: &Seen,
    request: Request<Incoming>,
) -> Result<Response<SentBody>, HttpError> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (range, if_match) = (header(RANGE), header(IF_MATCH));
    let is_get = request.method() == Method::GET;
    let mut asked = Asked {
        method: request.method().to_string(),
        path: request.uri().path().into(),
        query: request.uri().query().unwrap_or_default().into(),
        range,
        status: 0,
    };
    let answer = match faults.answer() {
        Some((status, code)) => refusal(status, &code),
        None => {
            let answer = service.call(request.map(s3s::Body::from)).await?;
            let tag = answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
            // s3s-fs does not look at the condition of a GET.
            let is_other = is_get && if_match.is_some() && if_match.as_deref() != tag && !faults.is_blind();
            if is_other { refusal(412, "PreconditionFailed") } else { answer }
        }
    };
    asked.status = answer.status().as_u16();
    // Of an object, not of a list.
    let is_object = is_get && answer.status().is_success() && answer.headers().contains_key(ETAG);
    seen.requests.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    let (head, body) = answer.into_parts();
    let length = head.headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let fault = if is_object { faults.body(length.unwrap_or(0)) } else { None };
    Ok(Response::from_parts(head, SentBody::new(body, fault, seen.sent_bytes.clone())))
}

fn refusal(status: u16, code: &str) -> Response<s3s::Body> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>as the test wants it</Message></Error>"
    );
    let answer = Response::builder().status(status).header("content-type", "application/xml");
    answer.body(s3s::Body::from(text)).unwrap()
}
