//! Whether the queue's server can be used, proved on it: for whoever asks, and before anything is begun.

use std::time::Duration;

use earmark_core::{Failure, Fault, Problem};
use earmark_journal::JournalError;
use earmark_redis::{Finding, LinkError, Weight};

use crate::broker::Broker;
use crate::connection::Connection;
use crate::dispatcher::DispatchError;
use crate::keys::OWNER;
use crate::ownership::{Stranger, id_of};

/// How every key begins.
const PREFIX: &str = "earmark:";

/// What is not told of by itself where the server is used.
const TOLD: [&str; 2] = ["redis.replica", "redis.denied"];

/// Why the server could not be examined.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// The server cannot be reached.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The journal failed.
    #[error(transparent)]
    Storage(#[from] JournalError),
}

impl Failure for ExamineError {
    fn code(&self) -> &'static str {
        match self {
            Self::Link(error) => error.code(),
            Self::Storage(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Link(error) => error.hint(),
            Self::Storage(error) => error.hint(),
        }
    }

    fn disposition(&self) -> earmark_core::Disposition {
        match self {
            Self::Link(error) => error.disposition(),
            Self::Storage(error) => error.disposition(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Link(error) => error.fault(),
            Self::Storage(error) => error.fault(),
        }
    }
}

impl Broker {
    /// What is not as it should be with the server, the worst first; nothing where all is well. Leaves nothing there, and
    /// writes nothing to the journal.
    ///
    /// # Errors
    /// [`ExamineError`].
    pub async fn examine(&self) -> Result<Vec<Finding>, ExamineError> {
        let mut found = self.link().examine(PREFIX, "jobs").await?;
        let connection = Connection::new(self.link().clone(), self.health().clone(), Duration::ZERO);
        if !found.iter().any(|finding| finding.weight == Weight::Never) {
            let others = connection.other_keys().await;
            found.extend(others.into_iter().map(|problem| Finding { problem, weight: Weight::Bad }));
            found.extend(self.stranger(&connection).await?);
        }
        found.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
        Ok(found)
    }

    /// Whether the queue can be used at all, before anything is begun, and takes it for the journal. Gives what someone
    /// should know besides; of a server that is away, or does not do what it should yet, is told where it is used.
    ///
    /// # Errors
    /// [`Problem`] of a server that never works: a cluster, an old version, another database's queue.
    pub async fn prepare(&self) -> Result<Vec<Problem>, Problem> {
        let Ok(found) = self.examine().await else { return Ok(Vec::new()) };
        if let Some(finding) = found.iter().find(|finding| finding.weight == Weight::Never) {
            return Err(finding.problem.clone());
        }
        if let Err(DispatchError::Stranger(stranger)) = self.dispatcher().claim().await {
            return Err(stranger.problem());
        }
        let is_told_here = |finding: &Finding| finding.weight == Weight::Note || TOLD.contains(&&*finding.problem.code);
        Ok(found.into_iter().filter(is_told_here).map(|finding| finding.problem).collect())
    }

    /// That the queue is another journal's.
    async fn stranger(&self, connection: &Connection) -> Result<Option<Finding>, ExamineError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("GET").arg(OWNER);
        let owner: Option<String> = match connection.send::<Vec<Option<String>>>(&pipeline).await {
            Ok(told) => told.into_iter().next().flatten(),
            // Another kind of key, or a user who may not: told already.
            Err(error) if error.refusal().is_some() => None,
            Err(error) => return Err(error.into()),
        };
        let own = self.journal().known_id().await?;
        let Some(owner) = owner.filter(|owner| Some(id_of(owner)) != own.as_deref()) else { return Ok(None) };
        let place = self.journal().place();
        let own = own.map_or_else(|| format!("{place}, which is new"), |id| format!("{id} {place}"));
        let stranger = Stranger { place: self.link().place().into(), owner, own };
        Ok(Some(Finding { problem: stranger.problem(), weight: Weight::Never }))
    }
}
