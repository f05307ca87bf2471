//! Recordings as `submit` and `plan` are given them: words of the command line, and manifests.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use earmark_core::{Failure, NewJob, Problem};

use super::arguments;
use super::offer::{self, Usual};
use super::prefix::Prefix;
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::submit::{self, Offer};

/// Where the recordings are.
#[derive(Debug, clap::Args)]
pub struct Given {
    /// Recordings: paths, file:///…, https://…, s3://bucket/key
    #[arg(value_name = "URI", required_unless_present_any = ["manifest", "prefix"])]
    uris: Vec<OsString>,
    /// A file with a recording a line: a URI, or JSON with uri and, if wanted, tenant, lane, key, priority, repeat,
    /// rule_set, metadata, speakers, sound. `-` for standard input.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// All objects under s3://bucket/path/.
    #[arg(long, value_name = "URI")]
    prefix: Option<String>,
    /// Whose recordings they are.
    #[arg(long, default_value = "default")]
    tenant: String,
}

/// What lies under the prefix, to be walked through, where one is given.
///
/// # Errors
/// [`CommandError`] when it is none.
pub fn prefix(desk: &Desk, given: &Given, usual: &Usual) -> Result<Option<Prefix>, CommandError> {
    // Once, not for each object.
    arguments::tenant(&given.tenant)?;
    given.prefix.as_ref().map(|prefix| Prefix::open(desk, prefix, &given.tenant, usual.clone())).transpose()
}

/// The recordings as jobs, those of the command line first, as `usual` has it unless the manifest says otherwise; at
/// least one, unless there is a prefix too.
///
/// # Errors
/// [`CommandError`] naming the recording or the manifest's line.
pub fn offered(given: &Given, usual: &Usual) -> Result<Vec<NewJob>, CommandError> {
    let mut offers: Vec<(String, Offer)> = Vec::new();
    for uri in &given.uris {
        let offer = offer::word(uri);
        offers.push((offer.uri.to_string(), offer));
    }
    if let Some(manifest) = &given.manifest {
        for (number, line) in (1..).zip(read(manifest)?.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = format!("{}:{number}", manifest.display());
            let offer = of_line(line).map_err(|why| CommandError::plain(format!("{place}: {why}"), Some(LINE)))?;
            offers.push((place, offer));
        }
    }
    if offers.is_empty() && given.prefix.is_none() {
        return Err(CommandError::plain("there is no recording in the manifest", None));
    }
    if usual.key.is_some() && (offers.len() != 1 || given.prefix.is_some()) {
        return Err(CommandError::plain(
            "--key names one recording, and not one was given",
            Some("give the keys in a --manifest"),
        ));
    }
    offers
        .into_iter()
        .map(|(place, offer)| {
            submit::job(usual.fill(offer, &given.tenant)).map_err(|error| {
                let problem = error.problem();
                let place = if place.is_empty() { place } else { format!("{place}: ") };
                CommandError::usage(Problem { message: format!("{place}{}", problem.message), ..problem })
            })
        })
        .collect()
}

/// What a manifest's line may be.
const LINE: &str = "a line is a URI, or JSON: {\"uri\": …, \"tenant\": …, \"lane\": …, \"key\": …, \"priority\": …, \"repeat\": …, \"rule_set\": …, \"metadata\": {…}, \"speakers\": […], \"sound\": {…}}";

fn of_line(line: &str) -> Result<Offer, String> {
    if !line.starts_with('{') {
        return Ok(offer::word(OsStr::new(line)));
    }
    let offer: Offer = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let Offer { path, .. } = offer::word(OsStr::new(offer.uri.expose()));
    Ok(Offer { path, ..offer })
}

fn read(manifest: &Path) -> Result<String, CommandError> {
    let text = if manifest == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(manifest)
    };
    text.map_err(|error| CommandError::plain(format!("cannot read the manifest {}: {error}", manifest.display()), None))
}
