//! The engine built in: Whisper in a process of its own, so that native code that crashes, hangs or leaks takes nobody
//! with it. The program itself is `workers/engine`.
//!
//! ```text
//! ClipRequest -> engine            the Transcriber: checks a clip, queues it; its threads take what waits as batches
//!                |-- request_queue     what waits, in order; clips of one `listening_window` go together
//!                supervisor        one process at a time: starts it, starts it anew, finds the clip that ends it
//!                |-- backend           ways to compute, from the fastest to the safest
//!                |-- proof             known speech that a process must understand before it is believed
//!                |-- proved_backends   which backend was proved where, kept in a file beside the model
//!                |-- weights           which weights those are, though their file may be replaced
//!                |-- heap              memory given back when the process is ended
//!                process           started, asked, watched, ended
//!                |-- wire              what goes over its socket, for both sides
//!                |-- termination       how it ended, and whose fault that is
//! ```
//!
//! `options` is how all of it is set up, `lock` how its mutexes are taken.

mod backend;
mod engine;
mod heap;
mod listening_window;
mod lock;
mod options;
mod process;
mod proof;
mod proved_backends;
mod request_queue;
mod supervisor;
mod termination;
mod weights;
pub mod wire;

pub use backend::Backend;
pub use engine::LocalEngine;
pub use listening_window::window_frames;
pub use options::LocalOptions;
pub use proved_backends::{FailedBackend, ProvedBackend, Surroundings};
