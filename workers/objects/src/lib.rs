//! Where bytes lie: recordings that are fetched, artifacts that are written.
//!
//! ```text
//! recordings/   RecordingStore: the URI picks files, the web or a bucket; caps, hashes, versions
//! artifacts/    ArtifactStore: reports and transcripts, in a folder or a bucket
//! s3/           the object store behind both: one client, lists, what its answers mean for a job
//! place         what the places are called that may be away
//! http_client   the one place that makes a client for the web; which addresses it may reach
//! ```

mod artifacts;
mod http_client;
mod place;
mod recordings;
mod s3;

pub use artifacts::{ArtifactError, ArtifactStore, FileArtifacts, S3Artifacts, Sse, check_folder};
pub use http_client::{HttpClientError, HttpOptions, http_client};
pub use place::of_folder;
pub use recordings::{FetchError, FetchLimits, Fetched, FileRoots, RecordingStore, Recordings, S3Store, known_version};
pub use s3::{Listed, Listing, PathStyle, S3, S3Error, S3Options};
