//! Bytes in, requests out. Knows nothing of sockets.
//!
//! A request ends where one complete JSON object has been read, at a newline, or at the end of the stream,
//! whichever comes first: some clients send a newline, some do not, some close their half of the connection.

/// The longest request, in bytes. Real ones are below a kilobyte.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;

/// Cuts a byte stream into requests. Feed it with [`Framer::push`], take from it with [`Framer::next_request`].
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Bytes of `buffer` that the scan below has seen already: no byte is looked at twice.
    scanned: usize,
    depth: u32,
    in_string: bool,
    escaped: bool,
}

/// One cut of the stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Cut {
    /// The bytes of one request; JSON if the peer kept its side of the bargain.
    Request(Vec<u8>),
    /// More than [`REQUEST_BYTES_MAX`] bytes without an end. The connection cannot be followed any further.
    TooLong,
}

impl Framer {
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole request, or `None` while more bytes are needed.
    pub fn next_request(&mut self) -> Option<Cut> {
        while self.scanned < self.buffer.len() {
            let byte = self.buffer[self.scanned];
            self.scanned += 1;
            if self.in_string && byte != b'\n' {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'\n' => match self.take() {
                    Some(request) => return Some(Cut::Request(request)),
                    None => continue,
                },
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0
                        && let Some(request) = self.take()
                    {
                        return Some(Cut::Request(request));
                    }
                }
                _ => {}
            }
        }
        (self.buffer.len() > REQUEST_BYTES_MAX).then_some(Cut::TooLong)
    }

    /// What is left when the peer has closed its half: one last request without a newline, or nothing.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        self.scanned = self.buffer.len();
        self.take()
    }

    /// Whether a request has begun but not ended.
    pub fn is_partial(&self) -> bool {
        self.buffer.iter().any(|byte| !byte.is_ascii_whitespace())
    }

    /// Takes the scanned bytes as a request; blank ones (the newline after an object) are no request.
    fn take(&mut self) -> Option<Vec<u8>> {
        let rest = self.buffer.split_off(self.scanned);
        let request = std::mem::replace(&mut self.buffer, rest);
        *self = Self { buffer: std::mem::take(&mut self.buffer), ..Self::default() };
        let request = request.trim_ascii();
        (!request.is_empty()).then(|| request.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `input` cut at every place and expects the same requests each time.
    fn check(input: &str, expected: &[&str]) {
        for cut in 0..=input.len() {
            let mut framer = Framer::default();
            let mut got = Vec::new();
            for part in [&input.as_bytes()[..cut], &input.as_bytes()[cut..]] {
                framer.push(part);
                while let Some(Cut::Request(request)) = framer.next_request() {
                    got.push(String::from_utf8(request).expect("the input is UTF-8"));
                }
            }
            got.extend(framer.finish().map(|last| String::from_utf8(last).expect("UTF-8")));
            assert_eq!(got, expected, "cut at {cut}");
        }
    }

    #[test]
    fn an_object_ends_a_request_without_newline() {
        check(r#"{"text":"a"}"#, &[r#"{"text":"a"}"#]);
        check(r#"{"text":"a"}{"text":"b"}"#, &[r#"{"text":"a"}"#, r#"{"text":"b"}"#]);
    }

    #[test]
    fn braces_and_quotes_inside_strings_and_nested_objects_do_not_end_it() {
        check(
            r#"{"text":"a } \" { b","context":[{"x":1}]}"#,
            &[r#"{"text":"a } \" { b","context":[{"x":1}]}"#],
        );
    }

    #[test]
    fn a_newline_ends_what_is_no_object_and_what_is_half_an_object() {
        check("hello\n{\"text\":1}\n", &["hello", "{\"text\":1}"]);
        check("{\"text\":\"a\n{\"text\":\"b\"}\n", &["{\"text\":\"a", "{\"text\":\"b\"}"]);
    }

    #[test]
    fn blank_lines_are_no_requests_and_the_end_of_the_stream_ends_the_last() {
        check("\r\n\n{\"a\":1}\r\n\n", &["{\"a\":1}"]);
        check("what time is it", &["what time is it"]);
        check("", &[]);
    }

    #[test]
    fn a_request_without_end_is_cut_off_at_the_limit() {
        let mut framer = Framer::default();
        framer.push(&vec![b'x'; REQUEST_BYTES_MAX]);
        assert_eq!(framer.next_request(), None);
        framer.push(b"x");
        assert_eq!(framer.next_request(), Some(Cut::TooLong));
    }
}
