//! What a mutex guards, whoever panicked while it held it: none of them changes anything halfway.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits for the mutex and locks it.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
