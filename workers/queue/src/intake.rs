//! What producers in any language write to the intake stream, checked and journaled.

mod offer;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use earmark_core::{Failure, JobId, NewJob, Problem, RecordingUri, Repeats, Tenant, WorkerId};
use earmark_intake::{Look, Offer};
use earmark_journal::{Accepted, Bytes, EntryAnswer, Journal, JournalError, KeyNames, Outcome, RejectedEntry};
use earmark_redis::{Link, LinkError};
use redis::Value;
use tokio_util::sync::CancellationToken;

use crate::Backoff;
use crate::connection::Connection;
use crate::health::{Health, Part};
use crate::keys::{COUNTS, INTAKE};
use crate::outcomes;
use crate::ownership::Ownership;
use crate::streams::scripts::{self, Entries, Fields};
use crate::streams::{GROUP, make_group};

/// Who stands behind a job in the audit log.
const ACTOR: &str = "redis";
/// Entries at a time.
const BATCH: usize = 500;
/// Longest key, and longest tenant, that is told of an entry that was not taken.
const MAX_NAME_BYTES: usize = 512;
/// Of each field of an entry that is not taken so much is kept; more than any offer may have.
const MAX_KEPT_BYTES: usize = 128 << 10;
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
    ownership: Arc<Ownership>,
    /// The database may be away for hours.
    journaling: Repeats,
}

impl Intake {
    pub(crate) fn new(
        journal: Journal,
        look: Look,
        link: &Arc<Link>,
        health: &Arc<Health>,
        process: &WorkerId,
        ownership: &Arc<Ownership>,
    ) -> Self {
        let connection = Connection::new(Arc::clone(link), Arc::clone(health), BLOCK);
        let (consumer, ownership) = (process.to_string(), Arc::clone(ownership));
        Self { journal, connection, consumer, look, ownership, journaling: Repeats::default() }
    }

    /// Takes entries in until `stop`, once the queue is known to be this journal's.
    pub(crate) async fn run(&self, stop: &CancellationToken) {
        let mut own = true;
        // Before anything is written there: a full server may not make it later.
        let mut has_group = false;
        let mut claimed = tokio::time::Instant::now();
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.ownership.ours() => {}
            }
            let result = async {
                if !has_group {
                    make_group(&self.connection, INTAKE).await?;
                    has_group = true;
                }
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
                Ok(()) => {
                    own = false;
                    self.connection.health().works(Part::Intake);
                }
                Err(error) if matches!(error.refusal(), Some("NOGROUP" | "UNBLOCKED")) && has_group => {
                    (own, has_group) = (true, false);
                }
                Err(error) => {
                    own = true;
                    let wait = self.connection.failed(Part::Intake, &error).await;
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(wait) => {}
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

    /// Journals offers, and what is to be told about those that are none; then the entries are acknowledged. While the
    /// database is away none is.
    ///
    /// Nothing that a full server refuses stands before what makes room there: what it does not let us tell is kept in the
    /// journal until it does.
    async fn take_in(&self, entries: Entries, stop: &CancellationToken) -> Result<(), LinkError> {
        if entries.is_empty() {
            return Ok(());
        }
        let Some(offered) = self.offered(&entries).await else { return Ok(()) };
        let (mut offers, mut answers) = (Vec::new(), Vec::new());
        for ((id, fields), offered) in entries.iter().zip(offered) {
            match offered {
                Some(Ok(offer)) => offers.push(offer),
                Some(Err(problem)) => answers.push(rejected(id, fields, &problem, None)),
                // Deleted since it was read.
                None => {}
            }
        }
        let unkept = self.answered(offers.len(), stop, || self.journal.unkept_rule_sets(&offers)).await;
        // What cannot be told of all of them shows when they are offered.
        let Some(unkept) = unkept.map(Result::unwrap_or_default) else { return Ok(()) };
        for (id, fields) in &entries {
            let offer = offers.iter().position(|offer| offer.intake_id.as_ref() == Some(id));
            let named = offer.and_then(|offer| offers[offer].options.rule_set.clone());
            if let (Some(offer), Some(named)) = (offer, named.filter(|named| unkept.contains(named))) {
                offers.remove(offer);
                answers.push(rejected(id, fields, &JournalError::NoSuchRuleSet(named).problem(), None));
            }
        }
        let mut new = 0;
        if !offers.is_empty() {
            let Some(accepted) = self.accepted(&offers, stop).await else { return Ok(()) };
            for (answer, offer) in accepted.into_iter().zip(&offers) {
                let id = offer.intake_id.clone().unwrap_or_default();
                match answer {
                    Ok(Accepted { is_new: true, .. }) => new += 1,
                    // A job that was there may have ended before the entry was tied to it: nobody else would answer.
                    Ok(Accepted { job, .. }) if job.state.is_final() => {
                        answers.push(EntryAnswer::Ended { intake_id: id, job: job.id, tenant: job.tenant });
                    }
                    Ok(Accepted { job, .. }) => answers.extend(self.ended_meanwhile(id, &job.id).await),
                    Err((problem, names)) => {
                        let fields =
                            entries.iter().find(|(entry, _)| *entry == id).map(|(_, fields)| fields.as_slice());
                        answers.push(rejected(&id, fields.unwrap_or_default(), &problem, names.as_deref()));
                    }
                }
            }
        }
        let refused = answers.iter().filter(|answer| matches!(answer, EntryAnswer::Rejected(_))).count();
        let mut uncounted = 0;
        if !self.tell(&answers, refused).await? {
            let kept = self.answered(answers.len(), stop, || self.journal.keep_answers(&answers)).await;
            match kept {
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    tracing::error!(%error, entries = answers.len(), "what became of entries is not told")
                }
                None => return Ok(()),
            }
            uncounted = refused;
        }
        let mut call = scripts::ACKNOWLEDGE.key(INTAKE);
        call.key(COUNTS).arg(GROUP).arg(new).arg(uncounted);
        for (id, _) in &entries {
            call.arg(id);
        }
        self.connection.run::<()>(&call).await
    }

    /// Tells `answers`, of which `refused` are of entries that were not taken, and counts those. False where the server
    /// does not take it, being full: then they are to be kept.
    async fn tell(&self, answers: &[EntryAnswer], refused: usize) -> Result<bool, LinkError> {
        if answers.is_empty() {
            return Ok(true);
        }
        let mut pipeline = redis::pipe();
        if refused > 0 {
            pipeline.cmd("HINCRBY").arg(COUNTS).arg("rejected").arg(refused).ignore();
        }
        for answer in answers {
            match answer {
                EntryAnswer::Rejected(entry) => outcomes::add_rejected(&mut pipeline, entry),
                EntryAnswer::Ended { intake_id, job, .. } => match self.journal.outcome(job).await {
                    Ok(Some(outcome)) => {
                        outcomes::add(&mut pipeline, &Outcome { intake_ids: vec![intake_id.clone()], ..outcome });
                    }
                    Ok(None) => {}
                    Err(_) => return Ok(false),
                },
            }
        }
        if pipeline.is_empty() {
            return Ok(true);
        }
        match self.connection.send::<()>(&pipeline).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_away() => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// What is to be told about entry `id` where `job`, to which it was tied now, has ended since it was looked at.
    async fn ended_meanwhile(&self, id: String, job: &JobId) -> Option<EntryAnswer> {
        match self.journal.outcome(job).await {
            Ok(Some(Outcome { state, tenant, .. })) if state.is_final() => {
                Some(EntryAnswer::Ended { intake_id: id, job: job.clone(), tenant })
            }
            _ => None,
        }
    }

    /// The jobs that `entries` offer, or why they offer none, in order; nothing for one without fields. None when the
    /// program ends meanwhile.
    async fn offered(&self, entries: &Entries) -> Option<Vec<Option<Result<NewJob, Problem>>>> {
        let read = |(id, fields): &(String, Fields)| {
            let named = |offer| Offer { intake_id: Some(id.clone()), ..offer };
            (!fields.is_empty()).then(|| offer::read(fields).map(named))
        };
        let offers: Vec<Option<Result<Offer, Problem>>> = entries.iter().map(read).collect();
        let look = self.look.clone();
        // A look at a disk for each local file.
        let judging = tokio::task::spawn_blocking(move || {
            let judge = |offer: Offer| offer.into_job(&look).map_err(|error| error.problem());
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

    /// What becomes of `offers`, in order: where one can never be journaled it alone is refused. None when told to stop
    /// before.
    async fn accepted(&self, offers: &[NewJob], stop: &CancellationToken) -> Option<Vec<Result<Accepted, Refusal>>> {
        let refused = |names: KeyNames| (names.problem(), Some(Box::new(names)));
        let all = self.answered(offers.len(), stop, || self.journal.accept_many(offers, ACTOR)).await?;
        if let Ok(all) = all {
            return Some(all.into_iter().map(|answer| answer.map_err(refused)).collect());
        }
        let mut answers = Vec::with_capacity(offers.len());
        for offer in offers {
            match self.answered(1, stop, || self.journal.accept_many(std::slice::from_ref(offer), ACTOR)).await? {
                Ok(one) => answers.extend(one.into_iter().map(|answer| answer.map_err(refused))),
                Err(error) => answers.push(Err((error.problem(), None))),
            }
        }
        Some(answers)
    }

    /// What the database answers, asked for however long it is away about so many `entries`, or why it never will; none
    /// when told to stop before.
    async fn answered<T, F: Future<Output = Result<T, JournalError>>>(
        &self,
        entries: usize,
        stop: &CancellationToken,
        ask: impl Fn() -> F,
    ) -> Option<Result<T, JournalError>> {
        for failures in 1.. {
            let error = match ask().await {
                Ok(answer) => {
                    if let Some(over) = self.journaling.worked() {
                        tracing::info!("journaled what producers offer again{over}");
                    }
                    return Some(Ok(answer));
                }
                Err(error) if is_of_the_entry(&error) => return Some(Err(error)),
                Err(error) => error,
            };
            if let Some(again) = self.journaling.failed(error.code()) {
                tracing::warn!(
                    entries,
                    "could not journal what producers offer, it waits{again}: {}",
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

/// Why an offer is no job, and whose its key is.
type Refusal = (Problem, Option<Box<KeyNames>>);

/// Whether `error` is about what was to be written, not about the database: it comes however often that is tried.
fn is_of_the_entry(error: &JournalError) -> bool {
    matches!(
        error,
        JournalError::Encode { .. }
            | JournalError::NulInText { .. }
            | JournalError::TextTooLong { .. }
            | JournalError::NoSuchRuleSet(_)
            | JournalError::Audit(_)
    )
}

/// What is to be told about an entry that is not taken: why, and the job that has its key where there is one, of which its
/// producer hears nothing more.
fn rejected(id: &str, fields: &[(Vec<u8>, Vec<u8>)], problem: &Problem, reused: Option<&KeyNames>) -> EntryAnswer {
    tracing::warn!(entry = id, code = %problem.code, "rejected an entry of the intake: {}", problem.message);
    let named = |wanted: &[u8], most: usize| {
        let (_, value) = fields.iter().find(|(name, _)| name == wanted)?;
        std::str::from_utf8(value).ok().filter(|value| value.len() <= most).map(str::to_owned)
    };
    let tenant = match named(b"tenant", MAX_NAME_BYTES) {
        Some(tenant) => Tenant::parse(&tenant).ok(),
        None if fields.iter().any(|(name, _)| name == b"tenant") => None,
        None => Some(Tenant::default()),
    };
    EntryAnswer::Rejected(RejectedEntry {
        intake_id: id.into(),
        tenant: tenant.map(|tenant| tenant.to_string()),
        key: named(b"key", MAX_NAME_BYTES),
        code: problem.code.clone(),
        reason: problem.message.clone(),
        job: reused.map(|names| names.job.to_string()),
        fields: fields
            .iter()
            .map(|(name, value)| {
                (Bytes::from(bounded(name).as_ref()), Bytes::from(bounded(&kept(name, value)).as_ref()))
            })
            .collect(),
    })
}

/// Bytes as they are kept in the journal: their beginning, where there are very many.
fn bounded(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.len() <= MAX_KEPT_BYTES {
        return Cow::Borrowed(bytes);
    }
    // Never within a character.
    let end = (MAX_KEPT_BYTES - 3..=MAX_KEPT_BYTES).rev().find(|end| bytes[*end] & 0xc0 != 0x80);
    let mut kept = bytes[..end.unwrap_or(MAX_KEPT_BYTES)].to_vec();
    kept.extend_from_slice(format!("… ({} bytes)", bytes.len()).as_bytes());
    Cow::Owned(kept)
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
