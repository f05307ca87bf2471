//! Servers that go away and come back, and a disk that is full: what tests of outages rely on.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::ErrorKind;
use std::net::TcpStream;

use earmark_servers::{PostgresServer, S3Server, SmallDisk};

#[tokio::test]
async fn a_store_that_is_away_refuses_connections_and_is_back_on_its_port() {
    let mut server = S3Server::start(&["calls"]).await;
    let (endpoint, connected) =
        (server.endpoint(), |server: &S3Server| TcpStream::connect(server.endpoint().strip_prefix("http://").unwrap()));
    connected(&server).unwrap();
    server.lay("calls", "a.wav", b"bytes");
    server.stop().await;
    assert_eq!(connected(&server).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    server.start_again().await;
    connected(&server).unwrap();
    assert_eq!((server.endpoint(), server.keys("calls")), (endpoint, vec!["a.wav".to_owned()]));
}

#[test]
fn a_postgres_keeps_what_it_says_over_its_starts() {
    let mut server = PostgresServer::start();
    server.stop();
    server.start_again();
    let starts = server.log().matches("database system is ready to accept connections").count();
    assert_eq!(starts, 2, "{}", server.log());
}

#[test]
fn a_small_disk_is_full_when_it_is_filled_and_has_room_again() {
    let disk = match SmallDisk::mount(1 << 20) {
        Ok(disk) => disk,
        // Nobody but root may mount.
        Err(why) => return assert!(why.contains("root"), "{why}"),
    };
    let (folder, file) = (disk.folder().to_owned(), disk.folder().join("file"));
    disk.fill();
    assert_eq!(std::fs::write(&file, [1; 8192]).unwrap_err().kind(), ErrorKind::StorageFull);
    disk.make_room();
    std::fs::write(&file, [1; 8192]).unwrap();
    drop(disk);
    assert!(!folder.exists(), "{} is left", folder.display());
}
