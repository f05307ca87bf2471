//! Every way of a job from one state to another: the one table from which come the journal's statements, what
//! `earmark audit verify` expects of a job, the message that tells of its end, and the drawing in `ARCHITECTURE.md`.

use crate::audit::AuditKind;
use crate::words::words;
use crate::{JobState, MessageKind};

words! {
    /// Who moves a job.
    pub enum Mover: "mover of jobs" {
        /// Whoever offers it, from outside or by a command.
        Producer = "producer",
        /// A worker that is about to hold its lease.
        Worker = "worker",
        /// The holder of its lease. Its writes are fenced: they name job, epoch and holder, and match no row once the job
        /// has moved on.
        Holder = "holder",
        /// Whoever finds that the lease ran out or its holder is dead.
        Sweeper = "sweeper",
        /// Somebody who looks after the queue.
        Person = "person",
        /// Whoever removes what had its time.
        Retention = "retention",
    }
}

words! {
    /// What moves a job.
    pub enum Transition: "transition" {
        /// It is new.
        Accept = "accept",
        /// A worker takes it.
        Lease = "lease",
        /// It is handed back as it was.
        Release = "release",
        /// It is to be tried again later, or by another worker.
        PutOff = "put off",
        /// Its result is written.
        Finish = "finish",
        /// Trying again cannot help, or was tried often enough.
        Bury = "bury",
        /// Its workers died or hung over and over.
        Quarantine = "quarantine",
        /// A person calls it off while nobody holds it.
        Cancel = "cancel",
        /// A person calls it off while its holder is at it, who hears of it.
        AskToCancel = "ask to cancel",
        /// It was called off, and its holder has stopped or is gone.
        FinishCancel = "finish cancel",
        /// A person has it tried again from the beginning.
        Retry = "retry",
        /// It had its time: only its audit entries stay.
        Expire = "expire",
    }
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Where the job stands before; empty when there is none yet.
    pub from: &'static [JobState],
    /// Where it stands then; none when it is gone.
    pub to: Option<JobState>,
    /// The entry that goes on record with it; none for what leaves no trace.
    pub audit: Option<AuditKind>,
    /// The message that tells of it; none for what is no end.
    pub message: Option<MessageKind>,
    /// Who may make it.
    pub by: &'static [Mover],
}

impl Transition {
    /// Its row in the table.
    pub const fn step(self) -> Step {
        use JobState::{Cancelled, Dead, Done, Leased, Ready};
        use Mover::{Holder, Person, Producer, Retention, Sweeper, Worker};
        match self {
            Self::Accept => step(&[], Some(Ready), Some(AuditKind::JobAccepted), None, &[Producer]),
            Self::Lease => step(&[Ready], Some(Leased), None, None, &[Worker]),
            Self::Release => step(&[Leased], Some(Ready), None, None, &[Holder]),
            Self::PutOff => step(&[Leased], Some(Ready), Some(AuditKind::JobRetry), None, &[Holder, Sweeper]),
            Self::Finish => {
                step(&[Leased], Some(Done), Some(AuditKind::JobDone), Some(MessageKind::JobDone), &[Holder])
            }
            Self::Bury => step(&[Leased], Some(Dead), Some(AuditKind::JobDead), Some(MessageKind::JobDead), &[Holder]),
            Self::Quarantine => step(
                &[Leased],
                Some(Dead),
                Some(AuditKind::JobQuarantined),
                Some(MessageKind::JobDead),
                &[Holder, Sweeper],
            ),
            Self::Cancel => step(
                &[Ready],
                Some(Cancelled),
                Some(AuditKind::JobCancelled),
                Some(MessageKind::JobCancelled),
                &[Person],
            ),
            Self::AskToCancel => step(&[Leased], Some(Leased), Some(AuditKind::JobCancelRequested), None, &[Person]),
            Self::FinishCancel => step(
                &[Leased],
                Some(Cancelled),
                Some(AuditKind::JobCancelled),
                Some(MessageKind::JobCancelled),
                &[Holder, Sweeper],
            ),
            Self::Retry => step(&[Dead, Cancelled], Some(Ready), Some(AuditKind::JobRetried), None, &[Person]),
            Self::Expire => step(&[Done, Dead, Cancelled], None, Some(AuditKind::JobExpired), None, &[Retention]),
        }
    }

    /// Whether a job that moves so has ended, is gone, or comes back from its end: what the last such entry of a job says
    /// is where it has to stand.
    fn is_end_or_return(self) -> bool {
        let Step { from, to, .. } = self.step();
        to.is_none_or(JobState::is_final) || from.iter().any(|state| state.is_final())
    }
}

const fn step(
    from: &'static [JobState],
    to: Option<JobState>,
    audit: Option<AuditKind>,
    message: Option<MessageKind>,
    by: &'static [Mover],
) -> Step {
    Step { from, to, audit, message, by }
}

impl AuditKind {
    /// Every kind that puts on record that a job has ended, is gone, or came back from its end.
    pub fn ends_and_returns() -> Vec<Self> {
        kinds_of(Transition::is_end_or_return)
    }

    /// The kinds among [`ends_and_returns`](Self::ends_and_returns) that leave a job in `state`.
    pub fn leading_to(state: JobState) -> Vec<Self> {
        kinds_of(|transition| transition.is_end_or_return() && transition.step().to == Some(state))
    }
}

/// The entries of the transitions that `is_meant`, each once.
fn kinds_of(is_meant: impl Fn(Transition) -> bool) -> Vec<AuditKind> {
    let mut kinds = Vec::new();
    for transition in Transition::ALL.iter().filter(|transition| is_meant(**transition)) {
        if let Some(kind) = transition.step().audit.filter(|kind| !kinds.contains(kind)) {
            kinds.push(kind);
        }
    }
    kinds
}

impl MessageKind {
    /// The state in which a message of this kind found its job; none for what tells of no end.
    pub fn end(self) -> Option<JobState> {
        Transition::ALL.iter().map(|transition| transition.step()).find(|step| step.message == Some(self))?.to
    }
}
