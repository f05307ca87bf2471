//! `earmark up`, `earmark serve`, `earmark work`.

use std::cell::Cell;
use std::sync::Arc;

use earmark_core::WorkerId;
use earmark_pipeline::{Accounts, NoProgress, RuleBook};
use earmark_queue::Ended;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Loading};
use crate::config::CommandError;
use crate::desk::rules::in_force::named;
use crate::desk::service::{Halves, Stopped};
use crate::desk::signals::Signals;
use crate::desk::{Desk, counted};
use crate::doors::http;
use crate::service::{orphans, rule_watch, say, tidying};

/// Runs until a signal asks to stop; then takes nothing new, finishes or hands back what runs. A second signal ends
/// it at once. A job that hangs ends it in the same order, to be replaced.
pub async fn up(desk: &Desk, halves: Halves) -> Result<Stopped, CommandError> {
    let app = desk.app();
    // Before anything says that it is ready: a signal from then on is heard.
    let mut signals = Signals::listen();
    let loading = if halves == Halves::Serve { Loading::Late } else { Loading::Now };
    // What is offered here is told apart by the rules in force, too: they are known before anything is taken in.
    let (rules, why) = match app.rules_in_force().await {
        Ok(found) => found,
        Err(complaint) => {
            // The process ends with what is wrong, whether or not it can be put on the list of alerts.
            if let Err(failed) = rule_watch::refuse_to_start(app).await {
                tracing::warn!("could not raise an alert: {}", failed.problem.message);
            }
            return Err(complaint);
        }
    };
    say(&format!("rules: {}, {why}", named(&rules)));
    app.note_rules(&rules.id().sha256, &why).await?;
    rule_watch::started(app).await?;
    let book = app.rule_book(rules);
    let accounts = app.accounts(loading).await?;
    let stop = CancellationToken::new();
    let serving = async {
        match halves {
            Halves::Work => Ok(()),
            Halves::Serve | Halves::Both => http::serve(desk, &accounts, stop.clone()).await,
        }
    };
    let working = async {
        match halves {
            Halves::Serve => Ok(Ended::Stopped),
            Halves::Work | Halves::Both => work(app, &accounts, book.clone(), stop.clone()).await,
        }
    };
    let is_asked_to_stop = Cell::new(false);
    let signalled = async {
        signals.next().await;
        say("stopping: running jobs may finish, nothing new is taken");
        is_asked_to_stop.set(true);
        stop.cancel();
        signals.next().await;
    };
    // Whichever half fails takes the other down with it: half a service looks like a whole one from outside.
    let halves = async { tokio::join!(ending(serving, &stop), ending(working, &stop)) };
    // Whoever serves takes jobs in and hands them on too.
    let brokering = async {
        match &app.broker {
            Some(broker) => broker.run(&stop).await,
            None => std::future::pending().await,
        }
    };
    let watching = async {
        rule_watch::watch(app, &book, &stop).await;
        std::future::pending().await
    };
    tokio::select! {
        () = watching => Ok(Stopped::InOrder),
        (served, worked) = halves => match served.and(worked)? {
            Ended::Hung if !is_asked_to_stop.get() => Ok(Stopped::Hung),
            Ended::Hung | Ended::Stopped => Ok(Stopped::InOrder),
        },
        () = brokering => Ok(Stopped::InOrder),
        () = signalled => {
            say("stopped at the second signal; what ran is taken up again at the next start");
            Ok(Stopped::AtOnce)
        }
    }
}

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

async fn work(
    app: &App,
    accounts: &Accounts,
    book: Arc<RuleBook>,
    stop: CancellationToken,
) -> Result<Ended, CommandError> {
    let pipeline = app.pipeline_with(accounts.clone(), book, Arc::new(NoProgress))?;
    let worker = WorkerId::fresh();
    let lock = app.journal.register_worker(&worker, &app.worker_info()).await?;
    // Whatever a killed worker of this machine held is free at once, not after its lease.
    let recovered = app.journal.recover().await?;
    if !recovered.is_empty() {
        say(&format!("took {} back from workers that had died", counted(recovered.freed.len(), "job", "jobs")));
    }
    // The budget may have been raised since; whoever is still over it waits again.
    app.journal.wake("budget.spent").await?;
    say(&format!("working: {} at a time", counted(app.slots(), "recording", "recordings")));
    let running = app.worker(&worker, app.attempts(pipeline));
    let delivery = app.delivery()?;
    if delivery.is_some() && app.config.notify.secret.is_none() {
        say("warning: EARMARK__NOTIFY__SECRET is not set: outcomes are posted unsigned");
    }
    let delivering = async {
        match &delivery {
            Some(delivery) => delivery.run().await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        ended = running.run(stop.clone()) => ended,
        () = delivering => Ended::Stopped,
        () = orphans::daily(app) => Ended::Stopped,
        () = tidying::hourly(app) => Ended::Stopped,
    };
    if ended == Ended::Hung {
        say("a job hangs here: this process replaces itself");
        stop.cancel();
    }
    app.journal.worker_stopped(&worker).await?;
    drop(lock);
    Ok(ended)
}
