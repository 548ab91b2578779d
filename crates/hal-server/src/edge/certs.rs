//! A certificate of one's own: a small local CA and a server certificate for HAProxy, written as files.
//!
//! For networks where no public CA can reach: clients are given `hal-ca.pem` once (`hal ask --ca hal-ca.pem`) and
//! trust every server certificate made from it later. Knows nothing of HAProxy's configuration; the time comes in
//! as Unix seconds.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate};

use super::haproxy::Domain;

pub mod client;
pub mod inspect;
pub mod letsencrypt;
pub mod trust;

/// What clients trust.
pub const CA_FILE: &str = "hal-ca.pem";
/// Signs server certificates; it need not stay on the machine of HAProxy.
pub const CA_KEY_FILE: &str = "hal-ca-key.pem";
/// Certificate, chain and key in one, as HAProxy's `crt` wants them.
pub const PEM_FILE: &str = "hal.pem";

/// Browsers and Apple's systems refuse server certificates that are valid longer (398 days, with a day of reserve).
pub const DAYS_MAX: u16 = 397;
const CA_DAYS: u16 = 3650;
const DAY_SECONDS: u64 = 86_400;
const CA_NAME_PREFIX: &str = "HAL local CA";

/// What to make.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    names: Vec<Name>,
    /// Where the three files go; created when absent.
    pub dir: PathBuf,
    /// Validity of the server certificate from today, 1 to [`DAYS_MAX`].
    pub days: u16,
    /// Replace an existing `hal.pem`. The CA is kept in any case.
    pub force: bool,
    /// Unix seconds.
    pub now: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Dns(Domain),
    Address(IpAddr),
}

impl SelfSigned {
    /// For `names` (DNS names and IP addresses, at least one), valid [`DAYS_MAX`] days.
    ///
    /// # Errors
    /// [`CertError::Name`] for something that is neither, [`CertError::NoName`].
    pub fn new<T: AsRef<str>>(names: &[T], dir: &Path, now: u64) -> Result<SelfSigned, CertError> {
        let mut parsed = Vec::new();
        for given in names.iter().map(|name| name.as_ref().trim()) {
            let bare = given.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(given);
            let name = match bare.parse::<IpAddr>() {
                Ok(address) => Name::Address(address),
                Err(_) => {
                    Name::Dns(Domain::parse(given).map_err(|why| CertError::Name { why: why.to_string() })?)
                }
            };
            if !parsed.contains(&name) {
                parsed.push(name);
            }
        }
        if parsed.is_empty() {
            return Err(CertError::NoName);
        }
        Ok(SelfSigned { names: parsed, dir: dir.to_owned(), days: DAYS_MAX, force: false, now })
    }
}

/// What is there afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub ca: PathBuf,
    pub ca_key: PathBuf,
    pub pem: PathBuf,
    /// The CA was there already: clients that trust it need nothing new.
    pub ca_kept: bool,
    /// Unix seconds when the server certificate ends.
    pub until: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum CertError {
    #[error("no name is given for the certificate")]
    NoName,
    #[error("{why}")]
    Name { why: String },
    #[error("a certificate is valid 1 to {DAYS_MAX} days, not {given}; browsers refuse more")]
    Days { given: u16 },
    #[error("a certificate of a device is valid 1 to {} days, not {given}", client::DAYS_MAX)]
    ClientDays { given: u16 },
    #[error("{} is there already", path.display())]
    Exists { path: PathBuf },
    #[error("{} is there, but {} is not: they belong together", present.display(), missing.display())]
    HalfCa { present: PathBuf, missing: PathBuf },
    #[error("{} cannot be used as the CA: {why}", path.display())]
    BadCa { path: PathBuf, why: String },
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("the certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
}

impl CertError {
    /// The file could not be written for lack of rights.
    pub fn is_permission(&self) -> bool {
        matches!(self, CertError::File { error, .. } if error.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// Makes the CA (or takes the one that is there) and a server certificate, and writes them.
///
/// The server certificate is not a CA and names its purpose, because rustls refuses others (`CaUsedAsEndEntity`).
///
/// # Errors
/// [`CertError`]; nothing existing is changed then, and `hal.pem` is never half written.
pub fn self_signed(request: &SelfSigned) -> Result<Written, CertError> {
    if !(1..=DAYS_MAX).contains(&request.days) {
        return Err(CertError::Days { given: request.days });
    }
    let path = |name: &str| request.dir.join(name);
    let (ca, ca_key, pem) = (path(CA_FILE), path(CA_KEY_FILE), path(PEM_FILE));
    if pem.exists() && !request.force {
        return Err(CertError::Exists { path: pem });
    }
    create_dir(&request.dir)?;
    let (authority, ca_kept) = match (ca.exists(), ca_key.exists()) {
        (true, true) => (Authority::read(&ca, &ca_key, request.now)?, true),
        (false, false) => (Authority::make(CA_NAME_PREFIX, request.now)?, false),
        (true, false) => return Err(CertError::HalfCa { present: ca, missing: ca_key }),
        (false, true) => return Err(CertError::HalfCa { present: ca_key, missing: ca }),
    };
    let until = (request.now + u64::from(request.days) * DAY_SECONDS).min(authority.until);
    let key = KeyPair::generate()?;
    let leaf = leaf_params(request, until).signed_by(&key, &authority.issuer)?;
    if !ca_kept {
        // The key first: a certificate without its key is the case that a later run cannot repair.
        write_file(&ca_key, &authority.issuer.key().serialize_pem(), Readers::Owner, false)?;
        write_file(&ca, &authority.pem, Readers::Everyone, false)?;
    }
    let combined = format!("{}{}{}", leaf.pem(), authority.pem, key.serialize_pem());
    write_file(&pem, &combined, Readers::Owner, request.force)?;
    Ok(Written { ca, ca_key, pem, ca_kept, until })
}

/// True when the first certificate of a PEM file was made by [`self_signed`], as far as its issuer's name tells.
pub fn is_own(pem_file: &Path) -> bool {
    let Ok(text) = fs::read(pem_file) else { return false };
    let Ok((_, pem)) = x509_parser::pem::parse_x509_pem(&text) else { return false };
    describe(&pem.contents).is_some_and(|told| is_of_own(&told))
}

/// True when a certificate was made by [`self_signed`], as far as its issuer's name tells.
pub fn is_of_own(told: &Told) -> bool {
    told.issuer.contains(CA_NAME_PREFIX)
}

/// What a certificate says about itself, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub subject: String,
    pub issuer: String,
    /// DNS names and addresses it is for.
    pub names: Vec<String>,
    /// Unix seconds.
    pub not_before: i64,
    pub not_after: i64,
    pub is_ca: bool,
}

impl Told {
    /// Nobody but itself vouches for it.
    pub fn self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}

/// Reads a certificate (DER). Believes everything and checks nothing: for messages only.
pub fn describe(der: &[u8]) -> Option<Told> {
    let (_, cert) = X509Certificate::from_der(der).ok()?;
    let mut names = Vec::new();
    for extension in cert.extensions() {
        let ParsedExtension::SubjectAlternativeName(san) = extension.parsed_extension() else { continue };
        for name in &san.general_names {
            match name {
                x509_parser::extensions::GeneralName::DNSName(name) => names.push((*name).to_owned()),
                x509_parser::extensions::GeneralName::IPAddress(bytes) => names.extend(address(bytes)),
                _ => {}
            }
        }
    }
    Some(Told {
        subject: cert.subject().to_string(),
        issuer: cert.issuer().to_string(),
        names,
        not_before: cert.validity().not_before.timestamp(),
        not_after: cert.validity().not_after.timestamp(),
        is_ca: cert.is_ca(),
    })
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(four).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| IpAddr::from(sixteen).to_string())
}

/// The local CA: what signs, and the certificate to hand out.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    until: u64,
}

impl Authority {
    fn make(name: &str, now: u64) -> Result<Authority, CertError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        // A part of the key in the name, so that two installations are told apart in a list of trusted CAs.
        let id = key
            .public_key_raw()
            .iter()
            .rev()
            .take(4)
            .fold(String::new(), |id, byte| id + &format!("{byte:02x}"));
        params.distinguished_name.remove(DnType::CommonName);
        params.distinguished_name.push(DnType::CommonName, format!("{name} {id}"));
        // Signs no further CAs.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let until = now + u64::from(CA_DAYS) * DAY_SECONDS;
        validity(&mut params, now, until);
        let certificate = params.self_signed(&key)?;
        let pem = certificate.pem();
        Ok(Authority { issuer: Issuer::new(params, key), pem, until })
    }

    fn read(ca: &Path, ca_key: &Path, now: u64) -> Result<Authority, CertError> {
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|error| CertError::File { path: path.to_owned(), error })
        };
        let bad = |path: &Path, why: String| CertError::BadCa { path: path.to_owned(), why };
        let pem = read(ca)?;
        let key = KeyPair::from_pem(&read(ca_key)?).map_err(|error| bad(ca_key, error.to_string()))?;
        let (_, parsed) = x509_parser::pem::parse_x509_pem(pem.as_bytes())
            .map_err(|_| bad(ca, "it holds no certificate".to_owned()))?;
        let (_, cert) = X509Certificate::from_der(&parsed.contents)
            .map_err(|_| bad(ca, "it holds no certificate".to_owned()))?;
        // Otherwise the server would get a signature that nobody can verify.
        if cert.public_key().subject_public_key.data.as_ref() != key.public_key_raw() {
            return Err(bad(ca, format!("{} is the key of another certificate", ca_key.display())));
        }
        let until = u64::try_from(cert.validity().not_after.timestamp()).unwrap_or(0);
        if until <= now {
            return Err(bad(ca, "it has expired".to_owned()));
        }
        let issuer = Issuer::from_ca_cert_pem(&pem, key).map_err(|error| bad(ca, error.to_string()))?;
        Ok(Authority { issuer, pem, until })
    }
}

fn leaf_params(request: &SelfSigned, until: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    // For lists made for people; programs read the alternative names only.
    params.distinguished_name.push(DnType::CommonName, "HAL voice gateway");
    params.subject_alt_names = request
        .names
        .iter()
        .map(|name| match name {
            Name::Dns(domain) => {
                SanType::DnsName(domain.as_str().to_owned().try_into().expect("a domain is ASCII"))
            }
            Name::Address(address) => SanType::IpAddress(*address),
        })
        .collect();
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    validity(&mut params, request.now, until);
    params
}

fn validity(params: &mut CertificateParams, now: u64, until: u64) {
    let epoch = date_time_ymd(1970, 1, 1);
    // An hour back: a client whose clock is a little behind should not wait.
    params.not_before = epoch + Duration::from_secs(now.saturating_sub(3600));
    params.not_after = epoch + Duration::from_secs(until);
}

#[derive(Clone, Copy)]
enum Readers {
    /// Mode 600.
    Owner,
    /// Mode 644.
    Everyone,
}

/// Mode 755: the CA certificate is for everyone, and the keys beside it are mode 600 by themselves.
fn create_dir(dir: &Path) -> Result<(), CertError> {
    fs::create_dir_all(dir).map_err(|error| CertError::File { path: dir.to_owned(), error })
}

/// Writes a whole file or nothing. It has its final mode before the first byte is in it, whatever the umask is.
fn write_file(path: &Path, text: &str, readers: Readers, replace: bool) -> Result<(), CertError> {
    let failed = |error| CertError::File { path: path.to_owned(), error };
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let written = (|| {
        let mut file = create_new(&temporary, readers)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        if replace {
            fs::rename(&temporary, path)
        } else {
            // Unlike a rename this fails when somebody else was faster.
            fs::hard_link(&temporary, path)?;
            fs::remove_file(&temporary)
        }
    })();
    written.map_err(|error: io::Error| {
        // The first error is the one to tell; a leftover without its end is harmless.
        fs::remove_file(&temporary).ok();
        if error.kind() == io::ErrorKind::AlreadyExists {
            return CertError::Exists { path: path.to_owned() };
        }
        failed(error)
    })
}

#[cfg(unix)]
fn create_new(path: &Path, readers: Readers) -> io::Result<File> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Everyone => 0o644,
    };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    // A strict umask would leave even the public certificate unreadable.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    Ok(file)
}

#[cfg(not(unix))]
fn create_new(path: &Path, _: Readers) -> io::Result<File> {
    // The folder's access list decides here.
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(test)]
mod tests;
