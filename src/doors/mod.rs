//! How earmark is reached: each door parses, calls the desk and renders, nothing else.

mod callers;
pub mod cli;
pub mod http;
mod server;
pub mod transcriptions;

pub use server::serve;
