//! `earmark submit`: recordings put on the queue.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use earmark_core::{Job, JobState, Lane, NewJob};
use earmark_storage::Accepted;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::progress::Bars;
use super::{Outcome, jobs, offer, show};
use crate::app::App;
use crate::complaint::Complaint;

/// How often a waiting command asks how its jobs are.
const LOOK: Duration = Duration::from_millis(300);

/// Put recordings on the queue.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Recordings: paths, file:///…, https://…
    #[arg(value_name = "URI", required_unless_present_any = ["manifest", "prefix"])]
    uris: Vec<OsString>,
    /// A file with a recording a line: a URI, or JSON with uri and, if wanted, tenant, lane, key, metadata. `-` for
    /// standard input.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// All objects under s3://bucket/path/.
    #[arg(long, value_name = "URI")]
    prefix: Option<String>,
    /// Whose recordings they are.
    #[arg(long, default_value = "default")]
    tenant: String,
    /// How urgent: webhook, call, archive.
    #[arg(long, default_value = "call")]
    lane: Lane,
    /// Your own key for the recording: submitted again with the same key, it is the same job.
    #[arg(long)]
    key: Option<String>,
    /// Wait until every job has ended; exit code 1 when one has no result.
    #[arg(long)]
    wait: bool,
    /// As JSON, a job a line.
    #[arg(long)]
    json: bool,
}

/// A line of a manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    uri: String,
    tenant: Option<String>,
    lane: Option<Lane>,
    key: Option<String>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

/// The command.
pub async fn submit(app: &App, args: Args) -> Result<Outcome, Complaint> {
    if let Some(prefix) = &args.prefix {
        return Err(Complaint::plain(
            format!("--prefix {prefix}: this build cannot list S3 buckets yet"),
            Some("use --manifest with a URI a line"),
        ));
    }
    let new = offered(&args)?;
    if args.key.is_some() && new.len() != 1 {
        return Err(Complaint::plain(
            format!("--key names one recording, {} were given", new.len()),
            Some("give the keys in a --manifest"),
        ));
    }
    let accepted = app.journal.accept_many(&new, jobs::ACTOR).await?;
    let mut outcome = Outcome::Done;
    for (Accepted { job, is_new }, new) in accepted.iter().zip(&new) {
        if job.location != new.location {
            // Not the recording that was offered: without a word it would never be processed.
            let key = new.key.as_deref().unwrap_or_default();
            show::note(&format!(
                "error: the key `{key}` names {} already, {} was not accepted\n  hint: a key names one recording; give this one another",
                job.uri, new.uri
            ));
            outcome = Outcome::SomeFailed;
        }
        if args.json {
            show::json(&serde_json::json!({"job_id": job.id, "uri": job.uri, "state": job.state, "is_new": is_new}))?;
        } else {
            show::line(&format!("{}  {}  {}", job.id, if *is_new { "accepted" } else { "known" }, job.uri));
        }
    }
    if args.wait {
        let waited = wait(app, accepted.into_iter().map(|accepted| accepted.job).collect()).await?;
        return Ok(if outcome == Outcome::Done { waited } else { outcome });
    }
    Ok(outcome)
}

fn offered(args: &Args) -> Result<Vec<NewJob>, Complaint> {
    let tenant = jobs::tenant(&args.tenant)?;
    let mut new: Vec<NewJob> = args.uris.iter().map(|uri| offer::job(uri, tenant.clone(), args.lane)).collect();
    if let Some(manifest) = &args.manifest {
        for (number, line) in (1..).zip(read(manifest)?.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |why: &dyn std::fmt::Display| {
                Complaint::plain(
                    format!("{}:{number}: {why}", manifest.display()),
                    Some(
                        "a line is a URI, or JSON: {\"uri\": …, \"tenant\": …, \"lane\": …, \"key\": …, \"metadata\": {…}}",
                    ),
                )
            };
            if !line.starts_with('{') {
                new.push(offer::job(OsStr::new(line), tenant.clone(), args.lane));
                continue;
            }
            let line: Line = serde_json::from_str(line).map_err(|error| wrong(&error))?;
            let owner = line
                .tenant
                .as_deref()
                .map_or_else(|| Ok(tenant.clone()), jobs::tenant)
                .map_err(|error| wrong(&error.problem))?;
            let mut job = offer::job(OsStr::new(&line.uri), owner, line.lane.unwrap_or(args.lane));
            job.key = line.key;
            job.metadata = line.metadata;
            new.push(job);
        }
    }
    if let (Some(key), [one]) = (&args.key, new.as_mut_slice()) {
        one.key = Some(key.clone());
    }
    if new.is_empty() {
        return Err(Complaint::plain("there is no recording in the manifest", None));
    }
    Ok(new)
}

fn read(manifest: &Path) -> Result<String, Complaint> {
    let text = if manifest == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(manifest)
    };
    text.map_err(|error| Complaint::plain(format!("cannot read the manifest {}: {error}", manifest.display()), None))
}

async fn wait(app: &App, mut open: Vec<Job>) -> Result<Outcome, Complaint> {
    let bars = Bars::new();
    for job in &open {
        bars.add(&job.id, &job.uri);
    }
    let mut outcome = Outcome::Done;
    show::note("waiting; `earmark up` or `earmark work` does the work");
    let mut looks = tokio::time::interval(LOOK);
    while !open.is_empty() {
        looks.tick().await;
        let mut still_open = Vec::new();
        for job in open {
            let job = app.journal.get(&job.id).await?;
            if !job.state.is_final() {
                bars.set(&job.id, job.state.as_str(), job.clips_done, job.clips_total.unwrap_or(0));
                still_open.push(job);
                continue;
            }
            if job.state != JobState::Done {
                outcome = Outcome::SomeFailed;
            }
            let why = job.error.map(|error| match &error.hint {
                Some(hint) => format!(": {error}\n  hint: {hint}"),
                None => format!(": {error}"),
            });
            bars.end(&job.id, &format!("{}{}", job.state, why.unwrap_or_default()));
        }
        open = still_open;
    }
    Ok(outcome)
}
