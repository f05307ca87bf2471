//! The servers of a run, all of them its own.

use std::path::{Path, PathBuf};

use earmark_servers::{PostgresServer, RedisServer, S3Server, SmallDisk};
use earmark_simulator::Simulator;
use sqlx::{AnyConnection, Connection};

use crate::scale::Outage;

/// The fleet's database in PostgreSQL.
pub const DATABASE: &str = "postgres";

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

impl Kind {
    /// Whether it has the part that this outage is of.
    pub fn has(self, outage: Outage) -> bool {
        match outage {
            Outage::Provider | Outage::FullDisk => true,
            Outage::Store | Outage::FullRedis | Outage::Redis => self != Self::Embedded,
            Outage::Database | Outage::ReadOnly => self == Self::Fleet,
        }
    }
}

/// Where recordings are and results go.
const RECORDINGS: &str = "recordings";
const RESULTS: &str = "results";
/// Room for the journal of the largest run, and little enough to be filled in a moment.
const DISK_BYTES: u64 = 128 << 20;

/// The servers, and the folder of what needs none.
pub struct Backends {
    folder: PathBuf,
    /// The journal; none where that is a file.
    pub postgres: Option<PostgresServer>,
    /// The queue and the permits; none where the journal has both.
    pub redis: Option<RedisServer>,
    /// Recordings and results; none where they lie in folders.
    pub store: Option<S3Server>,
    /// The recogniser's stand-in; none where workers compute by themselves.
    pub provider: Option<Simulator>,
    /// The disk that the journal lies on, if it is one that can be filled.
    pub disk: Option<SmallDisk>,
}

impl Backends {
    /// Starts what `kind` needs; what needs no server is in `folder`.
    pub async fn start(kind: Kind, folder: &Path) -> Self {
        let folder = folder.to_owned();
        std::fs::create_dir_all(folder.join(RECORDINGS)).unwrap();
        let provider = None;
        match kind {
            Kind::Embedded => Self { folder, postgres: None, redis: None, store: None, provider, disk: None },
            Kind::OneMachine | Kind::Fleet => Self {
                folder,
                postgres: match kind {
                    Kind::Fleet => Some(tokio::task::spawn_blocking(PostgresServer::start).await.unwrap()),
                    Kind::OneMachine | Kind::Embedded => None,
                },
                redis: Some(tokio::task::spawn_blocking(RedisServer::start).await.unwrap()),
                store: Some(S3Server::start(&[RECORDINGS, RESULTS]).await),
                provider,
                disk: None,
            },
        }
    }

    /// Lays the journal, which must not have been opened yet, on a disk that can be filled; why not, where it cannot be
    /// done.
    pub async fn move_to_small_disk(&mut self) -> Result<(), String> {
        let disk = tokio::task::spawn_blocking(|| SmallDisk::mount(DISK_BYTES)).await.unwrap()?;
        if let Some(postgres) = &self.postgres {
            let place = disk.folder().join("tables");
            std::fs::create_dir(&place).unwrap();
            postgres.own(&place);
            let mut connection = self.maintenance().await.unwrap();
            for statement in [
                format!("CREATE TABLESPACE small LOCATION '{}'", place.display()),
                format!("ALTER DATABASE {DATABASE} SET TABLESPACE small"),
            ] {
                sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
            }
        }
        self.disk = Some(disk);
        Ok(())
    }

    /// A session beside the fleet's, in a database of PostgreSQL that nobody else uses.
    pub async fn maintenance(&self) -> Result<AnyConnection, sqlx::Error> {
        sqlx::any::install_default_drivers();
        let url = self.database_url();
        AnyConnection::connect(&format!("{}/template1", url.trim_end_matches(&format!("/{DATABASE}")))).await
    }

    /// The database as sqlx opens it.
    pub fn database_url(&self) -> String {
        match &self.postgres {
            Some(postgres) => postgres.url(),
            None => {
                let folder = self.disk.as_ref().map_or(self.folder.as_path(), SmallDisk::folder);
                format!("sqlite:{}", folder.join("earmark.sqlite").display())
            }
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
