//! Any container, streaming, channel by channel, to 16 kHz mono.
//!
//! The bytes decide which way a file goes, never its name (but for formats that have no mark of their own).
//!
//! ```text
//! spooled        decode(): to disk, one spool per channel
//! stream         stream(): to any `sink`, by the way that fits the file, within the `options`
//! |-- sniff          which way: by the bytes, with the headers that `wave`, `mpeg` and `foreign` know; or `not_audio`
//! |-- pcm            PCM, A-law and mu-law (`g711`), which lie in the file as they are
//! |-- packets        what symphonia takes apart, and it or libopus (`opus`) decodes
//! |   |-- source         the file as symphonia reads it, `ogg` and `mp4` what it needs help with
//! |   |-- codec_names    codecs as ffmpeg calls them
//! |-- ffmpeg         the rest: the ffmpeg program as a child with limits; `amr` puts its silence back
//! output         where all ways meet: limits, trimming, counting, warnings
//! |-- resample       to 16 kHz, from 8 kHz by `upsample`
//! ```

mod amr;
mod codec_names;
mod ffmpeg;
mod foreign;
mod g711;
mod mp4;
mod mpeg;
mod not_audio;
mod ogg;
mod options;
mod opus;
mod output;
mod packets;
mod pcm;
mod resample;
mod sink;
mod sniff;
mod source;
mod spooled;
mod stream;
mod upsample;
mod wave;

pub use options::DecodeOptions;
pub use sink::{Sink, Streamed};
pub use spooled::{Decoded, decode};
pub use stream::stream;
