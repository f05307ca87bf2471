//! The artifacts, then one transaction: result, findings, audit entries, outbox rows.

use std::collections::BTreeMap;

use earmark_audio::decode::{Decoded, JoinedPart};
use earmark_core::audit::{AuditEvent, AuditKind};
use earmark_core::{
    Accounting, Artifact, ChannelAccounting, Clip, ClipText, Cost, Finding, Recording, RecordingPart, Region, Report,
    Span, Stage, Utterance, Warning, rfc3339, samples_to_ms,
};
use earmark_journal::{Finished, JobUsage, JournalError};
use serde_json::{Value, json};

use crate::context::Attempt;
use crate::error::JobError;
use crate::exchange::Exchange;
use crate::files::Files;
use crate::flag::Flagged;
use crate::gate::Gate;
use crate::render::Format;
use crate::segment::Cut;
use crate::transcribe::Transcript;
use crate::unheard;

/// All that the stages found.
pub(crate) struct Outcome {
    pub files: Files,
    pub decoded: Decoded,
    /// What became of each file in it, where it consists of several.
    pub parts: Vec<JoinedPart>,
    pub cut: Cut,
    pub transcript: Transcript,
    /// The language most of the speech is in, where it is known.
    pub language: Option<String>,
    pub utterances: Vec<Utterance>,
    /// What the words say of the speakers.
    pub exchange: Option<Exchange>,
    pub flagged: Flagged,
}

/// Writes what the attempt came to; the report as it was written.
///
/// # Errors
/// [`JobError::Write`]; nothing but artifacts has been written then, which nobody names.
pub(crate) async fn write(attempt: &Attempt<'_>, gate: &Gate, outcome: Outcome) -> Result<Report, JobError> {
    attempt.context.enter(Stage::Write);
    let (pipeline, job, lease) = (attempt.context.pipeline, attempt.job, attempt.lease);
    let spent = pipeline.journal.usage_of(&job.id).await?;
    let report = report(attempt, &outcome, spent);
    // Files know no fence: who has lost the job must not begin to write them.
    pipeline.journal.check_held(lease).await?;
    let artifacts = put(attempt, &report).await?;
    gate.written(attempt).await?;
    let audit = audit(attempt, &outcome, &report, &artifacts);
    let finished = Finished { report: report.clone(), artifacts, audit, alerts: Vec::new() };
    let result = pipeline.results.finish(lease, &finished).await;
    if let Err(JournalError::LeaseLost(lost)) = &result
        && let Some(theirs) = pipeline.results.report(lost).await?
    {
        // It was lost while they were written: whoever has ended the job has told what its files hold.
        put(attempt, &theirs).await?;
    }
    result?;
    Ok(report)
}

async fn put(attempt: &Attempt<'_>, report: &Report) -> Result<Vec<Artifact>, JobError> {
    // Finding where words end in hours of Thai takes seconds.
    let report = report.clone();
    let rendering = tokio::task::spawn_blocking(move || Format::ALL.map(|format| (format, format.render(&report))));
    let rendered = rendering.await.map_err(|_| JobError::Panicked { stage: Stage::Write })?;
    let mut artifacts = Vec::new();
    for (format, body) in rendered {
        artifacts.push(attempt.context.pipeline.artifacts.put(attempt.job, format.file_name(), body.as_bytes()).await?);
    }
    Ok(artifacts)
}

fn report(attempt: &Attempt<'_>, outcome: &Outcome, spent: JobUsage) -> Report {
    let (job, account) = (attempt.job, attempt.account());
    let Outcome { files, decoded, parts, cut, transcript, language, utterances, exchange, flagged } = outcome;
    let mut warnings = decoded.warnings.clone();
    warnings.extend(cut.warnings.iter().cloned());
    warnings.extend(attempt.speakers.warnings(decoded.channels));
    warnings.extend(exchange.as_ref().map(Exchange::warning));
    warnings.extend(refused(&transcript.clips));
    warnings.extend(reused(transcript));
    warnings.extend(transcript.other_languages.iter().cloned());
    warnings.extend(unheard::dropped(&transcript.clips));
    if utterances.is_empty() {
        warnings.push(unheard::nothing_said(&transcript.clips));
    }
    Report {
        job_id: job.id.clone(),
        tenant: job.tenant.clone(),
        lane: job.lane,
        key: job.key.clone(),
        metadata: job.metadata.clone(),
        accepted_at: rfc3339(job.accepted_at_ms),
        finished_at: rfc3339(attempt.context.pipeline.clock.now_ms()),
        language: language.clone().unwrap_or_else(|| "und".into()),
        recording: Recording {
            uri: job.uri.clone(),
            sha256: files.sha256(),
            size_bytes: files.size_bytes(),
            duration_ms: decoded.duration_ms,
            channels: decoded.channels,
            codec: decoded.codec.clone(),
            sample_rate_hz: decoded.sample_rate_hz,
            accounting: Some(accounting(decoded, cut)),
            parts: recording_parts(files, parts),
        },
        engine: account.transcriber.engine(),
        rule_set: attempt.rules.id().clone(),
        utterances: utterances.clone(),
        findings: flagged.findings.clone(),
        shadow_findings: flagged.shadow_findings.clone(),
        speech: cut.speech.clone(),
        cost: Cost {
            requests: spent.requests,
            billed_ms: spent.billed_ms,
            price_cny: price(account.price_micro_cny(spent.billed_ms)),
        },
        warnings,
    }
}

/// Where the recording's time went, channel by channel.
fn accounting(decoded: &Decoded, cut: &Cut) -> Accounting {
    let channels = (0_u16..).zip(&decoded.spools).map(|(channel, spool)| {
        let clips = cut.clips.iter().filter(|clip| clip.key.channel == channel);
        let heard: Vec<Region> = clips.flat_map(|clip| clip.regions.iter().copied()).collect();
        let at = usize::from(channel);
        let filled = decoded.filled.get(at).map_or(&[][..], Vec::as_slice);
        let left_ms = cut.left_ms.get(at).copied().unwrap_or(0);
        ChannelAccounting::of(channel, spool.samples(), &heard, filled, left_ms)
    });
    Accounting::of(channels.collect())
}

/// The facts of each file, where the recording consists of several.
fn recording_parts(files: &Files, joined: &[JoinedPart]) -> Vec<RecordingPart> {
    let offered = files.parts.iter().zip(files.each());
    let facts = offered.zip(joined).map(|((offered, (file, offset_ms)), joined)| RecordingPart {
        uri: offered.uri.clone(),
        sha256: file.sha256.clone(),
        size_bytes: file.size_bytes,
        duration_ms: joined.duration_ms,
        channels: joined.channels,
        codec: joined.codec.clone(),
        sample_rate_hz: joined.sample_rate_hz,
        offset_ms,
        first_channel: joined.first_channel,
    });
    facts.collect()
}

/// In yuan, to a hundredth of a fen: what floats add beyond that is noise.
fn price(micro_cny: i64) -> f64 {
    #[expect(clippy::as_conversions, reason = "the price of a recording is far below 2^53 millionths")]
    let price = (micro_cny as f64 / 100.0).round() / 10_000.0;
    price
}

/// One warning for each that transcribed clips which the provider would not hear, and one for those that nobody did.
fn refused(clips: &[(Clip, ClipText)]) -> Vec<Warning> {
    let mut by_instead: BTreeMap<Option<&str>, Vec<Span>> = BTreeMap::new();
    for (clip, text) in clips {
        let Some(refusal) = &text.refused else { continue };
        let (start, end) =
            (clip.regions.first().map(|region| region.start), clip.regions.last().map(|region| region.end));
        let span =
            Span { start_ms: samples_to_ms(start.unwrap_or_default()), end_ms: samples_to_ms(end.unwrap_or_default()) };
        by_instead.entry(refusal.instead.as_deref()).or_default().push(span);
    }
    let told = by_instead.into_iter().map(|(instead, places)| {
        let who = instead.map_or("nobody".into(), |engine| format!("the engine {engine}"));
        let detail = format!("the provider refused {} clips as sensitive; {who} transcribed them", places.len());
        Warning::new("provider_refused", detail).within(places)
    });
    told.collect()
}

/// One warning per job whose texts were taken instead of asking.
fn reused(transcript: &Transcript) -> impl Iterator<Item = Warning> {
    let total = transcript.clips.len();
    transcript.from_jobs.iter().map(move |(job, clips)| {
        let detail = format!("the text of {clips} of {total} clips was taken from job {job}, which had the same audio; nothing was sent for it");
        Warning::new("transcript_reused", detail)
    })
}

fn audit(attempt: &Attempt<'_>, outcome: &Outcome, report: &Report, artifacts: &[Artifact]) -> Vec<AuditEvent> {
    let Outcome { transcript, exchange, .. } = outcome;
    let (job, lease) = (attempt.job, attempt.lease);
    let engine = format!("{} {} {}", report.engine.name, report.engine.model, report.engine.version);
    let event = |kind: AuditKind, payload: Value| AuditEvent {
        actor: format!("worker:{}", lease.worker),
        tenant: report.tenant.clone(),
        kind,
        job_id: Some(report.job_id.to_string()),
        payload,
        rule_set_sha256: Some(report.rule_set.sha256.clone()),
        engine: Some(engine.clone()),
        audio_sha256: Some(report.recording.sha256.clone()),
    };
    let mut events: Vec<AuditEvent> =
        report.findings.iter().map(|finding| event(AuditKind::FindingRaised, finding_payload(finding))).collect();
    let files: serde_json::Map<String, Value> =
        artifacts.iter().map(|artifact| (artifact.name.clone(), json!(artifact.sha256))).collect();
    events.push(event(
        AuditKind::JobDone,
        json!({
            "uri": report.recording.uri, "location": job.location, "attempt": job.attempt, "duration_ms": report.recording.duration_ms,
            "clips": transcript.clips.len(), "clips_reused": transcript.reused, "reused_from": transcript.from_jobs.keys().collect::<Vec<_>>(), "requests": report.cost.requests,
            "utterances": report.utterances.len(), "findings": report.findings.len(), "transcript_sha256": report.transcript_sha256(),
            "artifacts": files,
            "speakers": attempt.speakers.on_record(), "speakers_exchanged": exchange.as_ref().map(Exchange::on_record),
            "warnings": report.warnings.iter().map(|warning| warning.code.clone()).collect::<Vec<_>>(),
        }),
    ));
    events
}

fn finding_payload(finding: &Finding) -> Value {
    json!({
        "finding_id": finding.id, "rule_id": finding.rule_id, "category": finding.category, "severity": finding.severity,
        "kind": finding.kind, "utterance_id": finding.utterance_id, "channel": finding.channel,
        "speaker": finding.speaker, "start_ms": finding.start_ms, "end_ms": finding.end_ms, "matched": finding.matched,
        "span": finding.span,
    })
}
