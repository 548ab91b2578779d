//! Where messages begin and end in the bytes of a WebSocket (RFC 6455, 5.2). Only lengths are read; what is wrong with a frame
//! is found by the library.

/// The longest head: two bytes, eight of length, four of mask.
const HEAD_MAX: usize = 14;

/// What was seen of a client's bytes.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; HEAD_MAX],
    head_len: usize,
    /// Bytes of the current frame's payload that have not come.
    left: u64,
    is_last: bool,
    is_control: bool,
    /// Whether a message has begun, of which frames are to come.
    is_open: bool,
    /// Lengths of its frames so far, the current one's whole.
    announced: u64,
    /// Number of the message, or of the control frame between messages.
    ordinal: u64,
}

impl Frames {
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while let [first, rest @ ..] = bytes {
            if self.left > 0 {
                let count = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= count as u64;
                bytes = &bytes[count..];
                if self.left == 0 {
                    self.frame_ends();
                }
                continue;
            }
            if self.head_len == 0 && !self.is_open {
                self.ordinal += 1;
            }
            self.head[self.head_len] = *first;
            self.head_len += 1;
            bytes = rest;
            if self.head_len == self.head_wanted() {
                self.frame_begins();
            }
        }
    }

    /// Which message or frame has begun and is not whole.
    pub(super) fn unfinished(&self) -> Option<u64> {
        (self.is_open || self.head_len > 0 || self.left > 0).then_some(self.ordinal)
    }

    /// How long the message will be at least.
    pub(super) fn announced(&self) -> u64 {
        self.announced
    }

    fn head_wanted(&self) -> usize {
        if self.head_len < 2 {
            return 2;
        }
        let mask = if self.head[1] & 0x80 == 0 { 0 } else { 4 };
        let length = match self.head[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + length + mask
    }

    fn frame_begins(&mut self) {
        let length = match self.head[1] & 0x7f {
            126 => u64::from(u16::from_be_bytes([self.head[2], self.head[3]])),
            127 => {
                let [_, _, a, b, c, d, e, f, g, h, ..] = self.head;
                u64::from_be_bytes([a, b, c, d, e, f, g, h])
            }
            length => u64::from(length),
        };
        self.is_last = self.head[0] & 0x80 != 0;
        self.is_control = self.head[0] & 0x08 != 0;
        self.head_len = 0;
        self.left = length;
        if !self.is_control {
            self.is_open = true;
            self.announced = self.announced.saturating_add(length);
        }
        if length == 0 {
            self.frame_ends();
        }
    }

    fn frame_ends(&mut self) {
        if self.is_last && !self.is_control {
            self.is_open = false;
            self.announced = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(pieces: &[&[u8]]) -> Frames {
        let mut frames = Frames::default();
        pieces.iter().for_each(|piece| frames.feed(piece));
        frames
    }

    const HI: &[u8] = &[0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];

    #[test]
    fn a_message_is_open_from_its_first_byte_to_its_last() {
        for count in 1..HI.len() {
            assert_eq!(fed(&[&HI[..count]]).unfinished(), Some(1), "{count} bytes");
        }
        assert_eq!(fed(&[HI]).unfinished(), None);
        assert_eq!(fed(&[HI, HI, &HI[..3]]).unfinished(), Some(3), "the third one");
    }

    #[test]
    fn all_cuts_of_a_stream_are_the_same() {
        let long = [&[0x82, 0xfe, 1, 0, 9, 9, 9, 9][..], &[0; 256]].concat();
        let longer = [&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 9, 9, 9, 9][..], &[0; 65_536]].concat();
        let stream = [HI, &long, HI, &longer, &HI[..4]].concat();
        let whole = fed(&[&stream]);
        assert_eq!(whole.unfinished(), Some(5));
        for size in [1, 2, 3, 7, 4096] {
            let mut frames = Frames::default();
            stream.chunks(size).for_each(|piece| frames.feed(piece));
            assert_eq!(frames.unfinished(), whole.unfinished(), "pieces of {size}");
        }
    }

    #[test]
    fn pings_between_the_parts_of_a_message_do_not_make_it_another() {
        let (first, ping) = (&[0x01, 0x81, 0, 0, 0, 0, b'h'][..], &[0x89, 0x80, 0, 0, 0, 0][..]);
        assert_eq!(fed(&[first, ping, ping, &ping[..1]]).unfinished(), Some(1));
        let last = &[0x80, 0x81, 0, 0, 0, 0, b'i'][..];
        assert_eq!(fed(&[first, ping, last]).unfinished(), None);
        assert_eq!(fed(&[first, &[0x00, 0x82, 0, 0, 0, 0]]).announced(), 3, "parts add up");
    }

    #[test]
    fn a_length_counts_when_it_is_announced() {
        let frames = fed(&[&[0x82, 0xff, 0, 0, 0, 0, 6, 64, 0, 0, 0, 0, 0, 0]]);
        assert_eq!(frames.announced(), 100 << 20);
    }
}
