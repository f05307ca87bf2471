//! Recordings: fetching them from where they lie. The URI picks the store.
//!
//! ```text
//!   store     RecordingStore, and how much may be fetched
//!     every   the URI picks one of them:
//!     file    files of this machine, hashed where they lie; identity: what tells two states of a file apart;
//!             roots: which of them others may name
//!     http    the web
//!     s3      a bucket
//!       coding  gzip and zstd on the way are undone
//!       spool   what comes in parts goes to a temporary file, counted and hashed on the way
//!   fetched   a recording that was fetched
//!   version   which content is meant, as far as that can be told without fetching
//!   error     why there is none
//! ```

mod coding;
mod error;
mod every;
mod fetched;
mod file;
mod http;
mod identity;
mod roots;
mod s3;
mod spool;
mod store;
mod version;

pub use error::FetchError;
pub use every::Recordings;
pub use fetched::Fetched;
pub(crate) use file::FileStore;
pub(crate) use http::HttpStore;
pub use roots::FileRoots;
pub use s3::S3Store;
pub use store::{FetchLimits, RecordingStore};
pub use version::known_version;
