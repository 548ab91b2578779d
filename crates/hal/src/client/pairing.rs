//! One HTTP request: a pairing code for a token.

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

use super::stream::now;
use super::{Target, open};
use crate::report::Failure;

const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// What a code was good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paired {
    pub(crate) token: String,
    pub(crate) user: String,
    pub(crate) role: String,
}

/// Shows the code to the server.
///
/// # Errors
/// The server cannot be reached, or does not take the code.
pub(crate) fn pair(target: &Target, code: &str, name: &str) -> Result<Paired, Failure> {
    let url = &target.url;
    let mut stream = open(target, now() + target.limits.connect)?;
    stream.set_deadline(Some(now() + target.limits.answer));
    let folder = url.target.split('?').next().unwrap_or("").trim_end_matches('/');
    let body = json!({"secret": code, "device": name}).to_string();
    let request = format!(
        "POST {folder}/pair HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        url.authority(),
        body.len()
    );
    let mut answer = String::new();
    let exchanged = stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.flush())
        .and_then(|()| stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).map(drop));
    if let Err(error) = exchanged
        && !answer.contains("\r\n\r\n")
    {
        return Err(Failure::new(format!("{} did not answer: {error}", url.authority())));
    }
    read(&answer, &url.authority())
}

fn read(answer: &str, who: &str) -> Result<Paired, Failure> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok()).unwrap_or(0);
    // Chunks of a proxy: the object is what stands between the braces.
    let object = body.find('{').zip(body.rfind('}')).and_then(|(from, to)| body.get(from..=to)).unwrap_or("");
    let body: Value = serde_json::from_str(object).unwrap_or_default();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    match status {
        200 if !text("token").is_empty() => {
            Ok(Paired { token: text("token"), user: text("user"), role: text("role") })
        }
        401 => Err(Failure::new("the server does not take this code")
            .hint("a code is good for one device and ten minutes: run `hal pair` on the server again")),
        429 => Err(Failure::new("too many wrong codes came from here")
            .hint("wait a few minutes, then use a new code")),
        404 | 405 => Err(Failure::new(format!("{who} is no HAL server that knows pairing"))
            .hint("check the address; an older HAL has no sign-in")),
        _ if !text("message").is_empty() => {
            Err(Failure::new(text("message").trim_end_matches('.').to_owned()))
        }
        _ => Err(Failure::new(format!("{who} did not answer like HAL ({status})"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_in_chunks() {
        let object = r#"{"token":"hal_x","user":"ann","role":"member"}"#;
        let whole = format!("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{object}\n");
        let chunked = format!("HTTP/1.1 200 OK\r\nA: b\r\n\r\n2e\r\n{object}\r\n0\r\n\r\n");
        for answer in [whole, chunked] {
            assert_eq!(read(&answer, "x").expect("paired").token, "hal_x");
        }
        assert!(
            read("HTTP/1.1 401 Unauthorized\r\n\r\n{}", "x").expect_err("refused").message.contains("code")
        );
        assert!(read("", "x").is_err());
    }
}
