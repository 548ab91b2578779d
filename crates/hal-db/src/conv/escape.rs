//! `HD`, `HU`: text escaped for HTML and for URLs.

use super::{Converted, Status, ok};

const HTML: [(u8, &[u8]); 5] =
    [(b'&', b"&amp;"), (b'<', b"&lt;"), (b'>', b"&gt;"), (b'"', b"&quot;"), (b'\'', b"&#39;")];

fn nothing_follows(rest: &str) -> Result<(), Status> {
    if rest.trim().is_empty() { Ok(()) } else { Err(Status::BadCode) }
}

pub(super) fn html(value: &[u8], rest: &str) -> Converted {
    nothing_follows(rest)?;
    let mut out = Vec::with_capacity(value.len());
    for &byte in value {
        match HTML.iter().find(|(plain, _)| *plain == byte) {
            Some((_, escaped)) => out.extend_from_slice(escaped),
            None => out.push(byte),
        }
    }
    ok(out)
}

pub(super) fn from_html(value: &[u8], rest: &str) -> Converted {
    nothing_follows(rest)?;
    let mut out = Vec::with_capacity(value.len());
    let mut left = value;
    while let Some(&byte) = left.first() {
        let known = HTML.iter().find(|(_, escaped)| byte == b'&' && left.starts_with(escaped));
        match known {
            Some((plain, escaped)) => {
                out.push(*plain);
                left = &left[escaped.len()..];
            }
            None => {
                out.push(byte);
                left = &left[1..];
            }
        }
    }
    ok(out)
}

/// RFC 3986, 2.3: letters, digits and `-._~` stand for themselves.
pub(super) fn url(value: &[u8], rest: &str) -> Converted {
    nothing_follows(rest)?;
    let mut out = String::with_capacity(value.len());
    for &byte in value {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    ok(out)
}

pub(super) fn from_url(value: &[u8], rest: &str) -> Converted {
    nothing_follows(rest)?;
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let mut digit =
                    || bytes.next().and_then(|b| char::from(b).to_digit(16)).ok_or(Status::BadData);
                out.push((digit()? * 16 + digit()?) as u8);
            }
            b'+' => out.push(b' '),
            other => out.push(other),
        }
    }
    ok(out)
}
