//! From a file of any format to clips of speech: probe, decode, resample, find speech, cut. CPU only:
//! callers run it on a blocking thread.
//!
//! ```text
//! decode      any container -> 16 kHz mono per channel
//! spool       a channel's samples on disk, so that a recording of any length takes the same memory
//! segment     where there is speech; clips cut where it is quietest; a clip's samples
//! fourier     plans of Fourier transforms, for `segment` and for the engine
//! error       what can be wrong with a recording's sound
//! wide        counts in memory as counts in files
//! ```

pub mod decode;
mod error;
mod fourier;
pub mod segment;
mod spool;
mod wide;

pub use error::AudioError;
pub use fourier::real_fft;
pub use spool::{Spool, SpoolWriter};
