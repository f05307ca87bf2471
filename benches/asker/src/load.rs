//! Clips asked for side by side, as the jobs of a worker ask.

use std::collections::BTreeMap;
use std::fmt;

use clap::Parser;
use earmark_asr::{AsrError, ClipRequest, LanguageChoice, NotHearing, Sound};
use earmark_core::{Clock, Failure, Lane, Tenant, ms_to_samples};
use earmark_pipeline::{Answer, ProviderAccount, Request, RequestError};
use futures::{StreamExt, stream};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::clips::clip;

/// Ask an account for made-up clips as fast as its permits allow; a JSON summary on standard output.
#[derive(Debug, Parser)]
#[command(name = "earmark-asker")]
pub(crate) struct Load {
    /// How many clips
    #[arg(long)]
    clips: u64,
    /// Length of each clip, in milliseconds
    #[arg(long, default_value_t = 28_000)]
    clip_ms: u64,
    /// The tenant whose account is asked
    #[arg(long, default_value = "default", value_parser = tenant)]
    pub(crate) tenant: Tenant,
    /// The lane, and so how urgent: webhook, call, archive
    #[arg(long, default_value = "call")]
    lane: Lane,
    /// Another number makes other clips
    #[arg(long, default_value_t = 0)]
    seed: u32,
}

/// What came of all requests.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Summary {
    /// Requests that were answered.
    answered: u64,
    /// Requests that failed, by the error's code.
    failed: BTreeMap<&'static str, u64>,
    /// From the first clip to the last answer, in milliseconds.
    elapsed_ms: i64,
    /// Of an answered request, upload included; in the mean.
    mean_latency_ms: u64,
}

fn tenant(text: &str) -> Result<Tenant, String> {
    Tenant::parse(text).map_err(|error| error.to_string())
}

impl Load {
    /// Has every clip asked for, as many at a time as a worker has ready or under way.
    pub(crate) async fn ask_all(&self, account: &ProviderAccount, clock: &dyn Clock) -> Summary {
        let started_ms = clock.now_ms();
        let asks = stream::iter(0..self.clips).map(|number| self.ask(account, number));
        let mut answers = asks.buffer_unordered(account.share());
        let mut summary = Summary::default();
        let mut latency_ms = 0;
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(answer) => {
                    summary.answered += 1;
                    latency_ms += answer.settled.latency_ms;
                }
                Err(error) => *summary.failed.entry(error.code()).or_default() += 1,
            }
        }
        summary.elapsed_ms = clock.now_ms() - started_ms;
        summary.mean_latency_ms = latency_ms / summary.answered.max(1);
        summary
    }

    async fn ask(&self, account: &ProviderAccount, number: u64) -> Result<Answer, RequestError> {
        let samples = usize::try_from(ms_to_samples(self.clip_ms)).map_err(not_made)?;
        let seed = (u64::from(self.seed) << 32) + number;
        let made = tokio::task::spawn_blocking(move || clip(seed, samples)).await.map_err(not_made)?;
        let language = LanguageChoice::Fixed("zh".into());
        let request = ClipRequest {
            user_id: Some(format!("{}-{}", account.name, self.tenant)),
            ..ClipRequest::new(Sound::of(made), language, format!("asker-{}-{number}", self.seed))
        };
        let request = Request {
            tenant: &self.tenant,
            lane: self.lane,
            lease: None,
            clip: account.transcriber.prepare(request).await.map_err(RequestError::Transcribe)?,
            preceding: &|| None,
            hearing: &NotHearing,
            abandon: &CancellationToken::new(),
        };
        account.transcribe(&request).await
    }
}

fn not_made(error: impl fmt::Display) -> RequestError {
    RequestError::Transcribe(AsrError::NotEncoded { detail: error.to_string() })
}
