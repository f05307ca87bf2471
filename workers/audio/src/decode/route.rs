//! Which way a file goes, and what the way has to know.

use super::cut::Cut;
use super::foreign::Foreign;
use super::wave::Sound;

/// Which way a file goes.
#[derive(Debug)]
pub(super) enum Route {
    Pcm(Sound),
    /// Dialogic's ADPCM at so many samples a second.
    Oki(u32),
    Packets(Found),
    Ffmpeg(Foreign),
}

/// A way, and the part of the file that takes it.
#[derive(Debug)]
pub(super) struct Sniffed {
    pub(super) route: Route,
    /// None where the file goes as it is.
    pub(super) cut: Option<Cut>,
}

impl Sniffed {
    /// All of a file.
    pub(super) fn whole(route: Route) -> Self {
        Self { route, cut: None }
    }
}

/// A file for symphonia.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) format: &'static str,
    /// Where the length is declared.
    pub(super) length: Length,
}

/// Where a container says how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// In its header, and symphonia finds it.
    Header,
    /// In its header: so many frames.
    Frames(u64),
    /// Nowhere that could be relied on.
    Nowhere,
}
