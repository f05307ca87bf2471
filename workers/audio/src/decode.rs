//! Any container, streaming, channel by channel, to 16 kHz mono.
//!
//! The bytes decide which way a file goes, never its name (but for formats that have no mark of their own).
//!
//! ```text
//! spooled        decode(): to disk, one spool per channel
//! stream         stream(): to any `sink`, by the way that fits the file, within the `options`
//! |-- sniff          which way: by the bytes, with the headers that `wave`, `mpeg` and `foreign` know; or `not_audio`
//! |-- pcm            PCM, A-law and mu-law (`g711`), which lie in the file as they are
//! |-- mpeg_stream    MPEG audio (MP3, ADTS) as a row of frames, which `mpeg_frames` reads
//! |-- ogg_opus       Opus in Ogg, from its `ogg_pages`: streams side by side and one behind the other
//! |-- packets        what symphonia takes apart: every `track` of sound, decoded by a `packet_decoder`
//! |   |-- source         the file as symphonia reads it, with `mp4`'s index
//! |   |-- codec_names    codecs as ffmpeg calls them
//! |   |-- timeline       which of a track's frames are played, and where
//! |-- lost           what was there and could not be decoded
//! |-- ffmpeg         the rest: the ffmpeg program as a child with limits; `amr` puts its silence back
//! output         where all ways meet: limits, trimming, counting, warnings
//! |-- resample       to 16 kHz, from 8 kHz by `upsample`
//! ```

mod amr;
mod amr_copy;
mod bytes;
mod child;
mod chunks;
mod codec_names;
mod cut;
mod ear;
mod ffmpeg;
mod foreign;
mod g711;
mod guess;
mod headerless;
mod layout;
mod lost;
mod mp4;
mod mpeg;
mod mpeg_frames;
mod mpeg_stream;
mod not_audio;
mod ogg_opus;
mod ogg_pages;
mod oki;
mod options;
mod opus;
mod output;
mod packet_decoder;
mod packets;
mod pcm;
mod resample;
mod route;
mod side_by_side;
mod sink;
mod sniff;
mod source;
mod spooled;
mod stream;
mod timeline;
mod track;
mod tracks;
mod upsample;
mod wave;
mod wave_head;
mod wave_tags;

pub use options::DecodeOptions;
pub use sink::{Sink, Streamed};
pub use spooled::{Decoded, decode};
pub use stream::stream;
