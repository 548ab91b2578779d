//! Sound as it travels: base64 or JSON integers of mono i16 samples. Decoding of WAV is hal-speech's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Decodes base64, with or without padding and line breaks as MIME encoders write them.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        let joined: String = text.split_ascii_whitespace().collect();
        return LENIENT.decode(joined).ok();
    }
    LENIENT.decode(text).ok()
}

pub fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_and_line_breaks_do_not_matter() {
        for text in ["aGFsIQ==", "aGFsIQ", "aGFs\r\nIQ==\n"] {
            assert_eq!(from_base64(text).as_deref(), Some(&b"hal!"[..]), "{text:?}");
        }
        assert_eq!(from_base64("not base64!"), None);
        assert_eq!(to_base64(b"hal!"), "aGFsIQ==");
    }
}
