//! From a file of any format to clips of speech: probe, decode, resample, find speech, cut. CPU only:
//! callers run it on a blocking thread.
//!
//! [`decode`](decode::decode) writes each channel as 16 kHz samples to a [`Spool`] on disk, so a recording of any
//! length takes the same memory; [`segment`](segment::segment) reads the spools and says which stretches to transcribe.

pub mod decode;
mod error;
pub mod segment;
mod spectrum;
mod spool;

pub use error::AudioError;
pub use spectrum::spectrum;
pub use spool::{Spool, SpoolWriter};
