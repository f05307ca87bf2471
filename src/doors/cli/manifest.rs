//! Recordings as `submit` and `plan` are given them: words of the command line, and manifests.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use earmark_core::{Lane, NewJob, Tenant, checked_priority};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::prefix::Prefix;
use super::{offer, words};
use crate::config::CommandError;
use crate::desk::Desk;

/// Where the recordings are.
#[derive(Debug, clap::Args)]
pub struct Given {
    /// Recordings: paths, file:///…, https://…, s3://bucket/key
    #[arg(value_name = "URI", required_unless_present_any = ["manifest", "prefix"])]
    uris: Vec<OsString>,
    /// A file with a recording a line: a URI, or JSON with uri and, if wanted, tenant, lane, key, priority, repeat,
    /// rule_set, metadata. `-` for standard input.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// All objects under s3://bucket/path/.
    #[arg(long, value_name = "URI")]
    prefix: Option<String>,
    /// Whose recordings they are.
    #[arg(long, default_value = "default")]
    tenant: String,
}

/// A line of a manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    uri: String,
    tenant: Option<String>,
    lane: Option<Lane>,
    key: Option<String>,
    priority: Option<i64>,
    #[serde(default)]
    repeat: bool,
    rule_set: Option<String>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

/// What lies under the prefix, to be walked through, where one is given.
///
/// # Errors
/// [`CommandError`] when it is none.
pub fn prefix(desk: &Desk, given: &Given, lane: Lane) -> Result<Option<Prefix>, CommandError> {
    let tenant = words::tenant(&given.tenant)?;
    given.prefix.as_ref().map(|prefix| Prefix::open(desk, prefix, tenant, lane)).transpose()
}

/// The recordings as jobs, those of the command line first, in `lane` and with `priority` unless the manifest says
/// otherwise; at least one, unless there is a prefix too.
///
/// # Errors
/// [`CommandError`] naming the manifest's line.
pub fn offered(given: &Given, lane: Lane, priority: i64) -> Result<Vec<NewJob>, CommandError> {
    let tenant = words::tenant(&given.tenant)?;
    let mut new: Vec<NewJob> =
        given.uris.iter().map(|uri| NewJob { priority, ..offer::job(uri, tenant.clone(), lane) }).collect();
    if let Some(manifest) = &given.manifest {
        for (number, line) in (1..).zip(read(manifest)?.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |why: String| {
                CommandError::plain(
                    format!("{}:{number}: {why}", manifest.display()),
                    Some(
                        "a line is a URI, or JSON: {\"uri\": …, \"tenant\": …, \"lane\": …, \"key\": …, \"priority\": …, \"repeat\": …, \"rule_set\": …, \"metadata\": {…}}",
                    ),
                )
            };
            new.push(of_line(line, &tenant, lane, priority).map_err(wrong)?);
        }
    }
    if new.is_empty() && given.prefix.is_none() {
        return Err(CommandError::plain("there is no recording in the manifest", None));
    }
    Ok(new)
}

fn of_line(line: &str, tenant: &Tenant, lane: Lane, priority: i64) -> Result<NewJob, String> {
    if !line.starts_with('{') {
        return Ok(NewJob { priority, ..offer::job(OsStr::new(line), tenant.clone(), lane) });
    }
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let tenant = match &line.tenant {
        Some(tenant) => Tenant::parse(tenant).map_err(|error| error.to_string())?,
        None => tenant.clone(),
    };
    let mut job = offer::job(OsStr::new(&line.uri), tenant, line.lane.unwrap_or(lane));
    job.key = line.key;
    job.priority = checked_priority(line.priority.unwrap_or(priority)).map_err(|error| error.to_string())?;
    job.options.is_repeat = line.repeat;
    job.options.rule_set = line.rule_set;
    job.metadata = line.metadata;
    Ok(job)
}

fn read(manifest: &Path) -> Result<String, CommandError> {
    let text = if manifest == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(manifest)
    };
    text.map_err(|error| CommandError::plain(format!("cannot read the manifest {}: {error}", manifest.display()), None))
}
