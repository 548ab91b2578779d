//! Secrets: how they look, what is stored of them, how two are compared. Pure; random bytes come in.
//!
//! A token is 32 random bytes, so one pass of SHA-256 is enough to store it: there is nothing to guess that a slow hash
//! would have to protect. A pairing code is short and therefore lives for ten minutes, once, behind lock-outs.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{digest, hmac};
use subtle::ConstantTimeEq as _;

/// What is stored of a secret, and by which it is found: its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl fmt::Debug for Digest {
    /// It opens nothing, but names a credential to the listener: logs get its beginning.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

impl Digest {
    /// Of anything that somebody presents as a secret.
    pub fn of(secret: &str) -> Digest {
        Digest::of_bytes(secret.as_bytes())
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Digest {
        let hash = digest::digest(&digest::SHA256, bytes);
        Digest(hash.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// Reads what [`Digest::to_hex`] wrote.
    pub fn from_hex(text: &str) -> Option<Digest> {
        Some(Digest(from_hex(text)?.try_into().ok()?))
    }

    /// Compares in a time that does not depend on where they differ.
    pub fn is(&self, other: &Digest) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// The longest text that is taken for a secret.
pub const SECRET_BYTES_MAX: usize = 256;

/// A token as its holder gets it: `hal_` and 43 characters. The prefix lets scanners of repositories find it.
pub fn token(random: [u8; 32]) -> String {
    format!("hal_{}", URL_SAFE_NO_PAD.encode(random))
}

/// Letters of a pairing code: none that is mistaken for another when it is read aloud or typed.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A pairing code, 40 bits as `ABCD-EFGH`.
pub fn pairing_code(random: [u8; 8]) -> String {
    let letter = |byte: u8| char::from(LETTERS[usize::from(byte % 32)]);
    let code: String = random.iter().map(|byte| letter(*byte)).collect();
    format!("{}-{}", &code[..4], &code[4..])
}

/// A pairing code as people type it, in the form in which it was made; `None` for what is none.
pub fn read_pairing_code(text: &str) -> Option<String> {
    if text.len() > SECRET_BYTES_MAX {
        return None;
    }
    let letters: String =
        text.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_uppercase()).collect();
    let known = letters.len() == 8 && letters.bytes().all(|letter| LETTERS.contains(&letter));
    known.then(|| format!("{}-{}", &letters[..4], &letters[4..]))
}

/// A secret that two ends of a connection share, and prove to each other without sending it.
pub struct SharedSecret(hmac::Key);

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret")
    }
}

/// Which end proves: a proof of one is none of the other, so that it cannot be sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Gateway,
    Listener,
}

impl SharedSecret {
    pub fn new(secret: &str) -> SharedSecret {
        SharedSecret(hmac::Key::new(hmac::HMAC_SHA256, secret.trim().as_bytes()))
    }

    /// Proves that this end knows the secret, for one connection: both have chosen a nonce for it.
    pub fn proof(&self, end: End, gateway_nonce: &str, listener_nonce: &str) -> String {
        hex(hmac::sign(&self.0, &text(end, gateway_nonce, listener_nonce)).as_ref())
    }

    /// Whether `proof` is that of `end`; compared in constant time.
    pub fn proves(&self, end: End, gateway_nonce: &str, listener_nonce: &str, proof: &str) -> bool {
        let Some(proof) = from_hex(proof) else { return false };
        hmac::verify(&self.0, &text(end, gateway_nonce, listener_nonce), &proof).is_ok()
    }
}

fn text(end: End, gateway_nonce: &str, listener_nonce: &str) -> Vec<u8> {
    let end = match end {
        End::Gateway => "gateway",
        End::Listener => "listener",
    };
    let mut text = format!("hal 8767 {end}").into_bytes();
    for nonce in [gateway_nonce, listener_nonce] {
        text.extend((nonce.len() as u64).to_be_bytes());
        text.extend(nonce.as_bytes());
    }
    text
}
