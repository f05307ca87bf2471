//! What recordings would take and cost. They are fetched, decoded and searched for speech here; nothing is sent,
//! journaled or written.

use std::collections::BTreeMap;
use std::sync::Arc;

use earmark_core::{Failure, NewJob, rfc3339};
use earmark_pipeline::{NoProgress, Pipeline, ProviderAccount, Survey};
use earmark_rules::RuleSet;
use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::Desk;
use super::views::{AccountLoad, Load, PlanRow, PlanTotal, PlannedRecording, yuan};
use crate::app::Loading;
use crate::config::{CommandError, Config, Hidden, Output, locate};

/// Recordings and what each would take, in the order in which they were given.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One for each recording.
    pub rows: Vec<PlanRow>,
    /// All of them together.
    pub total: PlanTotal,
}

impl Desk {
    /// A desk that plans, and makes neither a database nor an output folder for it.
    ///
    /// # Errors
    /// [`CommandError`] with a hint.
    pub async fn open_for_plan(mut config: Config) -> Result<Self, CommandError> {
        config.storage.output = Output::Folder(locate::temp_dir(&config));
        match Self::open_existing(config.clone()).await {
            Err(error) if error.problem.code == "database.missing" => {
                config.database.url = Hidden::new("sqlite::memory:".into());
                Self::open(config).await
            }
            opened => opened,
        }
    }

    /// Looks at the recordings of `offered`, some at a time, and shows each to `seen` as its turn comes. `stop` ends it
    /// early.
    ///
    /// # Errors
    /// [`CommandError`] when no engine is set up, the database fails, or what `seen` says.
    pub async fn plan(
        &self,
        offered: Vec<NewJob>,
        stop: &CancellationToken,
        mut seen: impl FnMut(&PlanRow) -> Result<(), CommandError>,
    ) -> Result<Plan, CommandError> {
        let accounts = self.app.accounts(Loading::Late).await?;
        // The rules do not matter: there is no text.
        let rules = self.app.rule_book(Arc::new(RuleSet::starter()));
        let pipeline = self.app.pipeline_with(accounts, rules, Arc::new(NoProgress))?;
        let mut rows = Vec::with_capacity(offered.len());
        let mut looking = stream::iter(offered).map(|new| row(&pipeline, new, stop)).buffered(self.app.slots());
        while let Some(row) = looking.next().await {
            seen(&row)?;
            rows.push(row);
        }
        drop(looking);
        let total = self.total(&pipeline, &rows).await?;
        Ok(Plan { rows, total })
    }

    async fn total(&self, pipeline: &Pipeline, rows: &[PlanRow]) -> Result<PlanTotal, CommandError> {
        let load = rows.iter().filter_map(PlanRow::load).fold(Load::default(), Load::with);
        let accounts = self.account_loads(pipeline, rows).await?;
        let takes_ms = accounts.iter().map(|account| account.takes_ms).max().unwrap_or(0);
        Ok(PlanTotal {
            recordings: rows.len(),
            failed: rows.iter().filter(|row| row.load().is_none()).count(),
            duration_ms: load.duration_ms,
            load,
            accounts,
            takes_ms,
            finishes_at: rfc3339(self.app.clock.now_ms() + i64::try_from(takes_ms).unwrap_or(0)),
        })
    }

    async fn account_loads(&self, pipeline: &Pipeline, rows: &[PlanRow]) -> Result<Vec<AccountLoad>, CommandError> {
        let mut requests: BTreeMap<&str, u64> = BTreeMap::new();
        for row in rows {
            if let PlanRow::Planned { account, load, .. } = row {
                *requests.entry(account).or_default() += load.requests;
            }
        }
        let mut loads = Vec::new();
        for account in pipeline.accounts.all() {
            let Some(&requests) = requests.get(account.name.as_str()) else { continue };
            let measured = self.app.usage.mean_latency_ms(&account.name).await?;
            let latency_ms = measured.unwrap_or(self.config().asr.expected_latency_ms);
            let permits = account.permits.limit().max(1);
            loads.push(AccountLoad {
                account: account.name.clone(),
                requests,
                permits,
                latency_ms,
                is_measured: measured.is_some(),
                takes_ms: requests.div_ceil(u64::try_from(permits).unwrap_or(u64::MAX)) * latency_ms,
            });
        }
        Ok(loads)
    }
}

async fn row(pipeline: &Pipeline, new: NewJob, stop: &CancellationToken) -> PlanRow {
    let survey = pipeline.survey(&new, stop).await;
    let NewJob { uri, tenant, .. } = new;
    match survey {
        Ok(survey) => {
            let account = pipeline.accounts.of(&tenant);
            let load = load(account, &survey);
            let Survey { duration_ms, channels, .. } = survey;
            let recording = PlannedRecording { uri, duration_ms: Some(duration_ms), channels: Some(channels) };
            PlanRow::Planned { recording, tenant, account: account.name.clone(), load }
        }
        Err(error) => {
            let recording = PlannedRecording { uri, duration_ms: None, channels: None };
            PlanRow::Failed { recording, tenant, error: error.problem() }
        }
    }
}

fn load(account: &ProviderAccount, survey: &Survey) -> Load {
    let mut load = Load { duration_ms: survey.duration_ms, ..Load::default() };
    for clip_ms in &survey.clips {
        let billed_ms = account.transcriber.billed_ms(*clip_ms);
        load.speech_ms += clip_ms;
        load.requests += 1;
        load.billed_ms += billed_ms;
        load.price_micro_cny += account.price_micro_cny(billed_ms);
    }
    Load { price_cny: yuan(load.price_micro_cny), ..load }
}
