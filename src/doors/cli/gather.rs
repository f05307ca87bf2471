//! Recordings found among other files: what is none is left out, names and sidecars give facts, legs of one call come
//! together. Nothing of it goes unsaid.

use std::path::{Path, PathBuf};

use earmark_core::RecordingUri;
use futures::{StreamExt, stream};

use super::{show, wildcard};
use crate::config::{CommandError, IncompleteKind};
use crate::desk::Desk;
use crate::desk::submit::{
    Glob, LeftOut, Legs, NamePattern, Offer, OfferedPart, Paired, Pairing, Selection, SidecarField, SidecarName,
    TwoKeys, Zone, facts,
};

/// Sidecars that are fetched at a time.
const SIDECARS: usize = 16;

/// How recordings are found; each goes before its setting in `[intake]`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Gathering {
    /// Take the recordings on the command line as one: its files, in the order of its channels.
    #[arg(long, conflicts_with = "legs")]
    together: bool,
    /// With --together: how many milliseconds later than the recording each file begins, e.g. 0,120.
    #[arg(long, value_name = "MS", value_delimiter = ',', requires = "together")]
    offsets: Vec<u64>,
    /// Files are legs of one call by their names: `asterisk`, or a pattern with groups call and leg.
    #[arg(long, value_name = "PATTERN")]
    legs: Option<Legs>,
    /// What becomes of a call of which a leg is missing: alone, hold.
    #[arg(long, value_name = "HOW")]
    incomplete: Option<IncompleteKind>,
    /// Take only what is called so, of folders, several words and a prefix; may be given again.
    #[arg(long, value_name = "GLOB")]
    include: Vec<Glob>,
    /// Leave out what is called so, too; may be given again.
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<Glob>,
    /// Groups of this pattern give metadata out of names.
    #[arg(long, value_name = "PATTERN")]
    name_pattern: Option<NamePattern>,
    /// Which clock times in names are of: UTC, +08:00.
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    zone: Option<Zone>,
    /// The JSON file beside a recording that describes it, e.g. {stem}.json.
    #[arg(long, value_name = "NAME")]
    sidecar: Option<SidecarName>,
    /// What is taken out of it: agent=/Agent/Username,…
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    sidecar_fields: Vec<SidecarField>,
}

impl Gathering {
    /// The one recording that `offers`, words of the command line, are together, where they are to be.
    ///
    /// # Errors
    /// [`CommandError`] when there are not as many offsets as files.
    pub fn together(&self, offers: Vec<Offer>) -> Result<Vec<Offer>, CommandError> {
        if !self.together || offers.is_empty() {
            return Ok(offers);
        }
        if !self.offsets.is_empty() && self.offsets.len() != offers.len() {
            return Err(CommandError::plain(
                format!("--offsets has {} numbers, there are {} files", self.offsets.len(), offers.len()),
                Some("give one for each file, in their order"),
            ));
        }
        let offsets_ms = self.offsets.iter().copied().chain(std::iter::repeat(0));
        let part = |(offer, offset_ms): (Offer, u64)| {
            let Offer { uri, path, version, .. } = offer;
            OfferedPart { uri, offset_ms, path, version, ..OfferedPart::default() }
        };
        let parts = offers.into_iter().zip(offsets_ms).map(part).collect();
        Ok(vec![Offer { parts, ..Offer::default() }])
    }
}

/// Recordings as they are gathered.
pub struct Gatherer<'a> {
    desk: &'a Desk,
    is_together: bool,
    selection: Selection,
    left_out: LeftOut,
    name_pattern: Option<NamePattern>,
    zone: Zone,
    /// Names that the pattern says nothing of.
    unnamed: u64,
    sidecar: Option<SidecarName>,
    sidecar_fields: Vec<SidecarField>,
    pairing: Option<Pairing>,
    incomplete: IncompleteKind,
}

impl<'a> Gatherer<'a> {
    /// As the flags say, else the settings.
    pub fn new(desk: &'a Desk, flags: &Gathering) -> Self {
        let settings = &desk.config().intake;
        // Whoever says what to take has said what not to take.
        let usual = if flags.include.is_empty() { settings.exclude.as_slice() } else { &[] };
        let exclude = usual.iter().chain(&flags.exclude).cloned().collect();
        let include = if flags.include.is_empty() { &settings.include } else { &flags.include }.clone();
        let fields = if flags.sidecar_fields.is_empty() { &settings.sidecar_fields } else { &flags.sidecar_fields };
        let legs = flags.legs.clone().or_else(|| settings.legs.clone()).filter(|_| !flags.together);
        Self {
            desk,
            is_together: flags.together,
            selection: Selection { include, exclude },
            left_out: LeftOut::default(),
            name_pattern: flags.name_pattern.clone().or_else(|| settings.name_pattern.clone()),
            zone: flags.zone.unwrap_or(settings.zone),
            unnamed: 0,
            sidecar: flags.sidecar.clone().or_else(|| settings.sidecar.clone()),
            sidecar_fields: fields.clone(),
            pairing: legs.map(Pairing::new),
            incomplete: flags.incomplete.unwrap_or(settings.incomplete),
        }
    }

    /// The words of the command line: what patterns stand for and what lies in folders, in order of name, without what is no recording. A word by
    /// itself is meant, whatever it is called, and so is every file of a recording of several.
    ///
    /// # Errors
    /// [`CommandError`] when a folder cannot be read, or nothing is called as a pattern has it.
    pub fn words(&mut self, words: Vec<Offer>) -> Result<Vec<Offer>, CommandError> {
        let mut given = Vec::with_capacity(words.len());
        for word in words {
            match wildcard::expanded(&word)? {
                Some(several) => given.extend(several),
                None => given.push(word),
            }
        }
        let is_meant = given.len() == 1 || self.is_together;
        let mut found = Vec::new();
        for word in given {
            match folder(&word) {
                Some(path) => {
                    let path = path.as_path();
                    let mut files = Vec::new();
                    walk(path, &mut files)?;
                    for file in files {
                        // As a shell would have written it out.
                        let below = file.strip_prefix(path).unwrap_or(&file).to_string_lossy();
                        let uri = format!("{}/{below}", word.uri.expose().trim_end_matches('/')).into();
                        let offer = Offer { uri, path: Some(file), ..Offer::default() };
                        found.extend(self.takes(&offer.name()).then_some(offer));
                    }
                }
                None => {
                    let is_taken = is_meant || self.takes(&word.name());
                    found.extend(is_taken.then_some(word));
                }
            }
        }
        Ok(found)
    }

    /// Whether the file or object called `name` is a recording.
    pub fn takes(&mut self, name: &str) -> bool {
        let is_taken = self.selection.takes(name);
        self.left_out.count(name, is_taken);
        is_taken
    }

    /// `offers` with what their names and sidecars say and they do not; legs of one call as one, and those that wait for
    /// another left out as yet.
    ///
    /// # Errors
    /// [`CommandError`] when legs of one call have two keys.
    pub async fn gather(&mut self, offers: Vec<Offer>) -> Result<Vec<Offer>, CommandError> {
        let mut offers = offers;
        if let Some(sidecar) = &self.sidecar {
            let (desk, fields, zone) = (self.desk, self.sidecar_fields.as_slice(), self.zone);
            let read = |offer| described(desk, sidecar, fields, zone, offer);
            offers = stream::iter(offers).map(read).buffered(SIDECARS).collect().await;
        }
        let mut gathered = Vec::with_capacity(offers.len());
        for offer in offers {
            let offer = self.named(offer);
            let Some(pairing) = &mut self.pairing else {
                gathered.push(offer);
                continue;
            };
            match pairing.add(offer).map_err(two_keys)? {
                Paired::Whole(offer) => gathered.push(*offer),
                Paired::Waits => {}
                Paired::Twice(offer) => {
                    let uri = offer.shown();
                    show::note(&format!("warning: {uri} is taken by itself: that leg of its call was there already"));
                    gathered.push(*offer);
                }
            }
        }
        Ok(gathered)
    }

    /// Calls of which legs are missing, where they are to be taken; says what was left out and what was not found.
    ///
    /// # Errors
    /// [`CommandError`] when legs of one call have two keys.
    pub fn rest(&mut self) -> Result<Vec<Offer>, CommandError> {
        let rest = self.pairing.as_mut().map_or(Ok(Vec::new()), Pairing::rest).map_err(two_keys)?;
        let mut taken = Vec::new();
        for incomplete in rest {
            let (uri, missing) = (incomplete.offer.shown(), incomplete.missing.join(", "));
            match self.incomplete {
                IncompleteKind::Alone => {
                    show::note(&format!(
                        "warning: {uri} is taken by itself: the leg {missing} of its call is not there"
                    ));
                    taken.push(incomplete.offer);
                }
                IncompleteKind::Hold => {
                    show::note(&format!(
                        "warning: {uri} is held back: the leg {missing} of its call is not there yet; offer it again"
                    ));
                }
            }
        }
        if self.left_out.total() > 0 {
            show::note(&self.left_out.to_string());
        }
        if self.unnamed > 0 {
            let names = show::counted(self.unnamed, "name is", "names are");
            show::note(&format!("warning: {names} not as the name pattern has it, and gave no metadata"));
        }
        Ok(taken)
    }

    /// How many files or objects were left out.
    pub fn left_out(&self) -> u64 {
        self.left_out.total()
    }

    fn named(&mut self, mut offer: Offer) -> Offer {
        let Some(pattern) = &self.name_pattern else { return offer };
        let Some(named) = pattern.read(&offer.name(), self.zone) else {
            self.unnamed += 1;
            return offer;
        };
        if named.is_no_time {
            show::note(&format!("warning: the name of {} gives no time: there is no such day or hour", offer.shown()));
        }
        for (name, value) in named.facts {
            offer.metadata.entry(name).or_insert(value);
        }
        offer
    }
}

/// The folder that `word` is, as a path or as a URI.
fn folder(word: &Offer) -> Option<PathBuf> {
    let path = match (&word.path, word.uri.address()) {
        (Some(path), _) => path.clone(),
        (None, Ok(earmark_core::Address::File(path))) => path,
        (None, _) => return None,
    };
    path.is_dir().then_some(path)
}

fn two_keys(error: TwoKeys) -> CommandError {
    CommandError::plain(error.to_string(), Some("give one key for the call, on one of its legs or on both"))
}

/// `offer` with what its sidecar says of it; without, where that is missing or broken.
async fn described(desk: &Desk, sidecar: &SidecarName, fields: &[SidecarField], zone: Zone, mut offer: Offer) -> Offer {
    let Some(place) = beside(&offer, sidecar) else { return offer };
    let found = match desk.small_file(&place).await {
        Ok(text) => facts(&text, fields, zone).map_err(|why| ("sidecar.malformed".into(), why)),
        Err(problem) => Err((problem.code, problem.message)),
    };
    match found {
        Ok(facts) => {
            for (name, value) in facts {
                offer.metadata.entry(name).or_insert(value);
            }
        }
        Err((code, why)) => {
            show::note(&format!("warning: {} is taken without its sidecar {place}: {why} ({code})", offer.shown()));
        }
    }
    offer
}

/// Where the sidecar of `offer` lies; none for a list of files, which have no name in common, and for web addresses, which
/// are signed one by one.
fn beside(offer: &Offer, sidecar: &SidecarName) -> Option<RecordingUri> {
    if !offer.parts.is_empty() {
        return None;
    }
    let name = sidecar.of(&offer.name());
    match (&offer.path, offer.uri.address()) {
        (None, Ok(earmark_core::Address::S3 { bucket, .. })) => Some(format!("s3://{bucket}/{name}").into()),
        (None, Ok(earmark_core::Address::Http(_))) => None,
        (Some(_), _) | (None, Ok(earmark_core::Address::File(_))) => Some(name.into()),
        (None, Err(_)) => None,
    }
}

/// The files in `folder` and the folders in it, in order of name. Links to folders are not followed.
fn walk(folder: &Path, into: &mut Vec<PathBuf>) -> Result<(), CommandError> {
    let failed = |error: std::io::Error| {
        CommandError::plain(format!("cannot read the folder {}: {error}", folder.display()), None)
    };
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).and_then(|entries| entries.collect::<Result<_, _>>()).map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_type().map_err(failed)?.is_dir() {
            walk(&entry.path(), into)?;
        } else if entry.path().is_file() {
            into.push(entry.path());
        }
    }
    Ok(())
}
