//! earmark: recordings in, transcripts, findings and evidence out.

pub mod config;
