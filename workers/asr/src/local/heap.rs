//! The heap: memory that was freed, given back to the system.

#![allow(unsafe_code, reason = "the C library's only way")]

/// Gives memory that was freed back to the system: the C library keeps what a recording took, 20 MB, for the next one.
#[cfg(target_env = "gnu")]
pub(super) fn trim() {
    unsafe extern "C" {
        fn malloc_trim(pad: usize) -> std::ffi::c_int;
    }
    // SAFETY: it takes the allocator's own locks and touches nothing that is in use.
    unsafe { malloc_trim(0) };
}

/// Others give it back by themselves.
#[cfg(not(target_env = "gnu"))]
pub(super) fn trim() {}
