//! Any container, streaming, channel by channel, to 16 kHz mono.
//!
//! The bytes decide which way a file goes, never its name (but for formats that have no mark of their own).
//!
//! ```text
//! spooled        decode(): to disk, one spool per channel
//! stream         stream(): to any `sink`, by the way that fits the file, within the `options`
//! |-- sniff          which way (`route`): by the bytes, else by what is declared, else by the name; or `not_audio`
//! |   |-- layout         where the sound lies in WAV and its kin: `chunks`, what `wave` says of them, codecs by `wave_tags`
//! |   |-- headerless     sound that its name or its producer alone tells; `ear` listens whether that can be
//! |   |-- mpeg           frames of MPEG audio
//! |   |-- cut            a part of the file instead of all of it
//! |-- pcm            PCM, A-law and mu-law (`g711`), which lie in the file as they are; `oki` does nearly
//! |-- mpeg_stream    MPEG audio (MP3, ADTS) as a row of frames, which `mpeg_frames` reads
//! |-- ogg_opus       Opus in Ogg, from its `ogg_pages`: streams side by side and one behind the other
//! |-- packets        what symphonia takes apart: every `track` of sound, decoded by a `packet_decoder`
//! |   |-- source         the file as symphonia reads it, with `mp4`'s index
//! |   |-- codec_names    codecs as ffmpeg calls them
//! |   |-- timeline       which of a track's frames are played, and where
//! |-- ffmpeg         the rest (`foreign`): the ffmpeg program as a `child` with limits
//! |   |-- tracks         what a container holds; several tracks come `side_by_side`
//! |   |-- amr            puts the silence of AMR back, `amr_copy` takes it out of containers for that
//! |   |-- guess          which of several ways to read it is right
//! |-- lost           what was there and could not be decoded
//! joined         join(): several files of one recording, decoded, as one
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
mod joined;
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

pub use joined::{Joined, JoinedPart, join};
pub use options::DecodeOptions;
pub use sink::{Sink, Streamed};
pub use spooled::{Decoded, decode};
pub use stream::stream;
