//! `earmark rules`

mod check;
mod command;
mod test;

pub use command::{Command, rules};
