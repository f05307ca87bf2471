//! Command-line words as offers, and what holds for those that say nothing else.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use earmark_core::{Address, Lane, RecordingUri};

use crate::desk::submit::{Offer, OfferedSound, OfferedSpeakers};

/// An offer of the recording at `uri`. A path is made absolute, so that a worker with another working folder finds it.
pub fn word(uri: &OsStr) -> Offer {
    Offer { uri: uri.to_string_lossy().into_owned().into(), path: path(uri), ..Offer::default() }
}

/// What the shell knows of the recordings that it gives.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Sources {
    /// Who speaks on channel 0, 1, …, e.g. customer,agent, instead of the configuration's word.
    #[arg(long, value_name = "NAMES")]
    speakers: Option<String>,
    /// How recordings without a header are to be read: encoding:rate:channels, e.g. pcm_s16le:8000:2.
    #[arg(long, value_name = "SOUND")]
    sound: Option<String>,
}

impl Sources {
    /// `offer`, with what it does not say of itself.
    pub fn fill(&self, offer: Offer) -> Offer {
        Offer {
            speakers: offer.speakers.or_else(|| self.speakers.as_deref().map(OfferedSpeakers::from)),
            sound: offer.sound.or_else(|| self.sound.as_deref().map(OfferedSound::from)),
            ..offer
        }
    }
}

/// What holds for recordings that say nothing else of themselves.
#[derive(Debug, Clone, Default)]
pub struct Usual {
    /// How urgent they are.
    pub lane: Lane,
    /// More urgent within lane and tenant the higher it is, -100 to 100.
    pub priority: i64,
    /// The key of the one recording.
    pub key: Option<String>,
    /// Process them whatever there is.
    pub is_repeat: bool,
    /// Hash of the rule set to judge by.
    pub rule_set: Option<String>,
    /// Who speaks on which channel, and how headerless sound is written down.
    pub sources: Sources,
}

impl Usual {
    /// `offer`, with what it does not say of itself.
    pub fn fill(&self, offer: Offer, tenant: &str) -> Offer {
        let offer = self.sources.fill(offer);
        Offer {
            tenant: offer.tenant.or_else(|| Some(tenant.into())),
            lane: offer.lane.or_else(|| Some(self.lane.to_string())),
            key: self.key.clone().or(offer.key),
            priority: offer.priority.or(Some(self.priority)),
            is_repeat: offer.is_repeat || self.is_repeat,
            rule_set: offer.rule_set.or_else(|| self.rule_set.clone()),
            ..offer
        }
    }
}

/// An existing path is a path, whatever it looks like; otherwise the text decides.
fn path(uri: &OsStr) -> Option<PathBuf> {
    let (path, text) = (Path::new(uri), uri.to_string_lossy());
    let is_path =
        path.exists() || !text.contains("://") && matches!(RecordingUri::from(&*text).address(), Ok(Address::File(_)));
    if !is_path || uri.is_empty() {
        return None;
    }
    std::path::absolute(path).ok()
}

#[cfg(test)]
mod tests {
    use earmark_core::NewJob;

    use super::*;
    use crate::desk::submit;

    fn job(uri: &OsStr) -> NewJob {
        submit::job(word(uri)).unwrap()
    }

    #[test]
    fn an_existing_path_is_a_path_whatever_it_looks_like() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a?b #c%20.wav");
        std::fs::write(&odd, b"").unwrap();
        let job = job(odd.as_os_str());
        assert_eq!(job.uri.expose(), odd.to_string_lossy());
        assert_eq!(job.location.address(), Ok(Address::File(odd)));
    }

    #[test]
    fn a_file_with_other_content_is_another_version() {
        let folder = tempfile::tempdir().unwrap();
        let call = folder.path().join("a.wav");
        let offered = || job(call.as_os_str());
        assert_eq!(offered().version, None);
        std::fs::write(&call, b"one").unwrap();
        let first = offered();
        assert_eq!(offered().identity(None), first.identity(None));
        std::fs::write(&call, b"more").unwrap();
        assert_ne!(offered().identity(None), first.identity(None));
        let version = |uri| job(OsStr::new(uri)).version;
        assert_eq!(version("s3://bucket/key?versionId=7").as_deref(), Some("7"));
        assert_eq!((version("s3://bucket/key"), version("https://example.org/a.wav")), (None, None));
    }

    #[test]
    fn addresses_stay_as_they_are() {
        for uri in ["https://example.org/a.wav?x=1", "s3://bucket/key", "file:///tmp/a.wav"] {
            assert_eq!(job(OsStr::new(uri)).location.expose(), uri);
        }
        assert!(submit::job(word(OsStr::new("ftp://nowhere"))).is_err());
        let relative = job(OsStr::new("no/such.wav")).location;
        let location = relative.expose();
        assert!(location.starts_with("file:///") && location.ends_with("/no/such.wav"), "{location}");
    }
}
