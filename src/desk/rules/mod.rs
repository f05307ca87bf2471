//! Rule sets: their files, which is in force, what they do on texts, what another would find, how often they are right.

pub mod activation;
pub mod check;
pub mod files;
pub mod in_force;
pub mod kept;
pub mod labelled;
pub mod replay;
pub mod share;
pub mod stats;
pub mod trial;
