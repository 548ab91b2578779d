//! Which server is meant: what people write as an address, and where it may be written.
//!
//! Pure: text in, address out. Knows nothing of sockets.

use std::fmt;

/// The variables that name a server, the first that is set wins. The last three are those of earlier clients.
pub(crate) const VARIABLES: [&str; 4] =
    ["HAL_SERVER_URL", "HAL_GATEWAY_URL", "VOICE_GATEWAY_URL", "VOICE_SERVER_URL"];
pub(crate) const DEFAULT: &str = "ws://localhost:8768";

/// A WebSocket address, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    /// `wss` rather than `ws`.
    pub(crate) secure: bool,
    /// A name or an address; IPv6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Begins with `/` or is empty; the query is part of it.
    pub(crate) target: String,
}

/// Why a text is not an address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadUrl {
    pub(crate) given: String,
    pub(crate) why: String,
}

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not the address of a server: {}", self.given, self.why)
    }
}

impl ServerUrl {
    /// Reads `https://hal.example.com/voice`, `ws://10.0.0.5:8768`, `10.0.0.5:8768` and their like.
    ///
    /// The scheme's case does not matter; http means ws and https means wss; without a scheme it is ws, or wss when
    /// the port is 443. Path and query are kept; a lone `/` is the same as none. Default ports are 80 and 443.
    ///
    /// # Errors
    /// [`BadUrl`] with the reason, for other schemes and whatever else has no meaning here.
    pub(crate) fn parse(given: &str) -> Result<ServerUrl, BadUrl> {
        let refuse = |why: &str| BadUrl { given: given.trim().to_owned(), why: why.to_owned() };
        let text = given.trim();
        if text.is_empty() {
            return Err(refuse("it is empty"));
        }
        if text.contains(char::is_whitespace) || text.contains(char::is_control) {
            return Err(refuse("it contains a space"));
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text),
        };
        let secure = match scheme.as_deref() {
            None => None,
            Some("http" | "ws") => Some(false),
            Some("https" | "wss") => Some(true),
            Some(other) => {
                return Err(refuse(&format!(
                    "it begins with {other}://, and HAL speaks ws, wss, http and https"
                )));
            }
        };
        // A fragment is for browsers and never sent.
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(refuse("a user name or password in the address is not supported"));
        }
        let (host, port) = split_port(authority).map_err(refuse)?;
        if !target.is_ascii() {
            return Err(refuse("the path has letters that must be percent-encoded"));
        }
        let secure = secure.unwrap_or(port == Some(443));
        let target = match target {
            "/" => String::new(),
            query if query.starts_with('?') => format!("/{query}"),
            path => path.to_owned(),
        };
        Ok(ServerUrl { secure, host, port: port.unwrap_or(if secure { 443 } else { 80 }), target })
    }

    /// The same address with `name=value` in its query.
    #[must_use]
    pub(crate) fn with_query(mut self, pair: &str) -> ServerUrl {
        if self.target.is_empty() {
            self.target.push('/');
        }
        self.target.push(if self.target.contains('?') { '&' } else { '?' });
        self.target.push_str(pair);
        self
    }

    /// `HOST:PORT` as in the Host header: the default port is left out.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.default_port() { host } else { format!("{host}:{}", self.port) }
    }

    /// The other scheme at the same port, for advice.
    #[must_use]
    pub(crate) fn with_secure(mut self, secure: bool) -> ServerUrl {
        // Someone who left out the port meant the usual one of the scheme.
        if self.port == self.default_port() {
            self.port = if secure { 443 } else { 80 };
        }
        self.secure = secure;
        self
    }

    fn default_port(&self) -> u16 {
        if self.secure { 443 } else { 80 }
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.secure { "wss" } else { "ws" }, self.authority(), self.target)
    }
}

fn split_port(authority: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or("the bracket of the IPv6 address is not closed")?;
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err("there is no IPv6 address between [ and ]");
        }
        match after {
            "" => (host, None),
            _ => (host, Some(after.strip_prefix(':').ok_or("after ] comes :PORT or nothing")?)),
        }
    } else {
        match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err("an IPv6 address is written [ADDRESS]:PORT"),
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    if host.is_empty() {
        return Err("the host is missing");
    }
    if !host.is_ascii() {
        return Err("write a name with other than ASCII letters in its xn-- form");
    }
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte)) {
        return Err("the host has characters that no name has");
    }
    let port = match port {
        None => None,
        Some(digits) => {
            let port = digits.parse::<u16>().ok().filter(|&port| port != 0);
            Some(port.ok_or("the port after the colon must be 1 to 65535")?)
        }
    };
    Ok((host.to_owned(), port))
}

/// Gives the address as written and the place it comes from: the option, a variable, or the default.
pub(crate) fn choose(
    option: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> (String, &'static str) {
    if let Some(given) = option {
        return (given.to_owned(), "--server");
    }
    for name in VARIABLES {
        // An empty variable is how shells and service files unset one.
        if let Some(given) = variable(name).filter(|given| !given.trim().is_empty()) {
            return (given, name);
        }
    }
    (DEFAULT.to_owned(), "the default")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, expected: &str) {
        match ServerUrl::parse(given) {
            Ok(url) => assert_eq!(url.to_string(), expected, "{given}"),
            Err(error) => panic!("{given}: {error}"),
        }
    }

    fn check_refused(given: &str, expected: &str) {
        match ServerUrl::parse(given) {
            Ok(url) => panic!("{given} was read as {url}"),
            Err(error) => assert!(error.why.contains(expected), "{given}: {}", error.why),
        }
    }

    #[test]
    fn the_addresses_that_users_of_earlier_clients_have_still_work() {
        check("http://h:8768", "ws://h:8768");
        check("https://hal.yourdomain.com", "wss://hal.yourdomain.com");
        check("https://yourdomain.com/voice", "wss://yourdomain.com/voice");
        check("ws://h:8768", "ws://h:8768");
        check("wss://h/ws", "wss://h/ws");
        check("h:8768", "ws://h:8768");
        check("HTTP://h:8768", "ws://h:8768");
        check("WSS://H.Example", "wss://H.Example");
    }

    #[test]
    fn paths_queries_ports_and_spaces_are_read_as_the_rules_say() {
        check("  http://h:8768  ", "ws://h:8768");
        check("https://h/", "wss://h");
        check("https://h/voice/", "wss://h/voice/");
        check("https://h/voice?x=1&y=2", "wss://h/voice?x=1&y=2");
        check("https://h?greeting=state", "wss://h/?greeting=state");
        check("ws://h:8768/?greeting=state", "ws://h:8768/?greeting=state");
        check("h:443", "wss://h");
        check("h:443/voice", "wss://h/voice");
        check("h", "ws://h");
        check("https://h:8443", "wss://h:8443");
        check("https://h:80", "wss://h:80");
        check("http://h:80", "ws://h");
        check("http://[::1]:8768/x", "ws://[::1]:8768/x");
        check("[fe80::1]", "ws://[fe80::1]");
        check("https://h/#top", "wss://h");
        let url = ServerUrl::parse("https://h").unwrap();
        assert_eq!((url.port, url.host.as_str(), url.target.as_str()), (443, "h", ""));
        assert_eq!(ServerUrl::parse("h").unwrap().port, 80);
    }

    #[test]
    fn what_has_no_meaning_is_refused_with_the_reason() {
        check_refused("", "empty");
        check_refused("ftp://h", "ftp://");
        check_refused("://h", "begins with ://");
        check_refused("http://", "host is missing");
        check_refused("http:///voice", "host is missing");
        check_refused("h:", "1 to 65535");
        check_refused("h:0", "1 to 65535");
        check_refused("h:70000", "1 to 65535");
        check_refused("https:/h", "1 to 65535");
        check_refused("::1", "[ADDRESS]:PORT");
        check_refused("http://[::1", "not closed");
        check_refused("http://[h]:1", "no IPv6 address");
        check_refused("http://[::1]x", "after ]");
        check_refused("http://user:secret@h", "not supported");
        check_refused("http://h/a b", "space");
        check_refused("http://h/ü", "percent-encoded");
        check_refused("http://hä.example", "xn--");
        check_refused("http://h%41", "no name has");
    }

    #[test]
    fn the_option_wins_then_the_variables_in_their_order() {
        fn check(option: Option<&str>, set: &[(&str, &str)], expected: (&str, &str)) {
            let variable =
                |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            let (url, source) = choose(option, variable);
            assert_eq!((url.as_str(), source), expected);
        }
        let all = [
            ("VOICE_SERVER_URL", "d"),
            ("VOICE_GATEWAY_URL", "c"),
            ("HAL_GATEWAY_URL", "b"),
            ("HAL_SERVER_URL", "a"),
        ];
        check(Some("o"), &all, ("o", "--server"));
        check(None, &all, ("a", "HAL_SERVER_URL"));
        check(None, &all[..3], ("b", "HAL_GATEWAY_URL"));
        check(None, &all[..2], ("c", "VOICE_GATEWAY_URL"));
        check(None, &all[..1], ("d", "VOICE_SERVER_URL"));
        check(None, &[("HAL_SERVER_URL", " "), ("VOICE_SERVER_URL", "d")], ("d", "VOICE_SERVER_URL"));
        check(None, &[], (DEFAULT, "the default"));
    }

    #[test]
    fn a_wish_is_added_to_any_query() {
        let with = |given: &str| ServerUrl::parse(given).unwrap().with_query("audio=wav").to_string();
        assert_eq!(with("ws://h:1"), "ws://h:1/?audio=wav");
        assert_eq!(with("ws://h:1/voice"), "ws://h:1/voice?audio=wav");
        assert_eq!(with("ws://h:1/?x=1"), "ws://h:1/?x=1&audio=wav");
    }
}
