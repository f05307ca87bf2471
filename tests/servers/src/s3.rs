//! An S3 server of the test's own, over a folder that goes with it.

use std::path::Path;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server in this process, for as long as it lives.
#[derive(Debug)]
pub struct S3Server {
    folder: tempfile::TempDir,
    address: std::net::SocketAddr,
    serving: JoinHandle<()>,
}

impl S3Server {
    /// The only access key that it knows.
    pub const ACCESS_KEY: &str = "earmark-tests";
    /// The key's secret.
    pub const SECRET_KEY: &str = "earmark-tests-secret";

    /// Starts a server with the empty buckets `buckets`.
    pub async fn start(buckets: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("s3-").tempdir().unwrap();
        for bucket in buckets {
            std::fs::create_dir(folder.path().join(bucket)).unwrap();
        }
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(Self::ACCESS_KEY, Self::SECRET_KEY));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(serve(listener, builder.build()));
        Self { folder, address, serving }
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The folder behind it: `{bucket}/{key}`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, service: S3Service) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service.clone();
        tokio::spawn(async move {
            // A client that hangs up is the client's affair.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
