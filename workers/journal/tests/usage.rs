//! Requests booked, settled and kept within budgets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::{Failure, Job, JobId, Lane, Lease, Tenant};
use earmark_journal::{Booking, Budget, Journal, JournalError, Settlement, Usage, UsageFilter, UsageRow};
use support::*;

on_both!(
    a_request_is_counted_and_booked_at_once_and_only_by_the_holder,
    a_saved_clip_settles_its_request_or_neither_is_written,
    a_booking_whose_answer_nobody_saw_stays,
    many_at_once_spend_the_budget_to_the_last_request_and_raise_one_alert,
    a_spent_budget_is_the_tenants_alone_and_over_the_next_day,
    a_settlement_frees_what_was_not_spent_and_counts_to_the_day_of_its_booking,
    usage_is_summed_by_day_tenant_and_account_and_by_job_on_request,
    the_mean_latency_is_of_an_accounts_answers_in_the_last_seven_days,
    workers_of_several_processes_share_one_budget,
);

const DAY_MS: i64 = 86_400_000;
const BUDGET: Option<Budget> = Some(Budget { limit_micro_cny: 5000 });

async fn leased(stores: &Stores) -> (Job, Lease) {
    stores.journal.accept(&new_job("a"), "cli").await.unwrap();
    stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap()
}

fn without_job() -> Booking {
    Booking { job_id: None, ..booking(&JobId::at(0)) }
}

fn answered(billed_ms: u64, price_micro_cny: i64, latency_ms: u64) -> Settlement {
    Settlement { billed_ms, price_micro_cny, latency_ms, is_answered: true }
}

const REFUSED: Settlement = Settlement { billed_ms: 0, price_micro_cny: 0, latency_ms: 7, is_answered: false };

async fn rows(stores: &Stores, by_job: bool) -> Vec<UsageRow> {
    stores.usage.rows(&UsageFilter { by_job, ..UsageFilter::default() }).await.unwrap()
}

/// Requests and price of all there is.
async fn total(stores: &Stores) -> (u64, i64) {
    rows(stores, false).await.iter().fold((0, 0), |sum, row| (sum.0 + row.requests, sum.1 + row.price_micro_cny))
}

async fn alerts(stores: &Stores) -> Vec<String> {
    let alerts = stores.outbox.alerts(None, true, 10).await.unwrap();
    assert!(alerts.iter().all(|alert| alert.kind == "budget.spent"));
    alerts.into_iter().map(|alert| format!("{}: {}", alert.tenant, alert.message)).collect()
}

async fn a_request_is_counted_and_booked_at_once_and_only_by_the_holder(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (job, zombie) = leased(&stores).await;
    stores.clock.advance_ms(LEASE_MS + 1);
    stores.journal.sweep().await.unwrap();
    stores.clock.advance_ms(LEASE_MS);
    let booking = booking(&job.id);
    let refused = stores.journal.book_request(&zombie, &booking, BUDGET).await;
    assert!(matches!(refused, Err(JournalError::LeaseLost(_))), "{refused:?}");
    assert!(rows(&stores, true).await.is_empty());

    let (_, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    stores.journal.book_request(&lease, &booking, BUDGET).await.unwrap();
    assert_eq!(stores.journal.usage_of(&job.id).await.unwrap().requests, 1);
    let row = rows(&stores, true).await.pop().unwrap();
    assert_eq!((row.job_id, row.requests, row.answered), (Some(job.id.clone()), 1, 0));
    assert_eq!((row.audio_ms, row.billed_ms, row.price_micro_cny), (1000, 0, 1000));
}

async fn a_saved_clip_settles_its_request_or_neither_is_written(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (job, lease) = leased(&stores).await;
    let booking = booking(&job.id);
    stores.journal.book_request(&lease, &booking, None).await.unwrap();
    stores.journal.book_request(&lease, &booking, None).await.unwrap();
    let settled = answered(990, 400, 250);
    stores.journal.save_clip(&lease, "f", &clip(0), &clip_text("a"), Some((&booking, &settled))).await.unwrap();
    let row = rows(&stores, true).await.pop().unwrap();
    assert_eq!((row.requests, row.answered, row.billed_ms, row.latency_ms), (2, 1, 990, 250));
    assert_eq!(row.price_micro_cny, 1400, "one settled, one still as booked");

    stores.clock.advance_ms(LEASE_MS + 1);
    stores.journal.sweep().await.unwrap();
    let late =
        stores.journal.save_clip(&lease, "f", &clip(1), &clip_text("b"), Some((&booking, &settled))).await.unwrap_err();
    assert!(matches!(late, JournalError::LeaseLost(_)));
    assert_eq!(rows(&stores, true).await, [row]);
    // What was sent was sent: it can be settled by itself.
    stores.journal.settle_request(&booking, &settled).await.unwrap();
    assert_eq!(total(&stores).await, (2, 800));
}

async fn a_booking_whose_answer_nobody_saw_stays(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (job, lease) = leased(&stores).await;
    stores.journal.book_request(&lease, &booking(&job.id), BUDGET).await.unwrap();
    stores.clock.advance_ms(LEASE_MS + 1);
    stores.journal.sweep().await.unwrap();
    stores.clock.advance_ms(LEASE_MS);
    let (_, lease) = stores.journal.lease_next(&worker("v"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    for _ in 0..4 {
        stores.journal.book_request(&lease, &booking(&job.id), BUDGET).await.unwrap();
    }
    let refused = stores.journal.book_request(&lease, &booking(&job.id), BUDGET).await;
    assert!(matches!(refused, Err(JournalError::BudgetSpent { .. })), "the lost one counts: {refused:?}");
    assert_eq!(stores.journal.usage_of(&job.id).await.unwrap().requests, 5, "a refused request is not counted");
    assert_eq!(total(&stores).await, (5, 5000));
}

async fn many_at_once_spend_the_budget_to_the_last_request_and_raise_one_alert(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let mut bookings = Vec::new();
    for _ in 0..4 {
        let usage = Usage::new(stores.reopened().await);
        for _ in 0..5 {
            let usage = usage.clone();
            bookings.push(tokio::spawn(async move { usage.book(&without_job(), BUDGET).await }));
        }
    }
    let mut booked = 0;
    for booking in bookings {
        match booking.await.unwrap() {
            Ok(()) => booked += 1,
            Err(JournalError::BudgetSpent { spent_micro_cny, limit_micro_cny, .. }) => {
                assert_eq!((spent_micro_cny, limit_micro_cny), (5000, 5000));
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(booked, 5);
    assert_eq!(total(&stores).await, (5, 5000));
    assert_eq!(
        alerts(&stores).await,
        [
            "default: tenant default has spent 0.005 of its 0.005 yuan for 2025-10-09, and the next request would go over"
        ]
    );
}

async fn a_spent_budget_is_the_tenants_alone_and_over_the_next_day(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let usage = &stores.usage;
    let dear = Booking { price_micro_cny: 4000, ..without_job() };
    usage.book(&dear, BUDGET).await.unwrap();
    let refusal = usage.book(&dear, BUDGET).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.hint().is_some()), ("budget.spent", true));
    usage.book(&without_job(), BUDGET).await.expect("a cheaper one still fits");
    usage.book(&without_job(), None).await.expect("without a budget there is no limit");
    assert!(usage.book(&without_job(), BUDGET).await.is_err());
    let other = Booking { tenant: Tenant::parse("acme").unwrap(), ..dear.clone() };
    usage.book(&other, BUDGET).await.unwrap();
    assert_eq!(alerts(&stores).await.len(), 1);

    let tomorrow = Booking { day: "2025-10-10".into(), ..dear };
    usage.book(&tomorrow, BUDGET).await.unwrap();
    assert!(usage.book(&tomorrow, BUDGET).await.is_err());
    assert!(usage.book(&tomorrow, BUDGET).await.is_err());
    assert_eq!(alerts(&stores).await.len(), 2, "one a day");
    assert!(usage.book(&other, BUDGET).await.is_err());
    assert_eq!(alerts(&stores).await.len(), 3, "and one a tenant");
}

async fn a_settlement_frees_what_was_not_spent_and_counts_to_the_day_of_its_booking(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let usage = &stores.usage;
    for _ in 0..5 {
        usage.book(&without_job(), BUDGET).await.unwrap();
    }
    assert!(usage.book(&without_job(), BUDGET).await.is_err());
    stores.clock.advance_ms(DAY_MS);
    usage.settle(&without_job(), &REFUSED).await.unwrap();
    usage.settle(&without_job(), &answered(1000, 1500, 300)).await.unwrap();
    assert_eq!(total(&stores).await, (5, 4500));
    assert!(usage.book(&without_job(), BUDGET).await.is_err(), "500 are left, 1000 are wanted");
    usage.settle(&without_job(), &answered(500, 500, 100)).await.unwrap();
    usage.book(&without_job(), BUDGET).await.unwrap();

    let row = rows(&stores, false).await.pop().unwrap();
    assert_eq!((row.day.as_str(), row.requests, row.answered, row.billed_ms), ("2025-10-09", 6, 2, 1500));
    assert_eq!(row.latency_ms, 400, "an error says nothing about how long an answer takes");

    let never_booked = Booking { account: "spare".into(), ..without_job() };
    usage.settle(&never_booked, &answered(1, 1, 1)).await.unwrap();
    assert_eq!(rows(&stores, false).await.len(), 1);
    assert!(usage.book(&without_job(), BUDGET).await.is_err(), "it did not change what was spent");
}

async fn usage_is_summed_by_day_tenant_and_account_and_by_job_on_request(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let acme = Tenant::parse("acme").unwrap();
    let (first, second) = (JobId::at(1), JobId::at(2));
    let bookings = [
        booking(&first),
        booking(&first),
        booking(&second),
        without_job(),
        Booking { account: "spare".into(), ..booking(&first) },
        Booking { tenant: acme.clone(), ..booking(&first) },
        Booking { day: "2025-10-10".into(), ..booking(&first) },
    ];
    for booking in &bookings {
        stores.usage.book(booking, None).await.unwrap();
    }
    let shown = async |filter: UsageFilter| {
        let rows = stores.usage.rows(&filter).await.unwrap();
        let name = |row: &UsageRow| {
            let job = match &row.job_id {
                Some(id) if *id == first => " first",
                Some(_) => " second",
                None => "",
            };
            format!("{} {} {}{job} {}", &row.day[8..], row.tenant, row.account, row.requests)
        };
        rows.iter().map(name).collect::<Vec<_>>()
    };
    let all = UsageFilter::default();
    assert_eq!(
        shown(all.clone()).await,
        ["09 acme main 1", "09 default main 4", "09 default spare 1", "10 default main 1"]
    );
    let default =
        UsageFilter { tenant: Some(Tenant::default()), account: Some("main".into()), by_job: true, ..all.clone() };
    assert_eq!(
        shown(default).await,
        ["09 default main 1", "09 default main first 2", "09 default main second 1", "10 default main first 1"]
    );
    assert_eq!(shown(UsageFilter { since_day: Some("2025-10-10".into()), ..all }).await, ["10 default main 1"]);
}

async fn the_mean_latency_is_of_an_accounts_answers_in_the_last_seven_days(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let usage = &stores.usage;
    usage.book(&without_job(), None).await.unwrap();
    assert_eq!(usage.mean_latency_ms("main").await.unwrap(), None, "nothing was answered yet");
    for settled in [answered(1, 1, 200), answered(1, 1, 400), REFUSED] {
        usage.settle(&without_job(), &settled).await.unwrap();
    }
    assert_eq!(usage.mean_latency_ms("main").await.unwrap(), Some(300));
    assert_eq!(usage.mean_latency_ms("spare").await.unwrap(), None);
    stores.clock.advance_ms(6 * DAY_MS);
    assert_eq!(usage.mean_latency_ms("main").await.unwrap(), Some(300));
    stores.clock.advance_ms(DAY_MS);
    assert_eq!(usage.mean_latency_ms("main").await.unwrap(), None);
}

async fn workers_of_several_processes_share_one_budget(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let mut senders = Vec::new();
    for process in 0..4 {
        stores.journal.accept(&new_job(&process.to_string()), "cli").await.unwrap();
        let journal = Journal::new(stores.reopened().await);
        senders.push(tokio::spawn(async move {
            let (job, lease) =
                journal.lease_next(&worker(&process.to_string()), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
            let mut sent = 0;
            while journal.book_request(&lease, &booking(&job.id), BUDGET).await.is_ok() {
                sent += 1;
            }
            sent
        }));
    }
    let mut sent = 0;
    for sender in senders {
        sent += sender.await.unwrap();
    }
    assert_eq!(sent, 5);
    assert_eq!(alerts(&stores).await.len(), 1);
}
