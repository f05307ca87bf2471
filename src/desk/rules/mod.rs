//! Rule sets: their files, which is in force, and what another would find.

pub mod files;
pub mod in_force;
pub mod replay;
pub mod share;
