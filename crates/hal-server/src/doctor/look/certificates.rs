//! The files HAProxy takes certificates from: what is in them, whether key and certificate belong together, their rights.
//!
//! The key is read to compare it and never leaves this file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::doctor::facts::{CertificateFile, Config, Key};
use crate::edge::certs::describe;

const FILE_BYTES_MAX: u64 = 1 << 20;
/// Files of one folder that are looked at.
const FOLDER_MAX: usize = 100;

pub(super) fn look(config: &Config) -> Vec<CertificateFile> {
    let mut named: Vec<&String> =
        config.proxies.iter().flat_map(|proxy| &proxy.binds).flat_map(|bind| &bind.certificates).collect();
    named.sort();
    named.dedup();
    let mut found = Vec::new();
    for name in named {
        let base = config.crt_base.as_deref().unwrap_or_default();
        let path = Path::new(base).join(name);
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            // HAProxy passes over hidden files and those that belong to a certificate of the same name.
            let mut files: Vec<PathBuf> = entries
                .map(|entry| entry.path())
                .filter(|file| file.is_file() && !hidden(file) && !belongs_to_another(file))
                .collect();
            files.sort();
            files.truncate(FOLDER_MAX);
            found.extend(files.iter().map(|file| read(file, true)));
        } else {
            found.push(read(&path, false));
        }
    }
    found
}

fn hidden(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn belongs_to_another(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| ["key", "ocsp", "issuer", "sctl"].iter().any(|known| extension == *known))
}

fn read(path: &Path, in_folder: bool) -> CertificateFile {
    let mut file =
        CertificateFile { path: path.to_string_lossy().into_owned(), in_folder, ..Default::default() };
    let bytes = std::fs::metadata(path).and_then(|meta| {
        file.bytes = meta.len();
        rights(&meta, &mut file);
        if meta.len() > FILE_BYTES_MAX {
            return Err(std::io::Error::other("it is too large for a certificate"));
        }
        std::fs::read(path)
    });
    match bytes {
        Ok(bytes) => contents(&bytes, path, &mut file),
        Err(error) => file.error = Some(error.to_string()),
    }
    file
}

#[cfg(unix)]
fn rights(meta: &std::fs::Metadata, file: &mut CertificateFile) {
    use std::os::unix::fs::MetadataExt as _;
    file.mode = Some(meta.mode() & 0o777);
    file.owner = Some(meta.uid());
}

#[cfg(not(unix))]
fn rights(_: &std::fs::Metadata, _: &mut CertificateFile) {}

fn contents(bytes: &[u8], path: &Path, file: &mut CertificateFile) {
    // A SEQUENCE of DER.
    file.binary = bytes.first() == Some(&0x30);
    let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(bytes).flatten().collect();
    file.chain = chain.iter().filter_map(|der| describe(der)).collect();
    // HAProxy also takes the key from a file beside (ssl-load-extra-files).
    let beside = || {
        let mut name = path.as_os_str().to_owned();
        name.push(".key");
        std::fs::read(name).ok()
    };
    file.key = match key_of(bytes, &chain) {
        Key::Missing => beside().map_or(Key::Missing, |bytes| key_of(&bytes, &chain)),
        key => key,
    };
}

fn key_of(bytes: &[u8], chain: &[CertificateDer<'_>]) -> Key {
    let text = String::from_utf8_lossy(bytes);
    if text.contains("ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Key::Encrypted;
    }
    let key = match PrivateKeyDer::from_pem_slice(bytes) {
        Ok(key) => key,
        Err(_) if text.contains("PRIVATE KEY-----") => return Key::Broken,
        Err(_) => return Key::Missing,
    };
    let provider = rustls::crypto::ring::default_provider();
    let Ok(key) = provider.key_provider.load_private_key(key) else { return Key::Broken };
    let fits = |der: &CertificateDer<'_>| {
        let pair = rustls::sign::CertifiedKey::new(vec![der.clone().into_owned()], Arc::clone(&key));
        pair.keys_match().is_ok()
    };
    match chain.iter().position(fits) {
        Some(0) => Key::Fits,
        Some(index) => Key::FitsOther(index),
        None if chain.is_empty() => Key::Fits,
        None => Key::FitsNone,
    }
}
