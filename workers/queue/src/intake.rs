//! What producers in any language write to the intake stream, checked and journaled.

mod offer;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use earmark_core::{Failure, NewJob, Problem, RecordingUri, WorkerId};
use earmark_intake::{Look, Offer};
use earmark_journal::{Accepted, Journal, JournalError, KeyNames};
use earmark_redis::{Link, LinkError};
use redis::{Pipeline, Value};
use tokio_util::sync::CancellationToken;

use crate::Backoff;
use crate::connection::Connection;
use crate::health::Health;
use crate::outcomes::{self, Refused};
use crate::streams::scripts::{self, Entries, Fields};
use crate::streams::{GROUP, INTAKE, make_group};

/// Where entries lie that are no offers.
pub(crate) const REJECTED: &str = "earmark:rejected";
/// About so many of them are kept.
const KEPT: usize = 10_000;
/// Totals that last: `rejected`, and `accepted` for comparison.
pub(crate) const COUNTS: &str = "earmark:counts";
/// Who stands behind a job in the audit log.
const ACTOR: &str = "redis";
/// Entries at a time.
const BATCH: usize = 500;
/// How long the server waits for an entry.
const BLOCK: Duration = Duration::from_secs(1);
/// Pending for longer than this, an entry's reader is taken to be dead. More than a database takes that is only busy.
const DEAD_READER: Duration = Duration::from_secs(30);
/// Waits while the database is away; entries stay pending.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(5) };

/// Takes entries in; one in each process, all at once.
pub struct Intake {
    journal: Journal,
    connection: Connection,
    consumer: String,
    look: Look,
}

impl Intake {
    pub(crate) fn new(
        journal: Journal,
        look: Look,
        link: &Arc<Link>,
        health: &Arc<Health>,
        process: &WorkerId,
    ) -> Self {
        let connection = Connection::new(Arc::clone(link), Arc::clone(health), BLOCK);
        Self { journal, connection, consumer: process.to_string(), look }
    }

    /// Takes entries in until `stop`.
    pub(crate) async fn run(&self, stop: &CancellationToken) {
        let mut own = true;
        let mut claimed = tokio::time::Instant::now();
        while !stop.is_cancelled() {
            let result = async {
                if own {
                    // An answer may have been lost with the last connection.
                    self.take_in(self.read("0").await?, stop).await?;
                }
                if claimed.elapsed() >= DEAD_READER / 6 {
                    claimed = tokio::time::Instant::now();
                    self.take_in(self.claim(DEAD_READER).await?, stop).await?;
                }
                let entries = tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    entries = self.read(">") => entries?,
                };
                self.take_in(entries, stop).await
            };
            match result.await {
                Ok(()) => own = false,
                Err(error) => {
                    own = true;
                    let rest = match error.refusal() {
                        Some("NOGROUP" | "UNBLOCKED") => make_group(&self.connection, INTAKE).await.err(),
                        _ => Some(error),
                    };
                    if let Some(error) = rest {
                        let wait = self.connection.health().lost(&error);
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = tokio::time::sleep(wait) => {}
                        }
                    }
                }
            }
        }
        if let Err(error) = self.hand_over().await {
            tracing::debug!(%error, "entries read last are taken in by another process, or at the next start");
        }
    }

    /// Entries that nobody has read (`>`), or those pending for this process (`0`).
    async fn read(&self, from: &str) -> Result<Entries, LinkError> {
        let (mut connection, number) = self.connection.connection().await?;
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(GROUP).arg(&self.consumer).arg("COUNT").arg(BATCH);
        if from == ">" {
            command.arg("BLOCK").arg(u64::try_from(BLOCK.as_millis()).unwrap_or(u64::MAX));
        }
        command.arg("STREAMS").arg(INTAKE).arg(from);
        let reply: Value = self.connection.checked(number, command.query_async(&mut connection).await).await?;
        scripts::stream(reply).map_err(|error| self.connection.wrong(error))
    }

    /// Entries that are pending for `idle`, whoever read them: ours from now on.
    async fn claim(&self, idle: Duration) -> Result<Entries, LinkError> {
        let (mut connection, number) = self.connection.connection().await?;
        let mut command = redis::cmd("XAUTOCLAIM");
        command.arg(INTAKE).arg(GROUP).arg(&self.consumer);
        command.arg(u64::try_from(idle.as_millis()).unwrap_or(u64::MAX)).arg("0-0").arg("COUNT").arg(BATCH);
        let reply: Vec<Value> = self.connection.checked(number, command.query_async(&mut connection).await).await?;
        let entries = reply.into_iter().nth(1).map_or(Ok(Vec::new()), redis::from_redis_value);
        entries.and_then(scripts::entries).map_err(|error| self.connection.wrong(error))
    }

    /// Journals offers and rejects what is none; then they are acknowledged. While the database is away nothing is.
    async fn take_in(&self, entries: Entries, stop: &CancellationToken) -> Result<(), LinkError> {
        if entries.is_empty() {
            return Ok(());
        }
        let Some(offered) = self.offered(&entries).await else { return Ok(()) };
        let mut offers = Vec::new();
        for ((id, fields), offered) in entries.iter().zip(offered) {
            match offered {
                Some(Ok(offer)) => offers.push(offer),
                Some(Err(problem)) => self.reject(id, fields, &problem, None).await?,
                // Deleted since it was read.
                None => self.connection.send::<()>(acknowledged(&mut redis::pipe(), id)).await?,
            }
        }
        let unkept = self.answered(offers.len(), stop, || self.journal.unkept_rule_sets(&offers)).await;
        let Some(unkept) = unkept else { return Ok(()) };
        for (id, fields) in &entries {
            let offer = offers.iter().position(|offer| offer.intake_id.as_ref() == Some(id));
            let named = offer.and_then(|offer| offers[offer].options.rule_set.clone());
            if let (Some(offer), Some(named)) = (offer, named.filter(|named| unkept.contains(named))) {
                offers.remove(offer);
                self.reject(id, fields, &JournalError::NoSuchRuleSet(named).problem(), None).await?;
            }
        }
        if offers.is_empty() {
            return Ok(());
        }
        let answers = self.answered(offers.len(), stop, || self.journal.accept_many(&offers, ACTOR)).await;
        let Some(answers) = answers else { return Ok(()) };
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        let mut new = 0;
        for (answer, offer) in answers.iter().zip(&offers) {
            let id = offer.intake_id.as_deref().unwrap_or_default();
            let Accepted { job, is_new } = match answer {
                Ok(accepted) => accepted,
                Err(names) => {
                    let fields = entries.iter().find(|(entry, _)| entry == id).map(|(_, fields)| fields.as_slice());
                    self.reject(id, fields.unwrap_or_default(), &names.problem(), Some((names, offer))).await?;
                    continue;
                }
            };
            new += usize::from(*is_new);
            // A job that was there may have ended before the entry was tied to it: nobody else would answer.
            if !is_new
                && let Ok(Some(mut outcome)) = self.journal.outcome(&job.id).await
                && outcome.state.is_final()
            {
                outcome.intake_ids = vec![id.into()];
                outcomes::add(&mut pipeline, &outcome);
            }
            acknowledged(&mut pipeline, id);
        }
        pipeline.cmd("HINCRBY").arg(COUNTS).arg("accepted").arg(new).ignore();
        self.connection.send(&pipeline).await
    }

    /// The jobs that `entries` offer, or why they offer none, in order; nothing for one without fields. None when the
    /// program ends meanwhile.
    async fn offered(&self, entries: &Entries) -> Option<Vec<Option<Result<NewJob, Problem>>>> {
        let read = |(id, fields): &(String, Fields)| {
            let named = |offer| Offer { intake_id: Some(id.clone()), ..offer };
            (!fields.is_empty()).then(|| offer::read(fields).map(named))
        };
        let offers: Vec<Option<Result<Offer, Problem>>> = entries.iter().map(read).collect();
        let look = self.look;
        // A look at a disk for each local file.
        let judging = tokio::task::spawn_blocking(move || {
            let judge = |offer: Offer| offer.into_job(look).map_err(|error| error.problem());
            offers.into_iter().map(|offer| offer.map(|offer| offer.and_then(judge))).collect()
        });
        match judging.await {
            Ok(offered) => Some(offered),
            Err(error) => {
                if error.is_panic() {
                    tracing::error!(%error, "could not judge what producers offer, it stays pending");
                }
                None
            }
        }
    }

    /// What the database answers, asked for however long it is away about so many `entries`; none when told to stop
    /// before.
    async fn answered<T, F: Future<Output = Result<T, JournalError>>>(
        &self,
        entries: usize,
        stop: &CancellationToken,
        ask: impl Fn() -> F,
    ) -> Option<T> {
        for failures in 1.. {
            let error = match ask().await {
                Ok(answer) => return Some(answer),
                Err(error) => error,
            };
            if failures == 1 {
                tracing::warn!(
                    entries,
                    "could not journal what producers offer, it waits: {}",
                    error.problem().message
                );
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(BACKOFF.after(failures)) => {}
            }
        }
        None
    }

    /// Puts an entry that is not taken aside, with the reason, and counts it. Its producer hears of one whose key names
    /// another recording, of which it is told the job and nothing more.
    async fn reject(
        &self,
        id: &str,
        fields: &[(Vec<u8>, Vec<u8>)],
        problem: &Problem,
        reused: Option<(&KeyNames, &NewJob)>,
    ) -> Result<(), LinkError> {
        tracing::warn!(entry = id, code = %problem.code, "rejected an entry of the intake: {}", problem.message);
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        pipeline.cmd("XADD").arg(REJECTED).arg("MAXLEN").arg("~").arg(KEPT).arg("*");
        for (name, value) in fields {
            pipeline.arg(name).arg(kept(name, value));
        }
        pipeline.arg("intake_id").arg(id).arg("code").arg(&problem.code).arg("reason").arg(&problem.message);
        if let Some((names, _)) = reused {
            pipeline.arg("job").arg(names.job.as_str());
        }
        pipeline.ignore();
        if let Some((_, offer)) = reused {
            outcomes::add_refused(&mut pipeline, &Refused { intake_id: id, offer, code: &problem.code });
        }
        pipeline.cmd("HINCRBY").arg(COUNTS).arg("rejected").arg(1).ignore();
        self.connection.send(acknowledged(&mut pipeline, id)).await
    }

    /// A consumer without anything pending goes with its process; one with something stays, for others to claim.
    async fn hand_over(&self) -> Result<(), LinkError> {
        self.connection.hang_up().await;
        let mut call = scripts::LEAVE.key(INTAKE);
        call.arg(GROUP).arg(&self.consumer);
        let (mut connection, number) = self.connection.connection().await?;
        let result = call.invoke_async(&mut connection).await;
        self.connection.checked(number, result).await
    }
}

/// A field's value as it may lie about: an address, whatever it was called, without its secrets.
fn kept<'a>(name: &[u8], value: &'a [u8]) -> Cow<'a, [u8]> {
    let is_no_address = matches!(name, b"tenant" | b"lane" | b"key" | b"metadata" | b"priority" | b"rule_set");
    match std::str::from_utf8(value) {
        Ok(text) if name == b"parts" => Cow::Owned(kept_parts(text).into_bytes()),
        Ok(text) if !is_no_address => Cow::Owned(RecordingUri::from(text).to_string().into_bytes()),
        Ok(_) | Err(_) => Cow::Borrowed(value),
    }
}

/// A list of files as it may lie about: every text in it may be an address. What is no JSON is not kept.
fn kept_parts(text: &str) -> String {
    fn without_secrets(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = RecordingUri::from(text.as_str()).to_string(),
            serde_json::Value::Array(values) => values.iter_mut().for_each(without_secrets),
            serde_json::Value::Object(fields) => fields.values_mut().for_each(without_secrets),
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
        }
    }
    match serde_json::from_str(text) {
        Ok(mut parts) => {
            without_secrets(&mut parts);
            parts.to_string()
        }
        Err(_) => format!("({} bytes that are no JSON)", text.len()),
    }
}

/// The entry is done with.
fn acknowledged<'a>(pipeline: &'a mut Pipeline, id: &str) -> &'a mut Pipeline {
    pipeline.cmd("XACK").arg(INTAKE).arg(GROUP).arg(id).ignore();
    pipeline.cmd("XDEL").arg(INTAKE).arg(id).ignore()
}
