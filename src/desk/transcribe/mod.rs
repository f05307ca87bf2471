//! A clip that somebody sends and waits for: transcribed here and now, as no job, on the caller's account.
//!
//! ```text
//!  TranscriptionRequest        the file, and what is known about it
//!     | upload                 decoded as a job's recording is: samples, length, whether it may go up as it is
//!     | transcription          an account asked under a permit, in the webhooks' lane; the fallback where it refuses
//!  ClipText | error            the text, or why there is none
//!     | subtitles              the text as SubRip and WebVTT
//! ```

mod error;
mod request;
pub mod subtitles;
mod transcription;
mod upload;

pub use earmark_asr::{Hearing, NotHearing};
pub use earmark_pipeline::ProviderAccounts as Accounts;
pub use error::TranscribeError;
pub use request::TranscriptionRequest;
pub use transcription::{Transcription, Transcriptions};
