//! Ends of jobs, published to producers on a capped stream.

use std::time::Duration;

use earmark_core::{NewJob, WorkerId};
use earmark_journal::{Journal, JournalError, Outcome};
use earmark_redis::LinkError;
use redis::Pipeline;

use crate::connection::Connection;
use crate::streams::scripts;

/// Where producers read how their jobs ended.
pub(crate) const RESULTS: &str = "earmark:results";
/// About so many outcomes are kept.
const KEPT: usize = 100_000;
/// The state of an offer that became no job.
const REJECTED: &str = "rejected";
/// Outcomes at a time.
const BATCH: u32 = 200;
/// How often to look for jobs that ended.
const TICK: Duration = Duration::from_millis(200);
/// Held by the one process that publishes outcomes, so that they come in order and mostly once.
const PUBLISHER: &str = "earmark:results:teller";
/// How long another process waits for the publisher after its last word.
const PUBLISHER_MS: u64 = 3_000;

/// Publishes outcomes; one in each process, of which one is at it.
pub(crate) struct OutcomePublisher {
    journal: Journal,
    connection: Connection,
    process: WorkerId,
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
    pub(crate) fn new(journal: Journal, connection: Connection, process: WorkerId) -> Self {
        Self { journal, connection, process }
    }

    /// Publishes outcomes until dropped.
    pub(crate) async fn run(&self) {
        loop {
            match self.publish().await {
                // There may be more.
                Ok(published) if u32::try_from(published) == Ok(BATCH) => continue,
                Ok(_) => {}
                Err(PublishError::Link(error)) => tokio::time::sleep(self.connection.health().lost(&error)).await,
                Err(PublishError::Storage(error)) => tracing::warn!(%error, "could not look for jobs that ended"),
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// Publishes what is not published yet, oldest first, at most 200; gives how many. Nothing while another process
    /// does it.
    ///
    /// # Errors
    /// [`PublishError`]; what was published already may then be published again.
    pub(crate) async fn publish(&self) -> Result<usize, PublishError> {
        if !self.is_publisher().await? {
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
        if !pipeline.is_empty() {
            self.connection.send::<()>(&pipeline).await?;
        }
        let ids: Vec<String> = unannounced.into_iter().map(|message| message.id).collect();
        self.journal.announced(&ids).await?;
        Ok(ids.len())
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
            [
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

/// An entry of the intake whose key names another recording.
pub(crate) struct Refused<'a> {
    /// The entry.
    pub intake_id: &'a str,
    /// What it offered.
    pub offer: &'a NewJob,
    /// Why it is refused, as a word for programs.
    pub code: &'a str,
}

/// Adds an entry for the producer of `refused`, without a job: there is none for it, and the other's is not its own.
pub(crate) fn add_refused(pipeline: &mut Pipeline, refused: &Refused<'_>) {
    add_entry(
        pipeline,
        [
            ("intake_id", refused.intake_id),
            ("job_id", ""),
            ("tenant", refused.offer.tenant.as_str()),
            ("key", refused.offer.key.as_deref().unwrap_or_default()),
            ("state", REJECTED),
            ("report_uri", ""),
            ("held", ""),
            ("error_code", refused.code),
        ],
    );
}

fn add_entry(pipeline: &mut Pipeline, fields: [(&str, &str); 8]) {
    pipeline.cmd("XADD").arg(RESULTS).arg("MAXLEN").arg("~").arg(KEPT).arg("*");
    for (name, value) in fields {
        pipeline.arg(name).arg(value);
    }
    pipeline.ignore();
}
