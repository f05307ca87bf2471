//! SHA-256 of bytes, as hex.

use sha2::{Digest, Sha256};

/// SHA-256 of `bytes` in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    earmark_core::audit::hex(&Sha256::digest(bytes))
}
