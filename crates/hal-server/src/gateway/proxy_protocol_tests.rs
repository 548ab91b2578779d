use proptest::prelude::*;

use super::*;

/// A header of version 2 of these parts.
fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend([0x20 | command, family]);
    bytes.extend(u16::try_from(rest.len()).expect("short").to_be_bytes());
    bytes.extend(rest);
    bytes
}

const IPV4: [u8; 12] = [192, 0, 2, 7, 127, 0, 0, 1, 0xc0, 0x01, 0x22, 0x40];

fn ipv6() -> Vec<u8> {
    let source: Ipv6Addr = "2001:db8::7".parse().expect("an address");
    [&source.octets()[..], &Ipv6Addr::LOCALHOST.octets(), &[0xc0, 0x01, 0x22, 0x40]].concat()
}

fn extra(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("short").to_be_bytes();
    [&[kind], &length[..], value].concat()
}

/// The header with the right checksum in the extra that has room for it.
fn with_checksum(mut header: Vec<u8>) -> Vec<u8> {
    let mark = [TLV_CRC32C, 0, 4, 0, 0, 0, 0];
    let at = header.windows(7).position(|seven| seven == mark).expect("room for it") + 3;
    let sum = crc32c(header.iter().copied());
    header[at..at + 4].copy_from_slice(&sum.to_be_bytes());
    header
}

#[track_caller]
fn check(header: &[u8], source: Option<&str>) {
    let source = source.map(|source| source.parse().expect("an address"));
    let expected = Beginning::Header { bytes: header.len(), source };
    assert_eq!(read(header), expected);
    // What follows is not its business, and what is cut off is not known yet.
    let longer = [header, b"GET / HTTP/1.1\r\n\r\n"].concat();
    assert_eq!(read(&longer), expected);
    for count in 0..header.len() {
        assert_eq!(read(&header[..count]), Beginning::More, "the first {count} bytes");
    }
}

#[test]
fn version_1_names_the_client() {
    check(b"PROXY TCP4 192.0.2.7 127.0.0.1 49153 8768\r\n", Some("192.0.2.7:49153"));
    check(b"PROXY TCP6 2001:db8::7 ::1 49153 8768\r\n", Some("[2001:db8::7]:49153"));
    check(b"PROXY UNKNOWN\r\n", None);
    check(b"PROXY UNKNOWN anything at all\r\n", None);
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LINE_BYTES_MAX - 16));
    assert_eq!(longest.len(), LINE_BYTES_MAX);
    check(longest.as_bytes(), None);
}

#[test]
fn version_1_with_a_fault_is_refused() {
    for line in [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 192.0.2.7 127.0.0.1 49153\r\n",
        "PROXY TCP4 192.0.2.7 127.0.0.1 49153 8768 1\r\n",
        "PROXY TCP4 192.0.2.7  127.0.0.1 49153 8768\r\n",
        "PROXY TCP4 2001:db8::7 ::1 49153 8768\r\n",
        "PROXY TCP6 192.0.2.7 127.0.0.1 49153 8768\r\n",
        "PROXY TCP4 192.0.2.7 127.0.0.1 +49153 8768\r\n",
        "PROXY TCP4 192.0.2.7 127.0.0.1 049153 8768\r\n",
        "PROXY TCP4 192.0.2.7 127.0.0.1 65536 8768\r\n",
        "PROXY TCP5 192.0.2.7 127.0.0.1 49153 8768\r\n",
        "PROXY tcp4 192.0.2.7 127.0.0.1 49153 8768\r\n",
        "PROXY TCP4 localhost 127.0.0.1 49153 8768\r\n",
    ] {
        assert!(matches!(read(line.as_bytes()), Beginning::Bad(_)), "{line:?}");
    }
    assert!(matches!(read(b"PROXY TCP4 \xff\r\n"), Beginning::Bad(_)));
    let endless = format!("PROXY UNKNOWN {}", "x".repeat(LINE_BYTES_MAX));
    assert!(matches!(read(endless.as_bytes()), Beginning::Bad(_)));
}

#[test]
fn version_2_names_the_client() {
    check(&version_2(1, 0x11, &IPV4), Some("192.0.2.7:49153"));
    check(&version_2(1, 0x21, &ipv6()), Some("[2001:db8::7]:49153"));
    // A socket of a file system, no address at all, datagrams: nobody can be named.
    check(&version_2(1, 0x31, &[0; 216]), None);
    check(&version_2(1, 0x00, &[]), None);
    check(&version_2(1, 0x00, b"whatever"), None);
    check(&version_2(1, 0x12, &IPV4), None);
}

#[test]
fn the_proxys_own_connection_is_nobodys() {
    check(&version_2(0, 0x00, &[]), None);
    check(&version_2(0, 0x11, &IPV4), None);
    check(&version_2(0, 0xff, b"skipped, whatever it is"), None);
}

#[test]
fn extras_are_skipped_and_a_checksum_is_compared() {
    let name = extra(0x02, b"hal.example.com");
    check(&version_2(1, 0x11, &[&IPV4[..], &name, &extra(0x04, b"")].concat()), Some("192.0.2.7:49153"));
    let room = extra(TLV_CRC32C, &[0; 4]);
    let rest = [&IPV4[..], &name, &room, &extra(0x20, b"tls")].concat();
    let good = with_checksum(version_2(1, 0x11, &rest));
    check(&good, Some("192.0.2.7:49153"));
    // Each bit of the addresses counts.
    for at in FIXED_BYTES..FIXED_BYTES + IPV4.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            assert_eq!(read(&bad), Beginning::Bad("its checksum is wrong"), "byte {at}, bit {bit}");
        }
    }
    // RFC 3720, B.4.
    assert_eq!(crc32c([0; 32].into_iter()), 0x8a91_36aa);
    assert_eq!(crc32c(b"123456789".iter().copied()), 0xe306_9283);
}

#[test]
fn version_2_with_a_fault_is_refused() {
    let mut other = version_2(1, 0x11, &IPV4);
    other[12] = 0x11;
    for (bad, what) in [
        (other, "version 1 in binary"),
        (version_2(2, 0x11, &IPV4), "an unknown command"),
        (version_2(1, 0x41, &IPV4), "an unknown family"),
        (version_2(1, 0x13, &IPV4), "an unknown transport"),
        (version_2(1, 0x11, &IPV4[..11]), "too short for IPv4"),
        (version_2(1, 0x21, &IPV4), "too short for IPv6"),
        (version_2(1, 0x31, &[0; 215]), "too short for a file"),
        (version_2(1, 0x11, &[&IPV4[..], &[1, 0]].concat()), "an extra without its length"),
        (version_2(1, 0x11, &[&IPV4[..], &[1, 0, 2, 0]].concat()), "an extra that is cut off"),
        (version_2(1, 0x11, &[&IPV4[..], &extra(TLV_CRC32C, &[0; 3])].concat()), "a short checksum"),
    ] {
        assert!(matches!(read(&bad), Beginning::Bad(_)), "{what}");
    }
    // Known before the rest has come.
    let mut long = version_2(1, 0x11, &IPV4)[..FIXED_BYTES].to_vec();
    long[14..].copy_from_slice(&4081u16.to_be_bytes());
    assert!(matches!(read(&long), Beginning::Bad(_)));
    long[14..].copy_from_slice(&4080u16.to_be_bytes());
    assert_eq!(read(&long), Beginning::More);
}

#[test]
fn requests_and_handshakes_are_no_headers() {
    for other in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"POST / HTTP/1.1\r\n",
        b"PROXYTCP4",
        b"\r\nGET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00",
        b"proxy TCP4 ",
    ] {
        assert_eq!(read(other), Beginning::Other, "{other:?}");
    }
    assert_eq!(read(b""), Beginning::More);
    assert_eq!(read(b"P"), Beginning::More);
}

/// Bytes that are a header but for some.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let head = prop_oneof![
        Just(version_2(1, 0x11, &IPV4)),
        Just(version_2(1, 0x21, &ipv6())),
        Just(with_checksum(version_2(1, 0x11, &[&IPV4[..], &extra(TLV_CRC32C, &[0; 4])].concat()))),
        Just(b"PROXY TCP4 192.0.2.7 127.0.0.1 49153 8768\r\n".to_vec()),
        Just(b"PROXY TCP6 2001:db8::7 ::1 49153 8768\r\n".to_vec()),
    ];
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let tail = proptest::collection::vec(any::<u8>(), 0..5000);
    (head, changes, tail).prop_map(|(mut bytes, changes, tail)| {
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.extend(tail);
        bytes
    })
}

proptest! {
    /// Nothing makes it fail; what it says about a beginning, more bytes do not change; and it never waits without end.
    #[test]
    fn more_bytes_never_change_what_was_said(bytes in nearly(), cut in any::<prop::sample::Index>()) {
        let count = cut.index(bytes.len() + 1);
        let (part, whole) = (read(&bytes[..count]), read(&bytes));
        if part != Beginning::More {
            prop_assert_eq!(part, whole);
        }
        if let Beginning::Header { bytes: length, .. } = whole {
            prop_assert!(length <= bytes.len() && length <= BYTES_MAX);
            prop_assert_eq!(read(&bytes[..length]), whole);
        }
        if bytes.len() >= BYTES_MAX {
            prop_assert_ne!(whole, Beginning::More);
        }
    }

    #[test]
    fn any_client_is_named(source in any::<[u8; 16]>(), port in any::<u16>(), v4 in any::<bool>()) {
        let (ip, family, words) = if v4 {
            let ip = Ipv4Addr::new(source[0], source[1], source[2], source[3]);
            (IpAddr::V4(ip), 0x11, format!("PROXY TCP4 {ip} 127.0.0.1 {port} 8768\r\n"))
        } else {
            let ip = Ipv6Addr::from(source);
            (IpAddr::V6(ip), 0x21, format!("PROXY TCP6 {ip} ::1 {port} 8768\r\n"))
        };
        let address = if v4 { source[..4].to_vec() } else { source.to_vec() };
        let rest = [&address[..], &vec![0; address.len()], &port.to_be_bytes(), &[0x22, 0x40]].concat();
        let expected = Some(SocketAddr::new(ip, port));
        for header in [version_2(1, family, &rest), words.into_bytes()] {
            prop_assert_eq!(read(&header), Beginning::Header { bytes: header.len(), source: expected });
        }
    }
}

/// What the gateway's side makes of bytes that somebody sends, from loopback, in these pieces.
async fn begun(pieces: &[&[u8]], proxies: &Proxies) -> (Option<(Vec<u8>, Whose)>, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("known");
    let send = async {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.set_nodelay(true).expect("set");
        for piece in pieces {
            stream.write_all(piece).await.expect("sent");
            tokio::task::yield_now().await;
        }
        stream.shutdown().await.expect("ended");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("read");
        answer
    };
    let take = async {
        let (stream, peer) = listener.accept().await.expect("accepted");
        let (mut begun, whose) = begin(stream, peer.ip(), proxies).await?;
        let mut rest = Vec::new();
        begun.read_to_end(&mut rest).await.expect("read");
        Some((rest, whose))
    };
    tokio::join!(take, send)
}

#[tokio::test]
async fn a_header_is_taken_off_and_the_rest_is_left_as_it_was() {
    let header = version_2(1, 0x11, &IPV4);
    let request = b"GET / HTTP/1.1\r\n\r\n".repeat(200);
    let client = Whose { ip: IpAddr::from([192, 0, 2, 7]), proxied: true };
    let trusting = Proxies::default();
    let at_once = [&header[..], &request].concat();
    let (got, _) = begun(&[&at_once], &trusting).await;
    assert_eq!(got, Some((request.clone(), client)));
    let (got, _) = begun(&[&header[..5], &header[5..20], &header[20..], &request], &trusting).await;
    assert_eq!(got, Some((request.clone(), client)));
    let (got, _) = begun(&[&version_2(0, 0, &[]), &request], &trusting).await;
    assert_eq!(got, Some((request.clone(), Whose { ip: IpAddr::from([127, 0, 0, 1]), proxied: true })));
    // Without one, as a health check or a program of this machine comes.
    let (got, _) = begun(&[&request], &trusting).await;
    assert_eq!(got, Some((request, Whose { ip: IpAddr::from([127, 0, 0, 1]), proxied: false })));
    assert_eq!(begun(&[], &trusting).await.0, None);
    assert_eq!(begun(&[&header], &trusting).await.0, None, "nothing came behind it");
}

#[tokio::test]
async fn a_header_of_somebody_else_is_refused_and_they_are_told_why() {
    let header = version_2(1, 0x11, &IPV4);
    let listed = crate::networks::Networks::parse(["10.0.0.0/8"]).expect("valid");
    let (got, answer) =
        begun(&[&header, b"GET / HTTP/1.1\r\n\r\n"], &Proxies::new(Some(listed), false)).await;
    assert_eq!(got, None);
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("gateway.proxies"), "{answer}");
    let (got, answer) = begun(&[&version_2(2, 0x11, &IPV4)], &Proxies::default()).await;
    assert_eq!(got, None);
    assert!(answer.contains("neither LOCAL nor PROXY"), "{answer}");
}

#[tokio::test]
async fn who_does_not_finish_a_header_is_let_go() {
    let header = version_2(1, 0x11, &IPV4);
    for part in [&b""[..], b"P", &header[..20], &header] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut client = TcpStream::connect(listener.local_addr().expect("known")).await.expect("connected");
        client.write_all(part).await.expect("sent");
        let (stream, peer) = listener.accept().await.expect("accepted");
        let limit = Duration::from_millis(30);
        assert!(begin_within(limit, stream, peer.ip(), &Proxies::default()).await.is_none(), "{part:?}");
        assert!(matches!(client.read(&mut [0; 8]).await, Ok(0) | Err(_)), "closed after {part:?}");
    }
}
