//! The engine built in: Whisper in a process of its own, so that native code that crashes, hangs or leaks takes nobody
//! with it.
//!
//! [`LocalEngine`] (`engine`) queues requests (`line`); its threads take what waits as a batch to the process (`process`,
//! which speaks `wire`). `keeper` starts the process, has it prove itself (`proof`) on the fastest way to compute that
//! works (`rung`, `choice`), starts it anew when it dies (`death`), and finds out which clip ends it. The program itself
//! is `workers/engine`.

mod choice;
mod death;
mod engine;
mod freed;
mod keeper;
mod line;
mod lock;
mod options;
mod process;
mod proof;
mod rung;
mod weights;
mod window;
pub mod wire;

pub use choice::{Choice, PassedOver, Surroundings};
pub use engine::LocalEngine;
pub use options::LocalOptions;
pub use rung::Rung;
pub use window::window_frames;
