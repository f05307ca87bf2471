//! The stages of a job.

use crate::words::words;

words! {
    /// A stage that takes time, by the name that it has everywhere: in problems, in logs, on the screen, as a file of the
    /// pipeline.
    pub enum Stage: "stage" {
        /// The recording is being copied here.
        Fetch = "fetch",
        /// It is being turned into samples.
        Decode = "decode",
        /// Speech is being looked for.
        Segment = "segment",
        /// Clips are with the recogniser.
        Transcribe = "transcribe",
        /// The rules are being applied to the text.
        Flag = "flag",
        /// The result is being written.
        Write = "write",
    }
}
