//! Where there is speech, and where to cut it.
//!
//! Two passes over the spools in blocks: the first notes the level of each 32 ms and what the channels have in common,
//! the second lets the detector hear each channel at a raised level. What is kept of a frame is three bytes, of a
//! channel that has sound in common with another twelve more.
//!
//! ```text
//! segmented      segment(): the clips of all channels, with what is to be known of the channels
//! |-- listening      the two passes
//! |   |-- channel_correlation   which channels have sound in common, and how far apart in time
//! |   |-- survey                first pass: the `level` of each `frame`, and whose sound it is
//! |   |-- silero                second pass: the detector, of `dense_layer`s, its weights read from `onnx`
//! |   |-- copied                which frames are others' sound heard again, by what each `echo` makes of `bands`
//! |-- speech         probabilities to stretches of speech
//! |-- cut            stretches to clips, parted at the `quietest_point`
//! clip_sound     samples(): a clip's sound at the usual level
//! ```
//!
//! `options` is how all of it is set up.

mod bands;
mod channel_correlation;
mod clip_sound;
mod copied;
mod cut;
mod dense_layer;
mod echo;
mod frame;
mod level;
mod listening;
mod onnx;
mod options;
mod quietest_point;
mod segmented;
mod silero;
mod speech;
mod survey;

pub use clip_sound::samples;
pub use listening::{Listened, listen};
pub use options::SegmentOptions;
pub use segmented::{Segmented, segment};
pub use silero::SpeechModel;
