//! Tells systemd that the server is ready or ending (`sd_notify(3)`): one datagram, where `NOTIFY_SOCKET` says.

/// Sends `state`, e.g. `READY=1`. Without systemd nothing happens.
#[cfg(unix)]
pub(crate) fn tell(state: &str) {
    use std::os::unix::net::UnixDatagram;

    let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return };
    let sent = UnixDatagram::unbound().and_then(|socket| {
        #[cfg(target_os = "linux")]
        {
            use std::os::linux::net::SocketAddrExt as _;
            use std::os::unix::ffi::OsStrExt as _;
            if let Some(rest) = name.as_bytes().strip_prefix(b"@") {
                let address = std::os::unix::net::SocketAddr::from_abstract_name(rest)?;
                return socket.send_to_addr(state.as_bytes(), &address);
            }
        }
        socket.send_to(state.as_bytes(), &name)
    });
    if let Err(error) = sent {
        tracing::warn!(%error, "systemd could not be told");
    }
}

#[cfg(not(unix))]
pub(crate) fn tell(_: &str) {}
