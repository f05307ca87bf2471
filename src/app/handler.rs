//! The pipeline as the queue's handler.

use std::time::Duration;

use async_trait::async_trait;
use earmark_core::{Disposition, Failure, Job, Lease};
use earmark_pipeline::{JobError, Pipeline};
use earmark_queue::{AwaitedPlace, Failed, Handler, LeftBehind};
use tokio_util::sync::CancellationToken;

/// Takes jobs through the pipeline.
pub struct JobHandler {
    pipeline: Pipeline,
    /// How old a job may be that waits for its recording's address to be signed anew.
    signature_wait: Duration,
}

impl JobHandler {
    /// A handler for `pipeline`; jobs older than `signature_wait` do not wait for addresses to be signed anew.
    pub fn new(pipeline: Pipeline, signature_wait: Duration) -> Self {
        Self { pipeline, signature_wait }
    }
}

impl JobHandler {
    fn failed(&self, job: &Job, error: &JobError) -> Failed {
        let age_ms = u128::try_from(self.pipeline.clock.now_ms() - job.accepted_at_ms).unwrap_or_default();
        let disposition = match error.code() {
            "fetch.expired" if age_ms > self.signature_wait.as_millis() => Disposition::Fail,
            _ => error.disposition(),
        };
        Failed {
            waits_for: error
                .waits_for()
                .map(|name| Box::new(AwaitedPlace { name: name.to_owned(), asked_for: error.asked_for() })),
            rest: error.rest(),
            ..Failed::new(error.problem(), disposition)
        }
    }
}

#[async_trait]
impl Handler for JobHandler {
    async fn handle(&self, job: &Job, lease: &Lease, stop: &CancellationToken) -> Result<(), Failed> {
        match self.pipeline.run(job, lease, stop).await {
            Ok(report) => {
                tracing::info!(
                    job.id = %job.id,
                    duration_ms = report.recording.duration_ms,
                    utterances = report.utterances.len(),
                    findings = report.findings.len(),
                    "transcribed recording"
                );
                Ok(())
            }
            Err(error) => Err(self.failed(job, &error)),
        }
    }

    fn left_behind(&self, lease: &Lease) -> Option<LeftBehind> {
        self.pipeline.running.stage_of(lease).map(|(stage, running)| LeftBehind { stage, running })
    }

    async fn quiet(&self, lease: &Lease) {
        self.pipeline.running.ended(lease).await;
    }
}
