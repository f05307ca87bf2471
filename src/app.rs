//! The composition root: settings in, working parts out. The only file that names concrete back ends.

mod handler;
mod settings;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use earmark_audio::segment::SpeechModel;
use earmark_core::{Clock, SystemClock, WorkerId};
use earmark_journal::{
    Accounts as AccountStates, AuditLog, Database, Journal, JournalError, MigrationReport, Outbox, Places, ResultStore,
    RuleSets, SqlAuditLog, SqlResults, Usage, Watch, WorkerInfo,
};
use earmark_notify::{Delivery, Webhook};
use earmark_objects::{
    ArtifactStore, FileArtifacts, HttpOptions, Listing, Recordings, S3, S3Artifacts, check_folder, http_client,
};
use earmark_permits::{Pool, PoolOptions, RedisStore, SqlStore};
use earmark_pipeline::{Isolation, Ledger, Pipeline, Progress, ProviderAccounts, RuleBook, RunningAttempts, Settings};
use earmark_queue::{AttemptRunner, Backoff, Broker, Finding, Handler, JournalQueue, Queue, Worker, WorkerOptions};
use earmark_rules::RuleSet;
use futures::future::join_all;
use tokio::sync::Semaphore;

use crate::config::{BUILT_IN, CommandError, Config, Hidden, Output, cores, locate};
use crate::engines::{self, AccountParts, EngineSetup};
use handler::JobHandler;

pub use crate::engines::Loading;

/// Longest wait between two tries.
const LONGEST_BACKOFF: Duration = Duration::from_secs(600);

/// How long a receiver of webhooks may take.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(10);

/// How a database is that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundDatabase {
    /// There, with this program's schema.
    Current,
    /// Not there yet, or empty.
    ToMake {
        /// Where it is to lie.
        place: String,
    },
    /// Of an earlier version.
    ToMigrate {
        /// Where it lies.
        place: String,
        /// Its schema.
        from: i64,
        /// This program's.
        to: i64,
        /// The migrations between them.
        due: Vec<String>,
    },
}

/// The parts that every command may need. The recogniser is loaded only by [`App::pipeline`].
pub struct App {
    /// The settings in force.
    pub config: Config,
    /// The clock that all parts go by.
    pub clock: Arc<dyn Clock>,
    /// The database behind the next seven fields.
    pub database: Database,
    /// What was done to it when it was opened; none where it was left as it was.
    pub migration: Option<MigrationReport>,
    /// The truth about every job.
    pub journal: Journal,
    /// Reports and findings.
    pub results: Arc<dyn ResultStore>,
    /// The record of every decision.
    pub audit: Arc<dyn AuditLog>,
    /// What is to be told outside.
    pub outbox: Outbox,
    /// Rule sets by their hash, and which is in force.
    pub rule_sets: RuleSets,
    /// What was sent and what it cost.
    pub usage: Usage,
    /// Which accounts may be used.
    pub account_states: AccountStates,
    /// Which stores, hosts and folders are away.
    pub places: Places,
    /// The object store; asked by nobody until an `s3://` is met.
    s3: S3,
    /// This process's part in the queue on Redis, where that is the queue.
    pub broker: Option<Arc<Broker>>,
    /// Permits this process may hold.
    pools: Mutex<Vec<Pool>>,
}

impl App {
    /// Opens the database, making it if it is not there, and brings it up to date.
    ///
    /// # Errors
    /// [`CommandError`] with a hint.
    pub async fn open(config: Config) -> Result<Self, CommandError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        if config.queue.is_redis() && config.database.url.expose().starts_with("sqlite::memory:") {
            return Err(CommandError::plain(
                "EARMARK__QUEUE__URL is a Redis and EARMARK__DATABASE__URL a database in this process's memory",
                Some(
                    "jobs that lie in Redis outlive the process: use a database that does too, or sqlite: as the queue",
                ),
            ));
        }
        let database =
            Database::open_with(config.database.url.expose(), &settings::database(&config.database), clock.clone())
                .await?;
        let migration = database.migrate().await?;
        let app = Self::of(config, clock, database)?;
        Ok(Self { migration: (migration.from != migration.to).then_some(migration), ..app })
    }

    /// Opens what is there, to look at it, and says how the database is; makes nothing and brings nothing up to date. In
    /// place of a database that this program has still to make or to bring up to date there is an empty one in memory.
    ///
    /// # Errors
    /// [`CommandError`] with a hint.
    pub async fn open_to_look(mut config: Config) -> Result<(Self, FoundDatabase), CommandError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let options = settings::database(&config.database);
        let found = match Database::open_existing_with(config.database.url.expose(), &options, clock.clone()).await {
            Ok(database) => return Ok((Self::of(config, clock, database)?, FoundDatabase::Current)),
            // A server's database is made by its owner.
            Err(JournalError::Missing { place }) if config.database.url.expose().starts_with("sqlite:") => {
                FoundDatabase::ToMake { place }
            }
            Err(JournalError::Older { place, found: 0, .. }) => FoundDatabase::ToMake { place },
            Err(JournalError::Older { place, found, known }) => {
                FoundDatabase::ToMigrate { place, from: found, to: known, due: Database::migrations_after(found) }
            }
            Err(error) => return Err(error.into()),
        };
        config.database.url = Hidden::new("sqlite::memory:".into());
        let database = Database::open_with(config.database.url.expose(), &options, clock.clone()).await?;
        database.migrate().await?;
        Ok((Self::of(config, clock, database)?, found))
    }

    /// Opens a database that is there and up to date, and makes nothing.
    ///
    /// # Errors
    /// [`CommandError`] with a hint.
    pub async fn open_existing(config: Config) -> Result<Self, CommandError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = Database::open_existing_with(
            config.database.url.expose(),
            &settings::database(&config.database),
            clock.clone(),
        )
        .await?;
        Self::of(config, clock, database)
    }

    fn of(config: Config, clock: Arc<dyn Clock>, database: Database) -> Result<Self, CommandError> {
        let journal = journal(&config, &database);
        let broker = match config.queue.is_redis() {
            true => Some(Arc::new(Broker::open(
                config.queue.url.expose(),
                journal.clone(),
                settings::look(&config, settings::Door::Redis),
            )?)),
            false => None,
        };
        Ok(Self {
            s3: S3::new(settings::s3(&config)),
            clock,
            journal,
            broker,
            results: Arc::new(SqlResults::new(database.clone())),
            audit: Arc::new(SqlAuditLog::new(database.clone())),
            outbox: Outbox::new(database.clone()),
            rule_sets: RuleSets::new(database.clone()),
            usage: Usage::new(database.clone()),
            account_states: AccountStates::new(database.clone()),
            places: Places::new(database.clone()),
            pools: Mutex::default(),
            migration: None,
            database,
            config,
        })
    }

    /// What those may see of recordings who offer them over HTTP.
    pub fn look_of_http(&self) -> earmark_intake::Look {
        settings::look(&self.config, settings::Door::Http)
    }

    /// This process, as the audit log names it.
    pub fn actor(&self) -> String {
        let WorkerInfo { host, pid, .. } = self.worker_info();
        format!("process:{host}/{pid}")
    }

    /// What jobs are judged by: `rules`, until others are swapped in, and kept sets that jobs name.
    pub fn rule_book(&self, rules: Arc<RuleSet>) -> Arc<RuleBook> {
        Arc::new(RuleBook::new(rules, self.rule_sets.clone()))
    }

    /// The engine in use, as it is configured.
    pub fn engine(&self) -> Box<dyn EngineSetup + '_> {
        engines::of(&self.config)
    }

    /// The accounts of the engine in use, each with its permits.
    ///
    /// # Errors
    /// [`CommandError`] naming the file or the setting that is missing, or the store of the permits that is not there.
    pub async fn accounts(&self, loading: Loading) -> Result<ProviderAccounts, CommandError> {
        let shared_permits = |options| self.pool(options);
        let parts = AccountParts { ledger: self.ledger(), clock: self.clock.clone(), shared_permits: &shared_permits };
        self.engine().open(&parts, loading).await
    }

    /// Where permits are kept, for people, and what is not as it should be there.
    ///
    /// # Errors
    /// [`CommandError`] when it cannot be reached.
    pub async fn permits_place(&self) -> Result<(String, Vec<Finding>), CommandError> {
        let url = self.permits_url();
        if url.starts_with("sqlite:") {
            return Ok((self.database.place(), Vec::new()));
        }
        Ok(("Redis".into(), RedisStore::open(url, BUILT_IN)?.examine().await?))
    }

    /// Looks at the queue's server before anything is begun, and takes the queue for this database.
    ///
    /// # Errors
    /// [`CommandError`] when that server never works, or the queue is another database's. One that is away, or may be
    /// mended, is waited for.
    pub async fn prepare_queue(&self) -> Result<(), CommandError> {
        let Some(broker) = &self.broker else { return Ok(()) };
        for problem in broker.prepare().await.map_err(CommandError::usage)? {
            tracing::warn!(code = %problem.code, hint = problem.hint, "{}", problem.message);
        }
        Ok(())
    }

    fn permits_url(&self) -> &str {
        self.config.asr.permits_url.as_ref().unwrap_or(&self.config.queue.url).expose()
    }

    /// Permits where all processes of the account find them.
    fn pool(&self, options: PoolOptions) -> Result<Pool, CommandError> {
        let url = self.permits_url();
        let pool = if url.starts_with("sqlite:") {
            Pool::on(SqlStore::new(self.database.clone(), &options.key), options)
        } else {
            Pool::on(RedisStore::open(url, &options.key)?, options)
        };
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).push(pool.clone());
        Ok(pool)
    }

    /// Where requests are booked.
    pub fn ledger(&self) -> Arc<Ledger> {
        let accounts = &self.config.accounts;
        let budgets = accounts.budgets.iter();
        Arc::new(Ledger {
            journal: self.journal.clone(),
            usage: self.usage.clone(),
            states: self.account_states.clone(),
            clock: self.clock.clone(),
            day_offset: accounts.day_begins,
            budget: settings::budget(accounts.budget_cny_per_day),
            budgets: budgets.map(|(tenant, yuan)| (tenant.clone(), settings::budget(*yuan))).collect(),
        })
    }

    /// A pipeline with the recogniser loaded.
    ///
    /// # Errors
    /// As [`accounts`](Self::accounts).
    pub async fn pipeline(&self, rules: Arc<RuleSet>, progress: Arc<dyn Progress>) -> Result<Pipeline, CommandError> {
        self.pipeline_with(self.accounts(Loading::Now).await?, self.rule_book(rules), progress)
    }

    /// A pipeline on `accounts`.
    ///
    /// # Errors
    /// [`CommandError`] naming the file that is missing, with a hint.
    pub fn pipeline_with(
        &self,
        accounts: ProviderAccounts,
        rules: Arc<RuleBook>,
        progress: Arc<dyn Progress>,
    ) -> Result<Pipeline, CommandError> {
        let speech = Arc::new(SpeechModel::load(&locate::speech_model(&self.config)?)?);
        // A folder is looked at once, here; a bucket that cannot be written today may be tomorrow, and its jobs wait.
        if let Output::Folder(folder) = &self.config.storage.output {
            check_folder(folder)?;
        }
        Ok(Pipeline {
            recordings: Arc::new(self.recordings()),
            journal: self.journal.clone(),
            results: self.results.clone(),
            artifacts: self.artifacts(),
            accounts,
            cores: Arc::new(Semaphore::new(cores())),
            places: self.places.clone(),
            isolation: Isolation::default(),
            speech,
            rules,
            clock: self.clock.clone(),
            progress,
            running: RunningAttempts::default(),
            settings: self.pipeline_settings()?,
        })
    }

    /// What the pipeline is told of the settings.
    ///
    /// # Errors
    /// [`CommandError`] when there is no folder for temporary files.
    pub fn pipeline_settings(&self) -> Result<Settings, CommandError> {
        settings::pipeline(&self.config)
    }

    /// Where artifacts are written.
    pub fn artifacts(&self) -> Arc<dyn ArtifactStore> {
        match &self.config.storage.output {
            Output::Folder(folder) => Arc::new(FileArtifacts::new(folder)),
            Output::S3 { bucket, prefix } => Arc::new(self.s3_artifacts(bucket, prefix)),
        }
    }

    /// Artifacts in a bucket, whose keys begin with `prefix`.
    pub fn s3_artifacts(&self, bucket: &str, prefix: &str) -> S3Artifacts {
        S3Artifacts::new(self.s3.clone(), bucket, prefix, settings::sse(&self.config))
    }

    /// Where recordings come from, and what describes them.
    pub fn recordings(&self) -> Recordings {
        Recordings::new(self.s3.clone()).within(settings::file_roots(&self.config))
    }

    /// What lies under a prefix of a bucket.
    pub fn listing(&self, bucket: &str, prefix: &str) -> Listing {
        Listing::new(self.s3.clone(), bucket, prefix)
    }

    /// What empties the outbox to the configured receiver; none where nobody is to be told.
    ///
    /// # Errors
    /// [`CommandError`] when HTTPS cannot be set up.
    pub fn delivery(&self) -> Result<Option<Delivery>, CommandError> {
        let notify = &self.config.notify;
        let Some(url) = &notify.url else { return Ok(None) };
        // The receiver was named by whoever runs earmark, so it may well stand in the same house.
        let options = HttpOptions {
            connect_timeout: NOTIFY_TIMEOUT,
            read_timeout: NOTIFY_TIMEOUT,
            timeout: Some(NOTIFY_TIMEOUT),
            allow_private: true,
        };
        let client = http_client(&options).map_err(|error| CommandError::internal(&error))?;
        let webhook =
            Webhook::new(client, url.expose().clone(), notify.secret.as_ref().map(|secret| secret.expose().clone()));
        let poll = Duration::from_millis(self.config.worker.poll_ms);
        Ok(Some(Delivery { outbox: self.outbox.clone(), notifier: Arc::new(webhook), clock: self.clock.clone(), poll }))
    }

    /// What looks at the queue as a whole.
    pub fn watch(&self) -> Watch {
        Watch::new(self.journal.clone(), settings::alert_limits(&self.config.alerts), self.actor())
    }

    /// This process, as other processes see it.
    pub fn worker_info(&self) -> WorkerInfo {
        WorkerInfo {
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            pid: std::process::id(),
            slots: u32::try_from(self.slots()).unwrap_or(u32::MAX),
        }
    }

    /// Tries made with `pipeline`, settled in the journal.
    pub fn attempts(&self, pipeline: Pipeline) -> Arc<AttemptRunner> {
        let worker = &self.config.worker;
        let handler: Arc<dyn Handler> =
            Arc::new(JobHandler::new(pipeline, Duration::from_secs(self.config.storage.signature_wait_secs)));
        let backoff = Backoff { first: Duration::from_millis(worker.backoff_ms), longest: LONGEST_BACKOFF };
        let (lease, timeout) = (Duration::from_secs(worker.lease_secs), Duration::from_secs(worker.job_timeout_secs));
        let attempts = AttemptRunner::new(
            self.journal.clone(),
            handler,
            self.clock.clone(),
            lease,
            worker.max_attempts,
            backoff,
            timeout,
        );
        Arc::new(attempts.stopping_within(Duration::from_secs(worker.stop_secs)).waking(self.places.clone()))
    }

    /// A worker on the configured queue.
    pub fn worker(&self, id: &WorkerId, attempts: Arc<AttemptRunner>) -> Worker {
        let worker = &self.config.worker;
        let poll = Duration::from_millis(worker.poll_ms);
        let lease_ms = attempts.lease_ms();
        let queue: Arc<dyn Queue> = match &self.broker {
            Some(broker) => Arc::new(broker.queue(id, self.slots(), lease_ms)),
            None => Arc::new(JournalQueue::new(self.journal.clone(), id.clone(), lease_ms, poll)),
        };
        let options = WorkerOptions { slots: self.slots(), grace: Duration::from_secs(worker.grace_secs) };
        Worker::new(id.clone(), queue, attempts, options)
    }

    /// Recordings at a time on this machine.
    pub fn slots(&self) -> usize {
        settings::slots(&self.config)
    }

    /// Gives all permits back, hands on what the queue had given, and closes the database. The first two at once, for a
    /// second at most: their servers may be away, and find out by themselves.
    pub async fn close(&self) {
        let pools = std::mem::take(&mut *self.pools.lock().unwrap_or_else(PoisonError::into_inner));
        let permits = join_all(pools.iter().map(Pool::close));
        let queue = async {
            if let Some(broker) = &self.broker {
                broker.close().await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), async { tokio::join!(permits, queue) }).await;
        self.database.close().await;
    }
}

/// The journal with the configured caps.
fn journal(config: &Config, database: &Database) -> Journal {
    let queue = &config.queue;
    let journal = Journal::new(database.clone()).with_caps(settings::caps(queue));
    if queue.is_redis() { journal.behind_streams() } else { journal }
}
