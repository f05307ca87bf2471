//! The pipeline as the queue's handler.

use async_trait::async_trait;
use earmark_core::{Failure, Job, Lease};
use earmark_pipeline::Pipeline;
use earmark_queue::{Failed, Handler, LeftBehind};
use tokio_util::sync::CancellationToken;

/// Takes jobs through the pipeline.
pub struct JobHandler {
    pipeline: Pipeline,
}

impl JobHandler {
    /// A handler for `pipeline`.
    pub fn new(pipeline: Pipeline) -> Self {
        Self { pipeline }
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
            Err(error) => Err(Failed {
                problem: error.problem(),
                disposition: error.disposition(),
                waits_for: error.waits_for().map(str::to_owned),
            }),
        }
    }

    fn left_behind(&self, lease: &Lease) -> Option<LeftBehind> {
        self.pipeline.running.stage_of(lease).map(|(stage, running)| LeftBehind { stage, running })
    }

    async fn quiet(&self, lease: &Lease) {
        self.pipeline.running.ended(lease).await;
    }
}
