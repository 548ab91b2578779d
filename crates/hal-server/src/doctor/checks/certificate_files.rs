//! The certificate files: whole, in order, and for nobody else's eyes. `haproxy -c` says little or nothing of it.

use super::{Verdict, date};
use crate::doctor::facts::{CertificateFile, Facts, Key, Server};
use crate::doctor::finding::{Finding, Repair};

/// Read, write or execute for the group or others.
const OTHERS: u32 = 0o077;

pub(super) fn check(server: &Server, facts: &Facts) -> Option<Verdict> {
    let files = &server.certificates;
    if files.is_empty() {
        return None;
    }
    let mut findings: Vec<Finding> = files.iter().filter_map(|file| contents(file, facts.now)).collect();
    findings.extend(files.iter().filter_map(rights));
    let ends = files.iter().filter_map(|file| file.chain.first()).map(|leaf| leaf.not_after).min();
    let until = ends.map_or_else(String::new, |end| format!(", until {}", date(end)));
    let summary = match files.as_slice() {
        [one] => format!("{}{until}", one.path),
        many => format!("{} files{until}", many.len()),
    };
    Verdict::of(summary, findings)
}

/// The first thing that keeps HAProxy from using it.
fn contents(file: &CertificateFile, now: i64) -> Option<Finding> {
    let path = &file.path;
    let combine = format!("umask 077; cat fullchain.pem privkey.pem > {path}");
    let reload = "systemctl reload haproxy";
    if let Some(error) = &file.error {
        if error.to_ascii_lowercase().contains("permission") {
            return Some(
                Finding::note("cert.not-readable", format!("{path} may not be read by this user"))
                    .why("that is as it should be; its contents are not known then")
                    .fix("sudo hal doctor"),
            );
        }
        return Some(
            Finding::error("cert.missing", format!("HAProxy's certificate {path} is not there: {error}"))
                .why("HAProxy does not start without it")
                .fix("hal cert self-signed --domain NAME, or certbot certonly …")
                .fix(combine),
        );
    }
    if file.in_folder && file.chain.is_empty() {
        return Some(
            Finding::error("cert.stray-file", format!("{path} lies in a folder of certificates and is none"))
                .why("HAProxy loads every file of a folder that `crt` names, and refuses to start over this one")
                .fix("name one file instead: bind … ssl crt /etc/haproxy/certs/hal.pem")
                .fix(format!("or move it away: mv {path} ~/")),
        );
    }
    if file.bytes == 0 {
        return Some(
            Finding::error("cert.empty", format!("{path} is empty"))
                .why("the command that should fill it failed; pasted with two backslashes at a line's end it leaves an empty file")
                .fix(combine)
                .fix(reload),
        );
    }
    if file.binary {
        return Some(
            Finding::error("cert.binary", format!("{path} is in binary form (DER), and HAProxy reads PEM"))
                .why("HAProxy says: unable to load certificate")
                .fix(format!(
                    "openssl x509 -inform der -in {path} -out leaf.pem, then put chain and key behind it"
                )),
        );
    }
    if file.chain.is_empty() {
        return Some(
            Finding::error("cert.no-certificate", format!("{path} holds no certificate"))
                .why("HAProxy does not start with it")
                .fix(combine)
                .fix(reload),
        );
    }
    key(file, &combine, reload).or_else(|| chain(file, now, &combine, reload))
}

fn key(file: &CertificateFile, combine: &str, reload: &str) -> Option<Finding> {
    let path = &file.path;
    match file.key {
        Key::Fits => None,
        Key::Missing => Some(
            Finding::error("cert.no-key", format!("{path} holds no private key"))
                .why("HAProxy says: No Private Key found")
                .fix(combine)
                .fix(reload),
        ),
        Key::Encrypted => Some(
            Finding::error("cert.encrypted-key", format!("the private key in {path} is encrypted"))
                .why("HAProxy waits for a pass phrase that nobody types, and does not start")
                .fix("openssl pkey -in privkey.pem -out plain.pem")
                .fix(format!("umask 077; cat fullchain.pem plain.pem > {path}")),
        ),
        Key::Broken => Some(
            Finding::error("cert.broken-key", format!("the private key in {path} cannot be read"))
                .why("HAProxy does not start with it")
                .fix(combine)
                .fix(reload),
        ),
        Key::FitsOther(index) => Some(
            Finding::error("cert.order", format!("the server's certificate is number {} in {path}", index + 1))
                .why("HAProxy takes the first one for its own and says that the key does not match")
                .fix("order: the server's certificate, then intermediates, then the key")
                .fix(combine),
        ),
        Key::FitsNone => Some(
            Finding::error("cert.key-mismatch", format!("certificate and private key in {path} do not belong together"))
                .why("HAProxy says: inconsistencies between private key and certificate; after a reload it goes on with the old one")
                .fix(combine)
                .fix(format!("haproxy -c -f /etc/haproxy/haproxy.cfg && {reload}")),
        ),
    }
}

fn chain(file: &CertificateFile, now: i64, combine: &str, reload: &str) -> Option<Finding> {
    let path = &file.path;
    let leaf = file.chain.first()?;
    if leaf.not_after < now {
        return Some(
            Finding::error(
                "tls.expired",
                format!("the certificate in {path} has expired on {}", date(leaf.not_after)),
            )
            .why("every client refuses it; `haproxy -c` says nothing about it")
            .fix("certbot renew --force-renewal --cert-name hal (or: hal cert self-signed --force)")
            .fix(reload),
        );
    }
    // A chain of a public authority always has an intermediate; a small one of one's own need not.
    let public =
        !leaf.issuer.contains("HAL local CA") && leaf.issuer != leaf.subject && leaf.issuer.contains("O=");
    (file.chain.len() == 1 && public).then(|| {
        Finding::error(
            "tls.missing-intermediate",
            format!("{path} holds one certificate only, issued by {}", leaf.issuer),
        )
        .why(
            "clients other than browsers do not know the issuer: its certificate belongs behind the server's",
        )
        .fix(combine)
        .fix(reload)
    })
}

fn rights(file: &CertificateFile) -> Option<Finding> {
    let mode = file.mode?;
    // A certificate without its key is for everybody.
    if mode & OTHERS == 0 || matches!(file.key, Key::Missing) || file.in_folder && file.chain.is_empty() {
        return None;
    }
    Some(
        Finding::warning(
            "cert.rights",
            format!("others may read the private key in {} (mode {mode:03o})", file.path),
        )
        .why("whoever has it can pose as this server; HAProxy starts as root and does not need the rights")
        .fix(format!("chmod 600 {}", file.path))
        .repair(Repair::OwnerOnly { path: file.path.clone() }),
    )
}
