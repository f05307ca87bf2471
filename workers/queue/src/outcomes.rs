//! Ends of jobs and of entries that became none, published to producers on capped streams from what the journal keeps.

use std::sync::Arc;
use std::time::Duration;

use earmark_core::{Failure as _, Repeats, WorkerId};
use earmark_journal::{Journal, JournalError, Outcome, RejectedEntry};
use earmark_redis::LinkError;
use redis::Pipeline;
use tokio::sync::Mutex;

use crate::backoff::Backoff;
use crate::connection::Connection;
use crate::health::Part;
use crate::keys::{PUBLISHER, REJECTED, RESULTS};
use crate::ownership::Ownership;
use crate::streams::scripts;

/// About so many outcomes are kept.
const KEPT: usize = 100_000;
/// About so many entries that were not taken are kept.
const KEPT_REJECTED: usize = 10_000;
/// The state of an offer that became no job.
const REJECTED_STATE: &str = "rejected";
/// Outcomes at a time.
const BATCH: u32 = 200;
/// How often to look for jobs that ended.
const TICK: Duration = Duration::from_millis(200);
/// Waits while the journal fails; less than another process waits for this one's word.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(2) };
/// How long another process waits for the publisher after its last word.
const PUBLISHER_MS: u64 = 3_000;

/// Publishes outcomes; one in each process, of which one is at it.
pub(crate) struct OutcomePublisher {
    journal: Journal,
    connection: Connection,
    process: WorkerId,
    ownership: Arc<Ownership>,
    /// Published, and not yet marked so in the journal. One that can be read and not written would have the same outcomes
    /// published over and over, until they push all others out.
    unmarked: Mutex<Vec<String>>,
}

/// Why outcomes could not be published; they are published later.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    /// The server failed.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The journal failed.
    #[error(transparent)]
    Storage(#[from] JournalError),
}

impl OutcomePublisher {
    pub(crate) fn new(journal: Journal, connection: Connection, process: WorkerId, ownership: Arc<Ownership>) -> Self {
        Self { journal, connection, process, ownership, unmarked: Mutex::default() }
    }

    /// Publishes outcomes until dropped.
    pub(crate) async fn run(&self) {
        let (looking, mut failures) = (Repeats::default(), 0_u32);
        loop {
            self.ownership.ours().await;
            match self.publish().await {
                Ok(published) => {
                    failures = 0;
                    if let Some(over) = looking.worked() {
                        tracing::info!("told of jobs that ended again{over}");
                    }
                    if u32::try_from(published) == Ok(BATCH) {
                        // There may be more.
                        continue;
                    }
                    self.connection.health().works(Part::Outcomes);
                }
                Err(PublishError::Link(error)) => {
                    tokio::time::sleep(self.connection.failed(Part::Outcomes, &error).await).await;
                }
                Err(PublishError::Storage(error)) => {
                    failures = failures.saturating_add(1);
                    if let Some(again) = looking.failed(error.code()) {
                        tracing::warn!(%error, "could not look for jobs that ended, or note that they were told{again}");
                    }
                    tokio::time::sleep(BACKOFF.after(failures)).await;
                }
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// Publishes what is not published yet, oldest first, at most 200; gives how many. Nothing while another process
    /// does it. Where the server is full it stays in the journal.
    ///
    /// # Errors
    /// [`PublishError`]; what was published already is published again only if the server failed, or by another process.
    pub(crate) async fn publish(&self) -> Result<usize, PublishError> {
        let is_publisher = self.ownership.is_ours() && self.is_publisher().await?;
        let mut unmarked = self.unmarked.lock().await;
        self.mark(&mut unmarked).await?;
        if !is_publisher {
            return Ok(0);
        }
        let unannounced = self.journal.unannounced(BATCH).await?;
        if unannounced.is_empty() {
            return Ok(0);
        }
        let mut pipeline = redis::pipe();
        for outcome in unannounced.iter().filter_map(|message| message.outcome.as_ref()) {
            add(&mut pipeline, outcome);
        }
        for entry in unannounced.iter().filter_map(|message| message.rejected.as_ref()) {
            add_rejected(&mut pipeline, entry);
        }
        if !pipeline.is_empty() {
            self.connection.send::<()>(&pipeline).await?;
        }
        *unmarked = unannounced.into_iter().map(|message| message.id).collect();
        let published = unmarked.len();
        self.mark(&mut unmarked).await?;
        Ok(published)
    }

    /// Marks in the journal that `unmarked` were published; they are kept where that fails.
    async fn mark(&self, unmarked: &mut Vec<String>) -> Result<(), JournalError> {
        if !unmarked.is_empty() {
            self.journal.announced(unmarked).await?;
            unmarked.clear();
        }
        Ok(())
    }

    async fn is_publisher(&self) -> Result<bool, LinkError> {
        let mut call = scripts::PUBLISHER.key(PUBLISHER);
        call.arg(self.process.as_str()).arg(PUBLISHER_MS);
        self.connection.run(&call).await
    }
}

/// Adds an entry for each entry of the intake that `outcome` answers; one without a name for a job that came another way.
pub(crate) fn add(pipeline: &mut Pipeline, outcome: &Outcome) {
    let none = [String::new()];
    let intakes = if outcome.intake_ids.is_empty() { &none[..] } else { &outcome.intake_ids[..] };
    for intake_id in intakes {
        add_entry(
            pipeline,
            &[
                ("intake_id", intake_id.as_str()),
                ("job_id", outcome.job_id.as_str()),
                ("tenant", outcome.tenant.as_str()),
                ("key", outcome.key.as_deref().unwrap_or_default()),
                ("state", outcome.state.as_str()),
                ("report_uri", outcome.report_uri.as_deref().unwrap_or_default()),
                ("held", if outcome.is_held { "true" } else { "" }),
                ("error_code", outcome.error_code.as_deref().unwrap_or_default()),
            ],
        );
    }
}

/// Puts an entry that was not taken aside, with the reason, and tells its producer: without a job, for there is none for
/// it, and the one that has its key is not its own.
pub(crate) fn add_rejected(pipeline: &mut Pipeline, entry: &RejectedEntry) {
    pipeline.cmd("XADD").arg(REJECTED).arg("MAXLEN").arg("~").arg(KEPT_REJECTED).arg("*");
    for (name, value) in &entry.fields {
        pipeline.arg(name.as_bytes()).arg(value.as_bytes());
    }
    pipeline.arg("intake_id").arg(&entry.intake_id).arg("code").arg(&entry.code).arg("reason").arg(&entry.reason);
    if let Some(job) = &entry.job {
        pipeline.arg("job").arg(job);
    }
    pipeline.ignore();
    let outcome = [
        ("intake_id", entry.intake_id.as_str()),
        ("job_id", ""),
        ("tenant", entry.tenant.as_deref().unwrap_or_default()),
        ("key", entry.key.as_deref().unwrap_or_default()),
        ("state", REJECTED_STATE),
        ("report_uri", ""),
        ("held", ""),
        ("error_code", entry.code.as_str()),
        ("reason", entry.reason.as_str()),
    ];
    add_entry(pipeline, &outcome);
}

fn add_entry(pipeline: &mut Pipeline, fields: &[(&str, &str)]) {
    pipeline.cmd("XADD").arg(RESULTS).arg("MAXLEN").arg("~").arg(KEPT).arg("*");
    for (name, value) in fields {
        pipeline.arg(*name).arg(*value);
    }
    pipeline.ignore();
}
