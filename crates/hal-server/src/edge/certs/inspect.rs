//! Judges a certificate: its chain, names, dates, key and the rights of its file. Bytes and facts in, findings out.
//!
//! Opens nothing and asks for no time. Whether a *client* trusts the chain is for the client's own verifier to say.

use std::net::IpAddr;

use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use serde::Serialize;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::{Told, describe};

/// More than any chain needs; a file with a whole list of roots in it is the wrong file.
const CERTIFICATES_MAX: usize = 16;
/// Bytes of a PEM file. A chain of three with a 4096-bit key has 10 kB.
pub const PEM_BYTES_MAX: u64 = 1 << 20;
/// certbot renews 30 days before the end: at 14, renewing has failed for two weeks.
const RENEW_LATE_DAYS: i64 = 14;
const DAY_SECONDS: i64 = 86_400;
/// Browsers refuse public certificates that are valid longer.
const VALIDITY_DAYS_MAX: i64 = 398;
const RSA_BITS_MIN: usize = 2048;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Good,
    /// Works today, for some clients or for some time.
    Warning,
    /// Clients refuse it, or HAProxy does.
    Broken,
}

/// One fact about a certificate, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// Stable, for programs: `expired`, `key-mismatch`…
    pub code: &'static str,
    pub text: String,
    /// A command or an action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// Who may read a file, as far as the system tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Permission bits, e.g. `0o600`.
    pub mode: u32,
}

/// What is to be judged.
#[derive(Clone, Copy, Debug)]
pub enum Material<'a> {
    /// A PEM file for a server; `key` is the text of a second file where the key is apart.
    File { path: &'a str, text: &'a [u8], key: Option<KeyFile<'a>>, access: Option<Access> },
    /// What a server showed, leaf first, DER.
    Served { address: &'a str, chain: &'a [Vec<u8>] },
}

/// The private key in a file of its own.
#[derive(Clone, Copy, Debug)]
pub struct KeyFile<'a> {
    pub path: &'a str,
    pub text: &'a [u8],
    pub access: Option<Access>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The file, or the address.
    pub subject: String,
    /// Leaf first.
    pub certificates: Vec<Certificate>,
    pub findings: Vec<Finding>,
}

/// One certificate of the chain, for people and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Certificate {
    pub subject: String,
    pub issuer: String,
    pub names: Vec<String>,
    /// Unix seconds.
    pub not_before: i64,
    pub not_after: i64,
    /// Hexadecimal, as `openssl x509 -serial` prints it.
    pub serial: String,
    /// `EC P-256`, `RSA 2048`, `Ed25519`…
    pub key: String,
    pub is_ca: bool,
}

impl Report {
    /// The worst of its findings.
    pub fn severity(&self) -> Severity {
        self.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Good)
    }

    pub fn leaf(&self) -> Option<&Certificate> {
        self.certificates.first()
    }

    fn note(&mut self, severity: Severity, code: &'static str, text: impl Into<String>) {
        self.findings.push(Finding { severity, code, text: text.into(), fix: None });
    }

    fn fault(
        &mut self,
        severity: Severity,
        code: &'static str,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.findings.push(Finding { severity, code, text: text.into(), fix: Some(fix.into()) });
    }
}

/// Judges `material` at `now` (Unix seconds), for clients that connect by each of `names`.
pub fn inspect(material: Material<'_>, names: &[String], now: i64) -> Report {
    let subject = match material {
        Material::File { path, .. } => path,
        Material::Served { address, .. } => address,
    };
    let mut report = Report { subject: subject.to_owned(), certificates: Vec::new(), findings: Vec::new() };
    let chain = match material {
        Material::Served { chain, .. } => chain.iter().take(CERTIFICATES_MAX).cloned().collect(),
        Material::File { text, .. } => certificates_of(text, &mut report),
    };
    let parsed: Vec<X509Certificate<'_>> =
        chain.iter().filter_map(|der| X509Certificate::from_der(der).ok().map(|(_, cert)| cert)).collect();
    if parsed.len() < chain.len() {
        let fix = "get it again from where it was made";
        report.fault(Severity::Broken, "unreadable", "a certificate in it is damaged", fix);
        return report;
    }
    report.certificates =
        chain.iter().zip(&parsed).filter_map(|(der, cert)| Some(told(&describe(der)?, cert))).collect();
    if let Some(leaf) = parsed.first() {
        let served = matches!(material, Material::Served { .. });
        dates(&mut report, now);
        self::names(&mut report, names);
        purpose(&mut report, leaf);
        strength(&mut report, leaf);
        order(&mut report, &parsed, served);
    }
    if let Material::File { path, text, key, access } = material {
        match key {
            Some(key) => {
                key_matches(&mut report, key.text, key.path, parsed.first());
                rights(&mut report, key.path, key.access);
            }
            None => {
                key_matches(&mut report, text, path, parsed.first());
                rights(&mut report, path, access);
            }
        }
    }
    report
}

fn certificates_of(text: &[u8], report: &mut Report) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        match section {
            Ok((SectionKind::Certificate, der)) => found.push(der),
            Ok(_) => {}
            Err(error) => {
                let fix =
                    "get it again; between the BEGIN and END lines stand only letters, digits, +, / and =";
                report.fault(Severity::Broken, "unreadable", format!("it is damaged: {error:?}"), fix);
                return Vec::new();
            }
        }
        if found.len() > CERTIFICATES_MAX {
            let text = format!("it holds more than {CERTIFICATES_MAX} certificates");
            let fix = "give the server's own file, not a list of authorities";
            report.fault(Severity::Broken, "too-many", text, fix);
            return Vec::new();
        }
    }
    if found.is_empty() {
        let (text, fix) = if text.is_empty() {
            // What the deployment document's `cat … \\` leaves behind when it is pasted.
            ("it is empty", "write it again: cat fullchain.pem privkey.pem > hal.pem, on one line")
        } else if text.starts_with(&[0x30, 0x82]) {
            ("it is in binary form (DER)", "convert it: openssl x509 -inform der -in FILE -out FILE.pem")
        } else {
            ("it holds no certificate", "it begins with -----BEGIN CERTIFICATE-----")
        };
        report.fault(Severity::Broken, "no-certificate", text, fix);
    }
    found
}

fn told(told: &Told, cert: &X509Certificate<'_>) -> Certificate {
    Certificate {
        subject: told.subject.clone(),
        issuer: told.issuer.clone(),
        names: told.names.clone(),
        not_before: told.not_before,
        not_after: told.not_after,
        serial: cert.raw_serial().iter().map(|byte| format!("{byte:02X}")).collect(),
        key: key_kind(cert),
        is_ca: told.is_ca,
    }
}

fn key_kind(cert: &X509Certificate<'_>) -> String {
    match cert.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA {}", key.key_size()),
        Ok(PublicKey::EC(point)) => match point.key_size() {
            256 => "EC P-256".to_owned(),
            384 => "EC P-384".to_owned(),
            521 | 528 => "EC P-521".to_owned(),
            size => format!("EC {size}"),
        },
        // RFC 8410, 3: the identifier alone says which curve.
        _ if cert.public_key().algorithm.algorithm.to_id_string() == "1.3.101.112" => "Ed25519".to_owned(),
        _ => "of an unknown kind".to_owned(),
    }
}

fn dates(report: &mut Report, now: i64) {
    let Some(leaf) = report.leaf().cloned() else { return };
    let (from, until) = (leaf.not_before, leaf.not_after);
    let left = until - now;
    if left <= 0 {
        let text = format!("it expired on {}, {} ago", day(until), days(-left));
        report.fault(Severity::Broken, "expired", text, RENEW);
    } else if from > now {
        let text = format!("it is not valid before {}", day(from));
        report.fault(Severity::Broken, "not-yet-valid", text, "check this machine's clock: date");
    } else if left < (RENEW_LATE_DAYS * DAY_SECONDS).min((until - from) / 4) {
        let text =
            format!("it ends on {}, in {}: renewing has failed or was never set up", day(until), days(left));
        report.fault(Severity::Warning, "ends-soon", text, RENEW);
    } else {
        report.note(Severity::Good, "dates", format!("valid until {}, {} left", day(until), days(left)));
    }
    if until - from > VALIDITY_DAYS_MAX * DAY_SECONDS {
        let text =
            format!("it is valid for {}; browsers refuse more than {VALIDITY_DAYS_MAX}", days(until - from));
        let fix = "make one for a shorter time: `hal cert self-signed --force` takes 397 days";
        report.fault(Severity::Warning, "valid-too-long", text, fix);
    }
    for above in report.certificates.clone().iter().skip(1).filter(|above| above.not_after <= now) {
        let text =
            format!("the certificate of {} above it expired on {}", above.subject, day(above.not_after));
        report.fault(Severity::Broken, "issuer-expired", text, RENEW);
    }
}

const RENEW: &str =
    "`certbot renew`, or `hal cert self-signed --force` for one of your own, then reload HAProxy";

fn names(report: &mut Report, wanted: &[String]) {
    let Some(leaf) = report.leaf().cloned() else { return };
    if leaf.names.is_empty() {
        let text = "it names no host; a name in the subject alone does not count for browsers and for HAL";
        report.fault(Severity::Broken, "no-names", text, "`hal cert self-signed --domain NAME --force`");
        return;
    }
    let missing: Vec<&str> =
        wanted.iter().map(String::as_str).filter(|name| !covers(&leaf.names, name)).collect();
    if missing.is_empty() {
        report.note(Severity::Good, "names", format!("for {}", leaf.names.join(", ")));
    } else {
        let text = format!("it is for {}, not for {}", leaf.names.join(", "), missing.join(", "));
        let fix = "use a name that it has, or make a certificate for all names that clients use";
        report.fault(Severity::Broken, "wrong-name", text, fix);
    }
}

/// RFC 6125, 6.4.3: a star stands for exactly one whole label, the first; addresses match as addresses.
pub fn covers(names: &[String], wanted: &str) -> bool {
    let bare = wanted.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return names.iter().any(|name| name.parse() == Ok(address));
    }
    let wanted = wanted.trim_end_matches('.');
    names.iter().any(|name| {
        let star = name.strip_prefix("*.").zip(wanted.split_once('.'));
        name.eq_ignore_ascii_case(wanted)
            || star.is_some_and(|(tail, (_, rest))| tail.eq_ignore_ascii_case(rest))
    })
}

fn purpose(report: &mut Report, leaf: &X509Certificate<'_>) {
    if leaf.is_ca() {
        let text = "it is the certificate of an authority (CA:TRUE), which TLS clients refuse for a server";
        report.fault(
            Severity::Broken,
            "is-ca",
            text,
            "`hal cert self-signed` makes an authority and a server's certificate from it",
        );
    }
    if let Ok(Some(usage)) = leaf.extended_key_usage()
        && !usage.value.server_auth
        && !usage.value.any
    {
        let text = "it is not made for servers (no serverAuth among its purposes)";
        report.fault(Severity::Broken, "wrong-purpose", text, "ask your authority for a server certificate");
    }
}

fn strength(report: &mut Report, leaf: &X509Certificate<'_>) {
    if let Ok(PublicKey::RSA(key)) = leaf.public_key().parsed()
        && key.key_size() < RSA_BITS_MIN
    {
        let text =
            format!("its RSA key has {} bits; clients refuse less than {RSA_BITS_MIN}", key.key_size());
        report.fault(Severity::Broken, "weak-key", text, "make a new key and certificate");
    }
    let signature = leaf.signature_algorithm.algorithm.to_id_string();
    // sha1WithRSAEncryption, md5WithRSAEncryption (RFC 3279, 2.2.1), ecdsa-with-SHA1 (2.2.3).
    if ["1.2.840.113549.1.1.5", "1.2.840.113549.1.1.4", "1.2.840.10045.4.1"].contains(&signature.as_str()) {
        let text = "it is signed with SHA-1 or MD5, which clients refuse";
        report.fault(Severity::Broken, "weak-signature", text, "have it made again with SHA-256");
    }
}

fn order(report: &mut Report, chain: &[X509Certificate<'_>], served: bool) {
    for pair in chain.windows(2) {
        let (below, above) = (&pair[0], &pair[1]);
        if below.issuer() != above.subject() {
            let text = format!(
                "the chain is broken: {} comes from {}, but {} stands next",
                below.subject(),
                below.issuer(),
                above.subject()
            );
            let fix =
                "put the server's certificate first, then the one that signed it: certbot's fullchain.pem";
            report.fault(Severity::Broken, "chain-order", text, fix);
            return;
        }
        if below.verify_signature(Some(above.public_key())).is_err() {
            let text = format!("{} was not signed by this {}", below.subject(), above.subject());
            let fix = "take both certificates from one run: certbot's fullchain.pem";
            report.fault(Severity::Broken, "chain-signature", text, fix);
            return;
        }
    }
    let Some(leaf) = chain.first() else { return };
    if leaf.subject() == leaf.issuer() {
        let text = "it is self-signed: clients trust it only where somebody told each of them to";
        report.fault(
            Severity::Warning,
            "self-signed",
            text,
            "`hal cert letsencrypt`, or `hal cert self-signed` and `hal cert trust`",
        );
    } else if chain.len() == 1 {
        let who = if served { "the server shows" } else { "the file holds" };
        let text = format!(
            "{who} no intermediate certificate; clients that do not know {} refuse it",
            leaf.issuer()
        );
        report.fault(Severity::Warning, "no-intermediate", text, "use fullchain.pem, not cert.pem");
    } else {
        report.note(
            Severity::Good,
            "chain",
            format!("{} certificates, each signed by the next", chain.len()),
        );
    }
}

fn key_matches(report: &mut Report, text: &[u8], path: &str, leaf: Option<&X509Certificate<'_>>) {
    let keys = <(SectionKind, Vec<u8>)>::pem_slice_iter(text).filter_map(Result::ok);
    let mut keys = keys.filter_map(|(kind, der)| PrivateKeyDer::from_pem(kind, der));
    let Some(key) = keys.next() else {
        let is_locked = text.windows(9).any(|bytes| bytes == b"ENCRYPTED");
        let (said, fix) = if is_locked {
            (
                format!(
                    "the key in {path} has a pass phrase, and nobody can type it at the start of a server"
                ),
                "take it off: openssl pkey -in KEY -out KEY.open, in a folder that only root may read",
            )
        } else {
            (format!("{path} holds no private key"), "cat fullchain.pem privkey.pem > hal.pem, on one line")
        };
        let code = if is_locked { "key-encrypted" } else { "no-key" };
        return report.fault(Severity::Broken, code, said, fix);
    };
    if keys.next().is_some() {
        let said = format!("{path} holds more than one private key; the first is used");
        report.fault(Severity::Warning, "two-keys", said, "leave only the key of this certificate in it");
    }
    let provider = rustls::crypto::ring::default_provider();
    let Ok(key) = provider.key_provider.load_private_key(key) else {
        let said = format!("the private key in {path} is damaged or of a kind that is not supported");
        return report.fault(
            Severity::Broken,
            "key-unreadable",
            said,
            "use an RSA key or one on P-256 or P-384",
        );
    };
    let (Some(leaf), Some(public)) = (leaf, key.public_key()) else { return };
    if public.as_ref() == leaf.public_key().raw {
        report.note(Severity::Good, "key", "the private key belongs to the certificate");
    } else {
        let said = "the private key belongs to another certificate";
        let fix = "put certificate and key of one run together: fullchain.pem and privkey.pem of one folder";
        report.fault(Severity::Broken, "key-mismatch", said, fix);
    }
}

fn rights(report: &mut Report, path: &str, access: Option<Access>) {
    let Some(access) = access else { return };
    let mode = access.mode & 0o777;
    if mode & 0o077 != 0 {
        let said =
            format!("other users of this machine may read or change the private key (mode {mode:03o})");
        report.fault(Severity::Warning, "file-rights", said, format!("chmod 600 {path}"));
    } else {
        report.note(Severity::Good, "file-rights", format!("only its owner may read it (mode {mode:03o})"));
    }
}

/// `2027-01-15`, UTC.
pub fn day(unix: i64) -> String {
    // Day 732 of the database's calendar is 1 January 1970.
    let (year, month, day) = hal_db::date::ymd_from_day(unix.div_euclid(DAY_SECONDS) + 732);
    format!("{year:04}-{month:02}-{day:02}")
}

fn days(seconds: i64) -> String {
    match seconds / DAY_SECONDS {
        0 => match seconds / 3600 {
            0 => "less than an hour".to_owned(),
            1 => "1 hour".to_owned(),
            hours => format!("{hours} hours"),
        },
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests;
