//! `earmark rules`

mod activate;
mod check;
mod command;
mod kept;
mod replay;
mod stats;
mod test;

pub use command::{Command, rules};
