//! Certificates of devices: an authority that signs nothing else, and what a device gets from it.
//!
//! Apart from the authority of server certificates, which clients are told to trust: whoever had the key of this one could be
//! any device, but no server. What makes a certificate somebody's is its fingerprint among the household's devices.

use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use ring::digest;

use super::{Authority, CertError, DAY_SECONDS, Readers, create_dir, validity, write_file};

/// Folder of the authority, in the data folder.
pub const FOLDER: &str = "client-ca";
/// What the gateway, or HAProxy, verifies certificates with.
pub const CA_FILE: &str = "hal-client-ca.pem";
/// Signs certificates of devices.
pub const CA_KEY_FILE: &str = "hal-client-ca-key.pem";
/// Nobody renews these by themselves.
pub const DAYS_DEFAULT: u16 = 825;
/// As long as the authority.
pub const DAYS_MAX: u16 = 3650;
const CA_NAME_PREFIX: &str = "HAL client CA";
/// Longest name in a certificate (RFC 5280, appendix A.1: ub-common-name).
const NAME_MAX: usize = 64;

/// A certificate for a device.
#[derive(Debug)]
pub struct Issued {
    /// Certificate and key, PEM.
    pub pem: String,
    /// SHA-256 over the certificate (DER), 64 hexadecimal digits.
    pub fingerprint: String,
    /// Unix seconds.
    pub until: u64,
    pub authority: PathBuf,
    /// The authority is new as well.
    pub is_first: bool,
}

/// Issues a certificate by the authority below the data folder, which is made where there is none.
///
/// # Errors
/// [`CertError`]; a name that is no text of 1 to 64 characters.
pub fn issue(data: &Path, name: &str, days: u16, now: u64) -> Result<Issued, CertError> {
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(CertError::ClientDays { given: days });
    }
    if name.trim().is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(CertError::Name { why: format!("{name:?} cannot be the name of a certificate") });
    }
    let dir = data.join(FOLDER);
    let (ca, ca_key) = (dir.join(CA_FILE), dir.join(CA_KEY_FILE));
    let (authority, is_first) = match (ca.exists(), ca_key.exists()) {
        (true, true) => (Authority::read(&ca, &ca_key, now)?, false),
        (false, false) => (Authority::make(CA_NAME_PREFIX, now)?, true),
        (true, false) => return Err(CertError::HalfCa { present: ca, missing: ca_key }),
        (false, true) => return Err(CertError::HalfCa { present: ca_key, missing: ca }),
    };
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name.trim());
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let until = (now + u64::from(days) * DAY_SECONDS).min(authority.until);
    validity(&mut params, now, until);
    let leaf = params.signed_by(&key, &authority.issuer)?;
    if is_first {
        create_dir(&dir)?;
        write_file(&ca_key, &authority.issuer.key().serialize_pem(), Readers::Owner, false)?;
        write_file(&ca, &authority.pem, Readers::Everyone, false)?;
    }
    let fingerprint = fingerprint(leaf.der());
    let pem = format!("{}{}", leaf.pem(), key.serialize_pem());
    Ok(Issued { pem, fingerprint, until, authority: ca, is_first })
}

/// Writes what was issued, for its owner's eyes.
///
/// # Errors
/// A file of that name, which is never replaced; a disk that refuses.
pub fn write(path: &Path, pem: &str) -> Result<(), CertError> {
    write_file(path, pem, Readers::Owner, false)
}

/// By which a certificate (DER) is known: SHA-256, 64 hexadecimal digits in small letters.
pub fn fingerprint(der: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, der);
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Ten letters to protect a file on its way to a device, without those that are mistaken for others; `None` where the system
/// has no randomness.
pub fn password() -> Option<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0u8; 10];
    getrandom::fill(&mut random).ok()?;
    Some(random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::certs::describe;

    #[test]
    fn certificates_of_devices_come_from_one_authority_that_is_no_servers() {
        let dir = tempfile::tempdir().unwrap();
        let now = 1_800_000_000;
        let first = issue(dir.path(), "Ann's phone", DAYS_DEFAULT, now).unwrap();
        let second = issue(dir.path(), "Bob's phone", 1, now).unwrap();
        assert!(first.is_first && !second.is_first);
        assert_ne!(first.fingerprint, second.fingerprint);
        let der = |pem: &str| x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap().1.contents;
        let (ca, leaf) = (std::fs::read_to_string(&first.authority).unwrap(), der(&first.pem));
        let (ca, told) = (describe(&der(&ca)).unwrap(), describe(&leaf).unwrap());
        assert!(ca.is_ca && !told.is_ca);
        assert_eq!(told.issuer, ca.subject);
        assert!(ca.subject.starts_with("CN=HAL client CA "), "{ca:?}");
        assert_eq!(told.subject, "CN=Ann's phone");
        assert_eq!(first.fingerprint, fingerprint(&leaf));
        assert_eq!(second.until, now + 86_400);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let key = dir.path().join(FOLDER).join(CA_KEY_FILE);
            assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
        }
        for (name, days) in [("", 1), ("a\nb", 1), (&*"x".repeat(65), 1), ("x", 0), ("x", 3651)] {
            assert!(issue(dir.path(), name, days, now).is_err(), "{name:?} for {days} days");
        }
    }
}
