//! `earmark up`, `earmark serve`, `earmark work`.

use std::cell::Cell;
use std::sync::Arc;

use earmark_notify::Delivery;
use earmark_pipeline::{ProviderAccounts, RuleBook};
use earmark_queue::WorkerEnd;
use tokio_util::sync::CancellationToken;

use super::watch::watch;
use super::work::work;
use super::{delivery, rules};
use crate::app::{App, Loading};
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::notice::say;
use crate::desk::rules::in_force::named;
use crate::desk::service::{Halves, Stopped};
use crate::desk::signals::Signals;
use crate::doors;

/// Runs until a signal asks to stop; then takes nothing new, finishes or hands back what runs. A second signal, more than a
/// second later, ends it at once. A job that hangs ends it in the same order, to be replaced.
///
/// # Errors
/// [`CommandError`] with what keeps it from starting, or what ended one of its halves.
pub async fn up(desk: &Desk, halves: Halves) -> Result<Stopped, CommandError> {
    let app = desk.app();
    // Before anything says that it is ready: a signal from then on is heard.
    let mut signals = Signals::listen();
    let parts = tokio::select! {
        parts = Parts::prepare(app, halves) => parts?,
        () = signals.next() => {
            say("stopped before it had started");
            return Ok(Stopped::InOrder);
        }
    };
    let Parts { book, accounts, delivery } = parts;
    let stop = CancellationToken::new();
    let serving = async {
        match halves {
            Halves::Work => Ok(()),
            Halves::Serve | Halves::Both => doors::serve(desk, &accounts, stop.clone()).await,
        }
    };
    let working = async {
        match halves {
            Halves::Serve => Ok(WorkerEnd::Stopped),
            Halves::Work | Halves::Both => work(app, &accounts, book.clone(), stop.clone()).await,
        }
    };
    // Whichever half fails takes the other down with it: half a service looks like a whole one from outside.
    let both = async { tokio::join!(ending(serving, &stop), ending(working, &stop)) };
    let is_asked_to_stop = Cell::new(false);
    let signalled = async {
        signals.next().await;
        say(&format!(
            "stopping: running jobs may finish, nothing new is taken; at most {} s, another signal ends it at once",
            app.config.worker.longest_stop().as_secs()
        ));
        is_asked_to_stop.set(true);
        stop.cancel();
        signals.next().await;
    };
    tokio::select! {
        () = watching(app, &book, &stop) => Ok(Stopped::InOrder),
        () = watch(app) => Ok(Stopped::InOrder),
        // Whoever serves tells, too: that no worker is left is told by whoever is.
        () = delivery::run(delivery.as_ref()) => Ok(Stopped::InOrder),
        (served, worked) = both => match served.and(worked)? {
            WorkerEnd::Hung if !is_asked_to_stop.get() => Ok(Stopped::Hung),
            WorkerEnd::Hung | WorkerEnd::Stopped => Ok(Stopped::InOrder),
        },
        () = brokering(app, &stop) => Ok(Stopped::InOrder),
        () = signalled => {
            say("stopped at the second signal; what ran is taken up again at the next start");
            Ok(Stopped::AtOnce)
        }
    }
}

/// What both halves take.
struct Parts {
    book: Arc<RuleBook>,
    accounts: ProviderAccounts,
    /// None where nobody is to be told.
    delivery: Option<Delivery>,
}

impl Parts {
    async fn prepare(app: &App, halves: Halves) -> Result<Self, CommandError> {
        app.prepare_queue().await?;
        let book = rules_to_start_with(app).await?;
        let loading = if halves == Halves::Serve { Loading::Late } else { Loading::Now };
        let accounts = app.accounts(loading).await?;
        Ok(Self { book, accounts, delivery: delivery::prepare(app)? })
    }
}

/// The rules in force. What is offered here is told apart by them, too: they are known before anything is taken in.
async fn rules_to_start_with(app: &App) -> Result<Arc<RuleBook>, CommandError> {
    let (rules, why) = match app.rules_in_force().await {
        Ok(found) => found,
        Err(error) => {
            // The process ends with what is wrong, whether or not it can be put on the list of alerts.
            if let Err(failed) = rules::refuse_to_start(app).await {
                tracing::warn!("could not raise an alert: {}", failed.problem.message);
            }
            return Err(error);
        }
    };
    say(&format!("rules: {}, {why}", named(&rules)));
    app.note_rules(&rules.id().sha256, &why).await?;
    rules::started(app).await?;
    Ok(app.rule_book(rules))
}

/// Goes over to other rules until `stop`; never returns.
async fn watching(app: &App, book: &Arc<RuleBook>, stop: &CancellationToken) {
    rules::watch(app, book, stop).await;
    std::future::pending().await
}

/// This process's part in a queue on Redis: whoever serves takes jobs in and hands them on too.
async fn brokering(app: &App, stop: &CancellationToken) {
    match &app.broker {
        Some(broker) => broker.run(stop).await,
        None => std::future::pending().await,
    }
}

/// Runs one half, and stops all where it fails.
async fn ending<T>(
    half: impl Future<Output = Result<T, CommandError>>,
    stop: &CancellationToken,
) -> Result<T, CommandError> {
    let result = half.await;
    if result.is_err() {
        stop.cancel();
    }
    result
}
