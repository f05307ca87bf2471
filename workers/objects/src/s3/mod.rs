//! The object store: one client for recordings, artifacts and lists, and what its answers mean for a job.

mod client;
mod error;
mod list;

pub use client::{PathStyle, S3, S3Options};
pub use error::S3Error;
pub use list::{Listed, Listing};

pub(crate) use error::{Asked, failed};
