//! Jobs that do nothing, through the streams, the task that fills slots and apalis' worker as in production, without a journal.
//! Prints one JSON object.

#![allow(clippy::print_stdout, reason = "what it measured goes to benches/throughput.py")]

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use clap::{Parser, Subcommand};
use earmark_core::{Lane, WorkerId};
use earmark_queue::{Entry, Health, Streams, Work, work_through};
use earmark_redis::Link;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Jobs per message to the server when they are pushed in bulk.
const BULK: usize = 1000;
/// Between two jobs on an idle queue.
const GAP: Duration = Duration::from_millis(20);

#[derive(Parser)]
struct Args {
    /// The URL of the queue's server.
    #[arg(long)]
    redis: String,
    /// How many jobs to push or to work through.
    #[arg(long)]
    jobs: usize,
    /// Jobs at a time.
    #[arg(long, default_value_t = 20)]
    slots: usize,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Pushes jobs one by one, each after the answer to the one before.
    PushOne,
    /// Pushes jobs in bulk.
    Push,
    /// Works through jobs that lie there.
    Work,
    /// Pushes a job now and then while a worker waits, and measures from there to its start.
    Idle,
}

/// Does nothing, and notes when.
struct Nothing {
    streams: Arc<Streams>,
    begun: Instant,
    first: Mutex<Option<Instant>>,
    delays_us: Mutex<Vec<u64>>,
    left: AtomicU64,
    ended: CancellationToken,
    is_timed: bool,
}

#[async_trait]
impl Work<Entry> for Nothing {
    async fn work(&self, entry: Entry) {
        if self.is_timed {
            let now_us = micros(self.begun.elapsed());
            let pushed_us: u64 = entry.job.parse().unwrap_or(now_us);
            self.delays_us.lock().unwrap_or_else(PoisonError::into_inner).push(now_us.saturating_sub(pushed_us));
        } else {
            self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
        }
        self.streams.acknowledge(entry);
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.ended.cancel();
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args = Args::parse();
    let streams = || -> Result<Arc<Streams>, Box<dyn Error>> {
        let link = Arc::new(Link::parse(&args.redis)?);
        Ok(Arc::new(Streams::new(link, Arc::new(Health::default()), WorkerId::fresh().as_str())))
    };
    let streams_of_worker = streams()?;
    let told = match args.what {
        What::PushOne => push(&*streams()?, args.jobs, 1).await?,
        What::Push => push(&*streams()?, args.jobs, BULK).await?,
        What::Work => work(streams_of_worker, &args, None).await?,
        What::Idle => work(streams_of_worker, &args, Some(streams()?)).await?,
    };
    println!("{told}");
    Ok(())
}

#[expect(clippy::as_conversions, reason = "jobs are counted, far below 2^52")]
async fn push(streams: &Streams, jobs: usize, bulk: usize) -> Result<Value, Box<dyn Error>> {
    let begun = Instant::now();
    for from in (0..jobs).step_by(bulk) {
        let batch: Vec<String> = (from..jobs.min(from + bulk)).map(|at| format!("{at:036}")).collect();
        streams.push(Lane::Call, &batch).await?;
    }
    Ok(json!({"per_s": jobs as f64 / begun.elapsed().as_secs_f64()}))
}

#[expect(clippy::as_conversions, reason = "jobs and microseconds, far below 2^52; a share of the jobs is rounded down")]
async fn work(streams: Arc<Streams>, args: &Args, pusher: Option<Arc<Streams>>) -> Result<Value, Box<dyn Error>> {
    let ended = CancellationToken::new();
    let nothing = Arc::new(Nothing {
        streams: streams.clone(),
        begun: Instant::now(),
        first: Mutex::default(),
        delays_us: Mutex::default(),
        left: AtomicU64::new(args.jobs as u64),
        ended: ended.clone(),
        is_timed: pusher.is_some(),
    });
    let maintaining = tokio::spawn({
        let streams = streams.clone();
        async move { streams.maintain().await }
    });
    let working = tokio::spawn({
        let (nothing, slots) = (nothing.clone(), args.slots);
        async move { work_through("bench", &*streams, slots, nothing, &ended).await }
    });
    if let Some(pusher) = pusher {
        let mut ticks = tokio::time::interval(GAP);
        // The worker connects and waits.
        ticks.tick().await;
        for _ in 0..args.jobs {
            ticks.tick().await;
            pusher.push(Lane::Call, &[micros(nothing.begun.elapsed()).to_string()]).await?;
        }
    }
    working.await?;
    let last = Instant::now();
    maintaining.abort();
    let peak_mb = peak_mb()?;
    let first = nothing.first.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(first) = first {
        return Ok(json!({"per_s": args.jobs as f64 / (last - first).as_secs_f64(), "peak_mb": peak_mb}));
    }
    let mut delays = std::mem::take(&mut *nothing.delays_us.lock().unwrap_or_else(PoisonError::into_inner));
    delays.sort_unstable();
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
    Ok(json!({"p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0), "peak_mb": peak_mb}))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The most memory this process ever had, in MB.
fn peak_mb() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes / 1024.0)
}
