//! Every job: where it stands, and who may work on it. The journal is the truth; a queue only delivers.
//!
//! Every way from one state to another is a row of [`Transition`](earmark_core::Transition)'s table, drawn in
//! `ARCHITECTURE.md`; the statements that go it are those of `states.rs`, and of no other file.
//!
//! ```text
//!   an offered job   insert     new rows, those that are there already found by key or identity
//!                    intakes    an entry of the intake stream is one offer
//!                    intake     accept: both, with the audit entry
//!                    address    where it is fetched from, which may be offered anew
//!        |
//!   a ready job      pause      what is not taken for a while
//!                    caps       how many a tenant may have leased
//!                    dispatch   which lie in a server's queue, which come next
//!                    due        those that waited for something that has come about
//!        |
//!   a leased job     lease      taken, renewed, handed back
//!                    fence      the holder's right to write
//!                    clips      texts that were paid for; reuse: those of another job
//!                    early_findings   what is told before the end
//!                    hung, sweep      holders that hang, that died; quarantine: too many of them
//!                    workers    which processes live
//!        |
//!   a final job      outcomes   what producers are told; entry_answers: of entries that became no job
//!                    cancel     what people do to jobs: call them off, try them again; bulk: to many
//!
//!   states           every write of where a job stands
//!   queue_alerts     what someone has to look at at the queue's server
//!   query, standing  looking at jobs, in the words of people
//!   watch            when the queue as a whole is something to look at
//!   row              a job between its row and its type; view: as it is told
//! ```
//!
//! A lease carries an epoch. Every write of a holder names job, epoch and holder; once the job has moved on the write
//! matches no row and is [`JournalError::LeaseLost`](crate::JournalError::LeaseLost). These are all of them: `renew`,
//! `release`, `retry_at`, `put_off_for`, `bury`, `finish_cancel`, `hung`, `set_blameless`, `set_clips_total`, `book_request`, `save_clip`,
//! `save_clips`, `reuse_clips`, `raise_early`, and [`ResultStore::finish`](crate::ResultStore::finish), which alone may be
//! repeated by the lease that ended the job. `settle_request` has no fence: what was sent was sent, and it writes nothing
//! of the job. Files know none either: `check_held` comes before them, and their hashes stand in the job's last entry.

mod address;
mod bulk;
mod cancel;
mod caps;
mod clips;
mod dispatch;
mod due;
mod early_findings;
mod entry_answers;
mod fence;
mod hung;
mod insert;
mod intake;
mod intakes;
mod journal;
mod lease;
mod outcomes;
mod pause;
mod quarantine;
mod query;
mod queue_alerts;
mod reuse;
mod row;
mod standing;
mod states;
mod sweep;
mod view;
mod watch;
mod workers;

pub use address::Readdressed;
pub use bulk::CalledOff;
pub use cancel::CancelOutcome;
pub use caps::Caps;
pub use clips::{JobUsage, SavedClip};
pub(crate) use due::make_due;
pub use early_findings::EarlyFinding;
pub use entry_answers::{Bytes, EntryAnswer, RejectedEntry};
pub(crate) use fence::{Locked, actor_of, has_finished, held, locked};
pub use journal::Journal;
pub use lease::{LeaseState, Renewal};
pub use outcomes::{Outcome, Unannounced};
pub use pause::Pause;
pub use quarantine::QUARANTINE_DEATHS;
pub use query::{Count, JobFilter};
pub use reuse::Reusable;
pub(crate) use row::job as job_of_row;
pub use standing::{LaneStats, QueueStats, StandingJob};
pub(crate) use states::{Ending, end, end_message, event, expire};
pub use sweep::SweepReport;
pub use view::{HoldingView, JobView};
pub use watch::{AlertLimits, Watch, WatchReport};
pub use workers::{SeenWorker, WorkerCount, WorkerInfo, WorkerProcess};
