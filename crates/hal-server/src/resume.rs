//! The secret with which a client goes on with its conversation on another connection.
//!
//! A conversation's id is made from its token, one way. So nobody keeps a table of tokens, every gateway and every
//! listener knows which conversation a token means, and an id, which stands in journals and logs, opens nothing.

use hal_wire::Private;
use ring::digest::{SHA256, digest};

/// Hex digits of a token: 128 bits of chance.
const TOKEN_CHARS: usize = 32;

/// A token that nobody had before.
pub(crate) fn new_token() -> Private<String> {
    let mut bytes = [0u8; TOKEN_CHARS / 2];
    getrandom::fill(&mut bytes).expect("the system has a source of randomness");
    format!("{:032x}", u128::from_be_bytes(bytes)).into()
}

/// The id of the conversation that `token` opens, in the form of a UUID: clients cut it to its first eight
/// characters. `None` for what never was a token: a client that chose a word of its own could share it with others.
pub(crate) fn session_id(token: &Private<String>) -> Option<String> {
    let token = token.expose();
    if token.len() != TOKEN_CHARS || !token.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let hash = digest(&SHA256, format!("hal conversation {token}").as_bytes());
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    // Version 4, as those of the old gateway.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let number = u128::from_be_bytes(bytes);
    Some(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        number >> 96,
        number >> 80 & 0xffff,
        number >> 64 & 0xffff,
        number >> 48 & 0xffff,
        number & 0xffff_ffff_ffff
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(token: &str) -> Option<String> {
        session_id(&token.to_owned().into())
    }

    #[test]
    fn every_gateway_makes_the_same_id_of_a_token_and_of_another_token_another() {
        let (one, other) = (new_token(), new_token());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(session_id(&one), session_id(&one));
        assert_ne!(session_id(&one), session_id(&other));
        let id = session_id(&one).expect("a token of ours");
        assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_eq!(&id[14..15], "4");
        assert!(!id.replace('-', "").contains(one.expose()), "an id gives its token away");
    }

    #[test]
    fn what_a_client_made_up_is_no_token() {
        for text in ["", "secret", &"a".repeat(31), &"a".repeat(33), &"A".repeat(32), &"é".repeat(16)] {
            assert_eq!(id(text), None, "{text}");
        }
    }
}
