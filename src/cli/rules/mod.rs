//! `earmark rules`

mod activate;
mod check;
mod command;
mod kept;
mod test;

pub use command::{Command, rules};
