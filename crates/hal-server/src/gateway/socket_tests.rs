use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;
use crate::config;
use crate::limits::{Limits, Who};

fn watched(limits: config::Limits) -> (DuplexStream, Watched<DuplexStream>, Arc<Limits>) {
    let (client, server) = duplex(64 << 10);
    let limits = Limits::new(limits, 10);
    let who = Who { user: Some("ann".to_owned()), ..Who::default() };
    let admission = limits.admit(who, 0).expect("room");
    (client, Watched::new(server, Arc::new(admission), Clock::start()), limits)
}

const HI: &[u8] = &[0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];

#[tokio::test]
async fn a_message_that_does_not_end_ends_the_connection() {
    let (mut client, mut server, _) =
        watched(config::Limits { message_seconds: 1, ..config::Limits::default() });
    client.write_all(HI).await.expect("sent");
    let mut bytes = [0; 64];
    assert_eq!(server.read(&mut bytes).await.expect("a whole message"), HI.len());
    client.write_all(&HI[..3]).await.expect("sent");
    assert_eq!(server.read(&mut bytes).await.expect("a part"), 3);
    let error = server.read(&mut bytes).await.expect_err("it takes too long");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn silence_between_messages_is_no_fault() {
    let (mut client, mut server, _) =
        watched(config::Limits { message_seconds: 1, ..config::Limits::default() });
    client.write_all(HI).await.expect("sent");
    let mut bytes = [0; 64];
    server.read_exact(&mut bytes[..HI.len()]).await.expect("a whole message");
    assert!(server.timer.is_none() && server.begun.is_none());
}

#[tokio::test]
async fn an_announced_length_needs_room_before_its_bytes_come() {
    let (mut client, mut server, limits) =
        watched(config::Limits { unfinished_megabytes: 16, ..config::Limits::default() });
    // Two messages of 12 MB: one after the other each has its room.
    let head = [0x82, 0xff, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0];
    client.write_all(&head).await.expect("sent");
    let mut bytes = [0; 64];
    server.read_exact(&mut bytes[..head.len()]).await.expect("the first");
    assert!(server.held > 11 << 20);
    let who = Who { user: Some("bea".to_owned()), ..Who::default() };
    let other = limits.admit(who, 0).expect("room");
    assert!(other.hold(0, 8 << 20, 0).is_err(), "16 in all");
    drop(server);
    assert!(other.hold(0, 8 << 20, 0).is_ok(), "what was held is free");
}
