//! A bell by which one process tells another on this machine that it was handed a place.

use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use tokio::net::UnixDatagram as Listening;

/// Anybody may ring, and it may ring in vain: it says only that it is time to look.
#[derive(Debug)]
pub(super) struct Bell {
    listening: Listening,
    ringing: UnixDatagram,
}

impl Bell {
    /// The bell of `process`. It lies in no folder and ends with its process.
    ///
    /// # Errors
    /// Where the system has no such sockets, or none left.
    pub(super) fn of(process: &str) -> io::Result<Self> {
        let (listening, ringing) = (UnixDatagram::bind_addr(&address(process)?)?, UnixDatagram::unbound()?);
        listening.set_nonblocking(true)?;
        ringing.set_nonblocking(true)?;
        Ok(Self { listening: Listening::from_std(listening)?, ringing })
    }

    /// Rings the bell of another process; in vain where that has none, or lives in another network namespace.
    pub(super) fn ring(&self, process: &str) {
        if let Ok(address) = address(process) {
            // Whoever is not reached looks by itself.
            let _ = self.ringing.send_to_addr(&[1], &address);
        }
    }

    /// Waits until somebody rings.
    pub(super) async fn rung(&self) {
        if self.listening.recv(&mut [0]).await.is_err() {
            std::future::pending().await
        }
        self.hush();
    }

    /// Forgets that it rang: however often, one look is enough.
    pub(super) fn hush(&self) {
        while self.listening.try_recv(&mut [0]).is_ok() {}
    }
}

/// A name that is in no folder, and free again when its process ends.
#[cfg(target_os = "linux")]
fn address(process: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("earmark-permits-{process}"))
}

#[cfg(not(target_os = "linux"))]
fn address(_: &str) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_bell_rings_where_it_is_rung_and_once_for_many_times() {
        let name = |number| format!("{}-{number}", uuid::Uuid::new_v4());
        let (name_a, name_b) = (name(1), name(2));
        let (bell_a, bell_b) = (Bell::of(&name_a).unwrap(), Bell::of(&name_b).unwrap());
        bell_a.ring("nobody");
        bell_a.ring(&name_b);
        bell_a.ring(&name_b);
        bell_b.rung().await;
        assert!(bell_b.rung().now_or_never().is_none());
        bell_a.ring(&name_b);
        bell_b.hush();
        assert!(bell_b.rung().now_or_never().is_none());
        assert!(bell_a.rung().now_or_never().is_none());
        assert!(Bell::of(&name_a).is_err(), "a process has one bell");
    }
}
