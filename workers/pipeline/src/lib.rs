//! One recording's way: fetch, decode, segment, transcribe, stitch, flag, write.
