//! The servers of a run, all of them its own.

use std::path::{Path, PathBuf};

use earmark_servers::{PostgresServer, RedisServer, S3Server};

/// What the fleet runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SQLite, a queue in it, folders: one machine.
    Embedded,
    /// SQLite, Redis, S3: one machine with a queue that others write to.
    OneMachine,
    /// PostgreSQL, Redis, S3.
    Fleet,
}

/// Where recordings are and results go.
const RECORDINGS: &str = "recordings";
const RESULTS: &str = "results";

/// The servers, and the folder of what needs none.
pub struct Backends {
    folder: PathBuf,
    /// The journal; none where that is a file.
    pub postgres: Option<PostgresServer>,
    /// The queue and the permits; none where the journal has both.
    pub redis: Option<RedisServer>,
    /// Recordings and results; none where they lie in folders.
    pub store: Option<S3Server>,
}

impl Backends {
    /// Starts what `kind` needs; what needs no server is in `folder`.
    pub async fn start(kind: Kind, folder: &Path) -> Self {
        let folder = folder.to_owned();
        std::fs::create_dir_all(folder.join(RECORDINGS)).unwrap();
        match kind {
            Kind::Embedded => Self { folder, postgres: None, redis: None, store: None },
            Kind::OneMachine | Kind::Fleet => Self {
                folder,
                postgres: match kind {
                    Kind::Fleet => Some(tokio::task::spawn_blocking(PostgresServer::start).await.unwrap()),
                    Kind::OneMachine | Kind::Embedded => None,
                },
                redis: Some(tokio::task::spawn_blocking(RedisServer::start).await.unwrap()),
                store: Some(S3Server::start(&[RECORDINGS, RESULTS]).await),
            },
        }
    }

    /// The database as sqlx opens it.
    pub fn database_url(&self) -> String {
        match &self.postgres {
            Some(postgres) => postgres.url(),
            None => format!("sqlite:{}", self.folder.join("earmark.sqlite").display()),
        }
    }

    /// What earmark is told about them.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![("EARMARK__DATABASE__URL", self.database_url())];
        if let Some(redis) = &self.redis {
            settings.push(("EARMARK__QUEUE__URL", redis.url()));
        }
        match &self.store {
            Some(store) => settings.extend([
                ("EARMARK__STORAGE__OUTPUT", format!("s3://{RESULTS}/out")),
                ("EARMARK__STORAGE__S3_ENDPOINT", store.endpoint()),
                ("AWS_ACCESS_KEY_ID", S3Server::ACCESS_KEY.into()),
                ("AWS_SECRET_ACCESS_KEY", S3Server::SECRET_KEY.into()),
                ("AWS_REGION", "us-east-1".into()),
                ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ]),
            None => settings.push(("EARMARK__STORAGE__OUTPUT", self.folder.join(RESULTS).display().to_string())),
        }
        settings
    }

    /// Lays a recording there; its URI.
    pub fn lay(&self, name: &str, bytes: &[u8]) -> String {
        let (folder, uri) = match &self.store {
            Some(store) => (store.folder().join(RECORDINGS), format!("s3://{RECORDINGS}/{name}")),
            None => {
                let folder = self.folder.join(RECORDINGS);
                let uri = format!("file://{}", folder.join(name).display());
                (folder, uri)
            }
        };
        std::fs::write(folder.join(name), bytes).unwrap();
        uri
    }

    /// Where the bytes of an artifact lie, for whoever looks from outside.
    pub fn file_of(&self, uri: &str) -> PathBuf {
        match (&self.store, uri.strip_prefix("s3://")) {
            (Some(store), Some(path)) => store.folder().join(path),
            _ => PathBuf::from(uri.strip_prefix("file://").unwrap_or(uri)),
        }
    }

    /// All files among the results.
    pub fn results(&self) -> Vec<PathBuf> {
        let folder = match &self.store {
            Some(store) => store.folder().join(RESULTS),
            None => self.folder.join(RESULTS),
        };
        let mut files = Vec::new();
        walk(&folder, &mut files);
        files
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // The store's own notes lie beside the objects, under names with a dot.
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}
