//! One request to a recogniser: the account open, a permit held exactly while it is in flight, its price booked as it is
//! sent; asked again when the provider was busy, never in vain when it will stay so.

use std::time::Duration;

use earmark_asr::{AsrError, ClipRequest, Hearing};
use earmark_core::{ClipText, Failure, Lane, Lease, Tenant};
use earmark_journal::{AccountState, Booking, Budget, JournalError, Settlement};
use earmark_permits::{Asker, Permit};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::provider_account::ProviderAccount;
use crate::request_error::RequestError;

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
pub struct Request<'a> {
    /// Whose permits and budget it takes from.
    pub tenant: &'a Tenant,
    /// How urgent it is among those who wait for a permit.
    pub lane: Lane,
    /// For a job: its lease, under which the request is counted.
    pub lease: Option<&'a Lease>,
    /// The clip, prepared by the account's recogniser.
    pub clip: ClipRequest,
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
    /// What was booked when it was sent: its length, its day, its price as far as it was known then.
    pub booking: Booking,
    /// What is to be settled together with the text; for requests without a job it is settled already.
    pub settled: Settlement,
}

/// What became of one sending.
enum Sent {
    Answered(Box<Answer>),
    Failed(AsrError),
    /// The permit could not be renewed: the request was given up, what became of it is unknown.
    PermitLost,
}

impl ProviderAccount {
    /// The text of one clip. Waits for as long as the account is only busy.
    ///
    /// # Errors
    /// [`RequestError`], with the job's fate.
    pub async fn transcribe(&self, request: &Request<'_>) -> Result<Answer, RequestError> {
        let began = Instant::now();
        let mut tries = 0;
        loop {
            let trial = unless(request.abandon, self.circuit_breaker.pass()).await?;
            self.check_open().await?;
            let sent_at = Instant::now();
            let sent = self.send(request).await?;
            let wait = match sent {
                Sent::Answered(answer) => {
                    self.circuit_breaker.succeeded();
                    return Ok(*answer);
                }
                Sent::PermitLost => {
                    tracing::warn!(account = %self.name, request = %request.clip.request_id, "a permit could not be renewed; its request was given up and will be sent again");
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
            unless(request.abandon, tokio::time::sleep(jittered(wait))).await?;
        }
    }

    /// Whether the account may be used now.
    ///
    /// # Errors
    /// [`RequestError::Paused`], [`RequestError::Cooling`], [`RequestError::Write`].
    pub(crate) async fn check_open(&self) -> Result<(), RequestError> {
        let now_ms = self.ledger.clock.now_ms();
        let until = |until_ms: i64| Duration::from_millis(u64::try_from(until_ms - now_ms).unwrap_or(0));
        let account = self.name.clone();
        match self.ledger.states.state(&self.name).await.map_err(RequestError::Write)? {
            AccountState::Open => Ok(()),
            AccountState::Cooling { until_ms, message, code: _ } => {
                Err(RequestError::Cooling { account, message, wait: jittered(until(until_ms)) })
            }
            AccountState::Paused { until_ms, code, message } => {
                let wait = until_ms.map_or(LONGEST_LOOK, until);
                Err(RequestError::Paused { account, code, message, wait: jittered(wait) })
            }
        }
    }

    async fn send(&self, request: &Request<'_>) -> Result<Sent, RequestError> {
        let asker = Asker { lane: request.lane, tenant: request.tenant.clone() };
        let permit = unless(request.abandon, self.permits.acquire(&asker)).await?;
        // Much may have happened while this request waited for its turn.
        self.check_open().await?;
        let (booking, next_day_ms) = self.booking(request);
        // What costs nothing needs no budget.
        let budget = if booking.price_micro_cny > 0 { self.ledger.budget_of(request.tenant) } else { None };
        if budget.is_some() {
            self.book(request, &booking, budget, next_day_ms).await?;
        }
        let mut clip = request.clip.clone();
        clip.preceding = (request.preceding)();
        let sent = Instant::now();
        let mut in_flight = InFlight { permit: Some(permit), runs_on: self.transcriber.limits().takes_files };
        let answering = async {
            tokio::select! {
                answer = self.transcriber.transcribe(clip, request.hearing) => Some(answer),
                () = in_flight.lost() => None,
            }
        };
        // Without a budget there is nothing to refuse: the booking is written while the sound goes up, so that the permit
        // does not wait for the disk.
        let booking_it =
            async { if budget.is_some() { Ok(()) } else { self.book(request, &booking, None, next_day_ms).await } };
        let (answer, booked) = tokio::join!(answering, booking_it);
        if matches!(answer, Some(Err(AsrError::TimedOut { .. })) | None) {
            in_flight.leave();
        }
        in_flight.give_back();
        booked?;
        let latency_ms = u64::try_from(sent.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Some(answer) = answer else { return Ok(Sent::PermitLost) };
        let (billed_ms, is_answered) = answer.as_ref().map_or((0, false), |text| (text.billed_ms, true));
        let settled =
            Settlement { billed_ms, price_micro_cny: self.price_micro_cny(billed_ms), latency_ms, is_answered };
        // A job's answer is settled with its text, in one transaction.
        if request.lease.is_none() || !is_answered {
            self.ledger.usage.settle(&booking, &settled).await.map_err(RequestError::Write)?;
        }
        Ok(match answer {
            Ok(text) => Sent::Answered(Box::new(Answer { text, booking, settled })),
            Err(error) => Sent::Failed(error),
        })
    }

    /// What is to be booked, and when its day ends.
    fn booking(&self, request: &Request<'_>) -> (Booking, i64) {
        let (day, next_day_ms) = self.ledger.day();
        let audio_ms = request.clip.sound.duration_ms();
        let booking = Booking {
            day,
            tenant: request.tenant.clone(),
            account: self.name.clone(),
            job_id: request.lease.map(|lease| lease.job_id.clone()),
            audio_ms,
            price_micro_cny: self.price_micro_cny(self.transcriber.billed_ms(audio_ms)),
        };
        (booking, next_day_ms)
    }

    async fn book(
        &self,
        request: &Request<'_>,
        booking: &Booking,
        budget: Option<Budget>,
        next_day_ms: i64,
    ) -> Result<(), RequestError> {
        let booked = match request.lease {
            Some(lease) => self.ledger.journal.book_request(lease, booking, budget).await,
            None => self.ledger.usage.book(booking, budget).await,
        };
        booked.map_err(|error| match error {
            source @ JournalError::BudgetSpent { .. } => {
                let wait_ms = u64::try_from(next_day_ms - self.ledger.clock.now_ms()).unwrap_or(0);
                RequestError::Budget { source, wait: Duration::from_millis(wait_ms) }
            }
            error => RequestError::Write(error),
        })
    }

    /// How long to wait before the clip is asked for again; an error when its job is to be put back instead.
    async fn unavailable(
        &self,
        error: AsrError,
        sent: Instant,
        began: Instant,
        tries: u32,
    ) -> Result<Duration, RequestError> {
        let message = error.to_string();
        // What fails on this machine says nothing of the others, nor of the clip.
        let is_here = self.transcriber.is_here();
        if let Some(pause) = self.circuit_breaker.failed(sent) {
            tracing::warn!(account = %self.name, secs = pause.as_secs(), "nothing is asked for a while: {message}");
            if !is_here {
                let until_ms = self.ledger.clock.now_ms() + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 2);
                let cooled = self.ledger.states.cool(&self.name, until_ms, error.code(), &message, ACTOR);
                cooled.await.map_err(RequestError::Write)?;
            }
            return Err(RequestError::Cooling { account: self.name.clone(), message, wait: jittered(pause) });
        }
        if tries < TRIES {
            return Ok(FIRST_WAIT * (1 << (tries - 1)));
        }
        let is_overload =
            matches!(&error, AsrError::Unavailable { code: Some(code), .. } if OVERLOADED.contains(&code.as_str()));
        if !is_overload && !is_here && self.circuit_breaker.has_succeeded_since(began) {
            // Others were answered meanwhile: it may be this clip's own fault, and costs its job an attempt.
            return Err(RequestError::Transcribe(error));
        }
        Err(RequestError::Cooling { account: self.name.clone(), message, wait: jittered(FIRST_WAIT * (1 << tries)) })
    }

    /// What concerns the whole account pauses it; the rest is the clip's own.
    async fn failed(&self, error: AsrError) -> RequestError {
        let until_ms = match &error {
            AsrError::AccountStopped { until_ms, .. } => *until_ms,
            AsrError::Credentials { .. } => None,
            AsrError::Rejected { .. } | AsrError::Refused { .. } => {
                self.circuit_breaker.succeeded();
                return RequestError::Transcribe(error);
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
            | AsrError::NotEncoded { .. } => return RequestError::Transcribe(error),
        };
        let message = error.to_string();
        match self.ledger.states.pause(&self.name, until_ms, error.code(), &message, ACTOR).await {
            Ok(is_news) => {
                if is_news {
                    tracing::error!(account = %self.name, "the account is paused: {message}");
                }
                self.check_open().await.err().unwrap_or(RequestError::Transcribe(error))
            }
            Err(error) => RequestError::Write(error),
        }
    }
}

/// A permit while its request is in flight.
struct InFlight {
    permit: Option<Permit>,
    /// Whether a request that is dropped here may still run where it was sent.
    runs_on: bool,
}

impl InFlight {
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

impl Drop for InFlight {
    /// Comes before the answer only when nobody waits for it any more: the place stays taken for a lease.
    fn drop(&mut self) {
        self.leave();
    }
}

/// `work`, unless nobody wants it any more.
async fn unless<T>(abandon: &CancellationToken, work: impl Future<Output = T>) -> Result<T, RequestError> {
    tokio::select! {
        () = abandon.cancelled() => Err(RequestError::Abandoned),
        done = work => Ok(done),
    }
}

/// `wait` and up to half of it more, so that those who wait do not come back all at once.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(1.0 + fastrand::f64() / 2.0)
}
