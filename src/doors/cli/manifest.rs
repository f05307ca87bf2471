//! Recordings as `submit` and `plan` are given them: words of the command line, and manifests.

use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use earmark_core::{Failure, NewJob, Problem};

use super::arguments;
use super::gather::{Gatherer, Gathering};
use super::manifest_lines::{self, LINE, NoLine};
use super::offer::{self, Usual};
use super::prefix::Prefix;
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::submit::{self, Offer, OfferError, check_numbers};

/// Where the recordings are.
#[derive(Debug, clap::Args)]
pub struct Given {
    /// Recordings: paths, folders, file:///…, https://…, s3://bucket/key
    #[arg(value_name = "URI", required_unless_present_any = ["manifest", "prefix"])]
    uris: Vec<OsString>,
    /// A file with a recording a line: a URI, or JSON with uri or parts and, if wanted, tenant, lane, key, priority, repeat,
    /// rule_set, metadata, speakers, sound. `-` for standard input.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// All recordings under s3://bucket/path/.
    #[arg(long, value_name = "URI")]
    prefix: Option<String>,
    /// Whose recordings they are.
    #[arg(long, default_value = "default")]
    tenant: String,
    #[command(flatten)]
    gathering: Gathering,
}

/// What lies under the prefix, to be walked through, where one is given.
///
/// # Errors
/// [`CommandError`] when it is none.
pub fn prefix<'a>(desk: &'a Desk, given: &Given, usual: &Usual) -> Result<Option<Prefix<'a>>, CommandError> {
    // Once, not for each object.
    arguments::tenant(&given.tenant)?;
    let open = |prefix: &String| {
        let gatherer = Gatherer::new(desk, &given.gathering);
        Prefix::open(desk, gatherer, prefix, &given.tenant, usual.clone())
    };
    given.prefix.as_ref().map(open).transpose()
}

/// The recordings as jobs, those of the command line first, as `usual` has it unless the manifest says otherwise; at
/// least one, unless there is a prefix too.
///
/// # Errors
/// [`CommandError`] naming the recording or the manifest's line.
pub async fn offered(desk: &Desk, given: &Given, usual: &Usual) -> Result<Vec<NewJob>, CommandError> {
    let mut gatherer = Gatherer::new(desk, &given.gathering);
    let words = gatherer.words(given.uris.iter().map(|uri| offer::word(uri)).collect())?;
    let mut offers = given.gathering.together(words)?;
    if let Some(manifest) = &given.manifest {
        let lines = manifest_lines::lines(&read(manifest)?).map_err(|NoLine { number, why, hint }| {
            CommandError::plain(format!("{}:{number}: {why}", manifest.display()), Some(hint))
        })?;
        for (number, line) in lines {
            let place = format!("{}:{number}", manifest.display());
            let offer = of_line(&line).map_err(|why| CommandError::plain(format!("{place}: {why}"), Some(LINE)))?;
            // Whatever is wrong with it is told with its line, before legs come together.
            submit::job(usual.fill(offer.clone(), &given.tenant)).map_err(|error| refused(&place, &error))?;
            offers.push(offer);
        }
    }
    let mut offers = gatherer.gather(offers).await?;
    offers.extend(gatherer.rest()?);
    if offers.is_empty() && given.prefix.is_none() {
        let hint = "see `exclude` in docs/names.md; what is named by itself is taken, whatever it is called";
        return Err(match gatherer.left_out() {
            0 => CommandError::plain("there is no recording", None),
            _ => CommandError::plain("there is no recording: all files were left out", Some(hint)),
        });
    }
    if usual.key.is_some() && (offers.len() != 1 || given.prefix.is_some()) {
        return Err(CommandError::plain(
            "--key names one recording, and not one was given",
            Some("give the keys in a --manifest"),
        ));
    }
    let job = |offer: Offer| {
        let place = offer.shown().to_string();
        submit::job(usual.fill(offer, &given.tenant)).map_err(|error| refused(&place, &error))
    };
    offers.into_iter().map(job).collect()
}

/// Why what is offered at `place`, a manifest's line or an address, is no job.
fn refused(place: &str, error: &OfferError) -> CommandError {
    let problem = error.problem();
    let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
    CommandError::usage(Problem { message: format!("{place}{}", problem.message), ..problem })
}

fn of_line(line: &str) -> Result<Offer, String> {
    if !line.starts_with('{') {
        return Ok(offer::word(OsStr::new(line)));
    }
    let mut offer: Offer = serde_json::from_str(line).map_err(|error| error.to_string())?;
    check_numbers(line).map_err(|error| error.to_string())?;
    for part in &mut offer.parts {
        part.path = offer::word(OsStr::new(part.uri.expose())).path;
    }
    let Offer { path, .. } = offer::word(OsStr::new(offer.uri.expose()));
    Ok(Offer { path, ..offer })
}

fn read(manifest: &Path) -> Result<Vec<u8>, CommandError> {
    let read = if manifest == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(manifest)
    };
    read.map_err(|error| CommandError::plain(format!("cannot read the manifest {}: {error}", manifest.display()), None))
}
