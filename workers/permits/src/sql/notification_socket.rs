//! A socket by which one process tells another on this machine that it was handed a place.

use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use tokio::net::UnixDatagram as AsyncDatagram;

/// Anybody may notify, and in vain: a notification says only that it is time to look.
#[derive(Debug)]
pub(super) struct NotificationSocket {
    listening: AsyncDatagram,
    sending: UnixDatagram,
}

impl NotificationSocket {
    /// The socket of `process`. It lies in no folder and ends with its process.
    ///
    /// # Errors
    /// Where the system has no such sockets, or none left.
    pub(super) fn of(process: &str) -> io::Result<Self> {
        let (listening, sending) = (UnixDatagram::bind_addr(&address(process)?)?, UnixDatagram::unbound()?);
        listening.set_nonblocking(true)?;
        sending.set_nonblocking(true)?;
        Ok(Self { listening: AsyncDatagram::from_std(listening)?, sending })
    }

    /// Notifies another process; in vain where that has no socket, or lives in another network namespace.
    pub(super) fn notify(&self, process: &str) {
        if let Ok(address) = address(process) {
            // Whoever is not reached looks by itself.
            let _ = self.sending.send_to_addr(&[1], &address);
        }
    }

    /// Waits until somebody notifies this process.
    pub(super) async fn notified(&self) {
        if self.listening.recv(&mut [0]).await.is_err() {
            std::future::pending().await
        }
        self.clear();
    }

    /// Forgets what it was notified of: however often, one look is enough.
    pub(super) fn clear(&self) {
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
    async fn a_notification_arrives_where_it_is_sent_and_once_for_many_times() {
        let name = |number| format!("{}-{number}", uuid::Uuid::new_v4());
        let (name_a, name_b) = (name(1), name(2));
        let (socket_a, socket_b) = (NotificationSocket::of(&name_a).unwrap(), NotificationSocket::of(&name_b).unwrap());
        socket_a.notify("nobody");
        socket_a.notify(&name_b);
        socket_a.notify(&name_b);
        socket_b.notified().await;
        assert!(socket_b.notified().now_or_never().is_none());
        socket_a.notify(&name_b);
        socket_b.clear();
        assert!(socket_b.notified().now_or_never().is_none());
        assert!(socket_a.notified().now_or_never().is_none());
        assert!(NotificationSocket::of(&name_a).is_err(), "a process has one socket");
    }
}
