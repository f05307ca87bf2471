//! One request to a recogniser: the account open, a permit held exactly while it is in flight, its price booked as it is
//! sent; asked again when the provider was busy, never in vain when it will stay so.

use std::time::Duration;

use earmark_asr::{AsrError, ClipRequest, Hearing};
use earmark_core::{ClipText, Disposition, Failure, Lane, Lease, Tenant};
use earmark_journal::{AccountState, Booking, Budget, JournalError, Settlement};
use earmark_permits::{Asker, Permit};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::account::Account;

/// How often one clip is asked for before its job is put back, while the provider is out of order.
const TRIES: u32 = 4;
/// Before the second of them; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// What the account asks for anew; whoever resumes it wakes its jobs before.
const LONGEST_LOOK: Duration = Duration::from_secs(60);
/// Codes that say the provider's model is overloaded, which no request is the cause of.
const OVERLOADED: [&str; 2] = ["1305", "1312"];
/// The actor of what nobody decided by hand.
const ACTOR: &str = "earmark";

/// A clip to be transcribed.
pub struct Ask<'a> {
    /// Whose.
    pub tenant: &'a Tenant,
    /// How urgent.
    pub lane: Lane,
    /// For a job: its lease, under which the request is counted.
    pub lease: Option<&'a Lease>,
    /// Prepared by the account's recogniser.
    pub request: ClipRequest,
    /// What was said just before, looked up when the request goes out.
    pub preceding: &'a (dyn Fn() -> Option<String> + Sync),
    /// Hears the text as it comes.
    pub hearing: &'a dyn Hearing,
    /// Ends the wait for a permit or a better time; a request under way is not given up.
    pub abandon: &'a CancellationToken,
}

/// A clip's text and what it cost.
pub struct Answer {
    /// What was heard.
    pub text: ClipText,
    /// As it was booked.
    pub booking: Booking,
    /// What is to be settled together with the text; for requests without a job it is settled already.
    pub settled: Settlement,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The recogniser failed.
    #[error("transcribe failed")]
    Transcribe(#[source] AsrError),
    /// The provider is out of order for everybody.
    #[error("the provider of account `{account}` is not available: {message}")]
    Cooling {
        /// Which.
        account: String,
        /// What it said last.
        message: String,
        /// How long nothing is asked.
        wait: Duration,
    },
    /// The account may not be used now.
    #[error("account `{account}` is paused ({code}): {message}")]
    Paused {
        /// Which.
        account: String,
        /// Why, in the provider's numbers or our words.
        code: String,
        /// Why.
        message: String,
        /// How long to wait before looking again.
        wait: Duration,
    },
    /// The tenant's money for the day is spent.
    #[error("{source}")]
    Budget {
        /// How much.
        source: JournalError,
        /// Until the next day.
        wait: Duration,
    },
    /// The request could not be booked.
    #[error("write failed")]
    Write(#[source] JournalError),
    /// Nobody wants the answer any more.
    #[error("stopped before the end")]
    Abandoned,
}

impl Failure for AskError {
    fn code(&self) -> &'static str {
        match self {
            Self::Transcribe(error) => error.code(),
            Self::Cooling { .. } => "transcribe.account_cooling",
            Self::Paused { .. } => "transcribe.account_paused",
            Self::Budget { source, .. } | Self::Write(source) => source.code(),
            Self::Abandoned => "job.stopped",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Transcribe(error) => error.hint(),
            Self::Cooling { .. } => {
                Some("nothing to do: it is tried again by itself; `earmark accounts list` tells when".into())
            }
            Self::Paused { account, .. } => {
                Some(format!("see to the account, then `earmark accounts resume {account}`"))
            }
            Self::Budget { .. } => {
                Some("the job goes on with the next day; or raise EARMARK__ACCOUNTS__BUDGET_CNY_PER_DAY".into())
            }
            Self::Write(source) => source.hint(),
            Self::Abandoned => None,
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Transcribe(error) => error.disposition(),
            Self::Cooling { wait, .. } | Self::Paused { wait, .. } | Self::Budget { wait, .. } => {
                Disposition::RetryAfter(*wait)
            }
            Self::Write(source) => source.disposition(),
            Self::Abandoned => Disposition::Release,
        }
    }
}

/// What became of one sending.
enum Sent {
    Answered(Box<Answer>),
    Failed(AsrError),
    /// The permit could not be renewed: the request was given up, what became of it is unknown.
    PermitLost,
}

impl Account {
    /// The text of one clip. Waits for as long as the account is only busy.
    ///
    /// # Errors
    /// [`AskError`], with the job's fate.
    pub async fn ask(&self, ask: &Ask<'_>) -> Result<Answer, AskError> {
        let began = Instant::now();
        let mut tries = 0;
        loop {
            let trial = unless(ask.abandon, self.circuit.pass()).await?;
            self.open().await?;
            let sent_at = Instant::now();
            let sent = self.send(ask).await?;
            let wait = match sent {
                Sent::Answered(answer) => {
                    self.circuit.succeeded();
                    return Ok(*answer);
                }
                Sent::PermitLost => {
                    tracing::warn!(account = %self.name, request = %ask.request.request_id, "a permit could not be renewed; its request was given up and will be sent again");
                    FIRST_WAIT
                }
                Sent::Failed(AsrError::Throttled { retry_after, code }) => {
                    tracing::info!(account = %self.name, code, "the account is at its limit; fewer requests for a while");
                    self.permits.throttled();
                    retry_after
                }
                Sent::Failed(error @ (AsrError::Unavailable { .. } | AsrError::TimedOut { .. })) => {
                    tries += 1;
                    self.unavailable(error, sent_at, began, tries).await?
                }
                Sent::Failed(error) => return Err(self.failed(error).await),
            };
            drop(trial);
            unless(ask.abandon, tokio::time::sleep(jittered(wait))).await?;
        }
    }

    /// Whether the account may be used now.
    ///
    /// # Errors
    /// [`AskError::Paused`], [`AskError::Cooling`], [`AskError::Write`].
    pub async fn open(&self) -> Result<(), AskError> {
        let now_ms = self.books.clock.now_ms();
        let until = |until_ms: i64| Duration::from_millis(u64::try_from(until_ms - now_ms).unwrap_or(0));
        let account = self.name.clone();
        match self.books.states.state(&self.name).await.map_err(AskError::Write)? {
            AccountState::Open => Ok(()),
            AccountState::Cooling { until_ms, message, code: _ } => {
                Err(AskError::Cooling { account, message, wait: jittered(until(until_ms)) })
            }
            AccountState::Paused { until_ms, code, message } => {
                let wait = until_ms.map_or(LONGEST_LOOK, until);
                Err(AskError::Paused { account, code, message, wait: jittered(wait) })
            }
        }
    }

    async fn send(&self, ask: &Ask<'_>) -> Result<Sent, AskError> {
        let asker = Asker { lane: ask.lane, tenant: ask.tenant.clone() };
        let permit = unless(ask.abandon, self.permits.acquire(&asker)).await?;
        // Much may have happened while this request waited for its turn.
        self.open().await?;
        let (booking, next_day_ms) = self.booking(ask);
        // What costs nothing needs no budget.
        let budget = if booking.price_micro_cny > 0 { self.books.budget_of(ask.tenant) } else { None };
        if budget.is_some() {
            self.book(ask, &booking, budget, next_day_ms).await?;
        }
        let mut request = ask.request.clone();
        request.preceding = (ask.preceding)();
        let sent = Instant::now();
        let mut held = Held { permit: Some(permit), runs_on: self.transcriber.limits().takes_files };
        let answering = async {
            tokio::select! {
                answer = self.transcriber.transcribe(request, ask.hearing) => Some(answer),
                () = held.lost() => None,
            }
        };
        // Without a budget there is nothing to refuse: the booking is written while the sound goes up, so that the permit
        // does not wait for the disk.
        let booking_it =
            async { if budget.is_some() { Ok(()) } else { self.book(ask, &booking, None, next_day_ms).await } };
        let (answer, booked) = tokio::join!(answering, booking_it);
        if matches!(answer, Some(Err(AsrError::TimedOut { .. })) | None) {
            held.leave();
        }
        held.give_back();
        booked?;
        let latency_ms = u64::try_from(sent.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Some(answer) = answer else { return Ok(Sent::PermitLost) };
        let (billed_ms, is_answered) = answer.as_ref().map_or((0, false), |text| (text.billed_ms, true));
        let settled =
            Settlement { billed_ms, price_micro_cny: self.price_micro_cny(billed_ms), latency_ms, is_answered };
        // A job's answer is settled with its text, in one transaction.
        if ask.lease.is_none() || !is_answered {
            self.books.usage.settle(&booking, &settled).await.map_err(AskError::Write)?;
        }
        Ok(match answer {
            Ok(text) => Sent::Answered(Box::new(Answer { text, booking, settled })),
            Err(error) => Sent::Failed(error),
        })
    }

    /// What is to be booked, and when its day ends.
    fn booking(&self, ask: &Ask<'_>) -> (Booking, i64) {
        let (day, next_day_ms) = self.books.day();
        let audio_ms = ask.request.sound.duration_ms();
        let booking = Booking {
            day,
            tenant: ask.tenant.clone(),
            account: self.name.clone(),
            job_id: ask.lease.map(|lease| lease.job_id.clone()),
            audio_ms,
            price_micro_cny: self.price_micro_cny(self.transcriber.billed_ms(audio_ms)),
        };
        (booking, next_day_ms)
    }

    async fn book(
        &self,
        ask: &Ask<'_>,
        booking: &Booking,
        budget: Option<Budget>,
        next_day_ms: i64,
    ) -> Result<(), AskError> {
        let booked = match ask.lease {
            Some(lease) => self.books.journal.book_request(lease, booking, budget).await,
            None => self.books.usage.book(booking, budget).await,
        };
        booked.map_err(|error| match error {
            source @ JournalError::BudgetSpent { .. } => {
                let wait_ms = u64::try_from(next_day_ms - self.books.clock.now_ms()).unwrap_or(0);
                AskError::Budget { source, wait: Duration::from_millis(wait_ms) }
            }
            error => AskError::Write(error),
        })
    }

    /// How long to wait before the clip is asked for again; an error when its job is to be put back instead.
    async fn unavailable(
        &self,
        error: AsrError,
        sent: Instant,
        began: Instant,
        tries: u32,
    ) -> Result<Duration, AskError> {
        let message = error.to_string();
        // What fails on this machine says nothing of the others, nor of the clip.
        let is_here = self.transcriber.is_here();
        if let Some(pause) = self.circuit.failed(sent) {
            tracing::warn!(account = %self.name, secs = pause.as_secs(), "nothing is asked for a while: {message}");
            if !is_here {
                let until_ms = self.books.clock.now_ms() + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 2);
                let cooled = self.books.states.cool(&self.name, until_ms, error.code(), &message, ACTOR);
                cooled.await.map_err(AskError::Write)?;
            }
            return Err(AskError::Cooling { account: self.name.clone(), message, wait: jittered(pause) });
        }
        if tries < TRIES {
            return Ok(FIRST_WAIT * (1 << (tries - 1)));
        }
        let is_overload =
            matches!(&error, AsrError::Unavailable { code: Some(code), .. } if OVERLOADED.contains(&code.as_str()));
        if !is_overload && !is_here && self.circuit.has_succeeded_since(began) {
            // Others were answered meanwhile: it may be this clip's own fault, and costs its job an attempt.
            return Err(AskError::Transcribe(error));
        }
        Err(AskError::Cooling { account: self.name.clone(), message, wait: jittered(FIRST_WAIT * (1 << tries)) })
    }

    /// What concerns the whole account pauses it; the rest is the clip's own.
    async fn failed(&self, error: AsrError) -> AskError {
        let until_ms = match &error {
            AsrError::AccountStopped { until_ms, .. } => *until_ms,
            AsrError::Credentials { .. } => None,
            AsrError::Rejected { .. } | AsrError::Refused { .. } => {
                self.circuit.succeeded();
                return AskError::Transcribe(error);
            }
            AsrError::NotLoaded { .. }
            | AsrError::Failed { .. }
            | AsrError::EngineEnded { .. }
            | AsrError::TooLong { .. }
            | AsrError::UnknownLanguage { .. }
            | AsrError::Closed
            | AsrError::Throttled { .. }
            | AsrError::Unavailable { .. }
            | AsrError::TimedOut { .. }
            | AsrError::NotEncoded { .. } => return AskError::Transcribe(error),
        };
        let message = error.to_string();
        match self.books.states.pause(&self.name, until_ms, error.code(), &message, ACTOR).await {
            Ok(is_news) => {
                if is_news {
                    tracing::error!(account = %self.name, "the account is paused: {message}");
                }
                self.open().await.err().unwrap_or(AskError::Transcribe(error))
            }
            Err(error) => AskError::Write(error),
        }
    }
}

/// A permit while its request is in flight.
struct Held {
    permit: Option<Permit>,
    /// Whether a request that is dropped here may still run where it was sent.
    runs_on: bool,
}

impl Held {
    async fn lost(&self) {
        match &self.permit {
            Some(permit) => permit.lost().cancelled().await,
            None => std::future::pending().await,
        }
    }

    fn give_back(&mut self) {
        self.permit = None;
    }

    /// Leaves the place taken for a lease, where the request may still run.
    fn leave(&mut self) {
        if let Some(permit) = self.permit.take().filter(|_| self.runs_on) {
            permit.leave();
        }
    }
}

impl Drop for Held {
    /// Comes before the answer only when nobody waits for it any more: the place stays taken for a lease.
    fn drop(&mut self) {
        self.leave();
    }
}

/// `work`, unless nobody wants it any more.
async fn unless<T>(abandon: &CancellationToken, work: impl Future<Output = T>) -> Result<T, AskError> {
    tokio::select! {
        () = abandon.cancelled() => Err(AskError::Abandoned),
        done = work => Ok(done),
    }
}

/// `wait` and up to half of it more, so that those who wait do not come back all at once.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(1.0 + fastrand::f64() / 2.0)
}
