//! earmark as GLM-ASR: what it answers, what it refuses, how much it takes, and that the real SDKs agree.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod bounds;
mod client;
mod faults;
mod passed_on;
mod sdks;
mod shapes;
#[path = "../support/mod.rs"]
mod support;
