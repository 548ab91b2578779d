//! Files that the configuration names: certificates and error pages. What they are is found by the caller.

use super::{Judge, Severity};
use crate::edge::haproxy::document::Document;

/// What a named file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    Missing,
    /// It is there, but whoever runs the check may not read it.
    Forbidden,
    Folder,
    There(FileFacts),
}

/// What of a file matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileFacts {
    pub bytes: u64,
    pub certificates: usize,
    pub has_key: bool,
    /// A key of its own beside it, as `FILE.key`.
    pub key_beside: bool,
    pub encrypted: bool,
    /// Others than the owner may read or write it (Unix).
    pub open_to_others: bool,
    /// Its first line.
    pub first_line: String,
}

impl FileFacts {
    /// From the bytes of a file.
    pub fn of(bytes: &[u8]) -> FileFacts {
        let text = String::from_utf8_lossy(bytes);
        let has_key = text.lines().any(|line| line.starts_with("-----BEGIN") && line.contains("PRIVATE KEY"));
        FileFacts {
            bytes: bytes.len() as u64,
            certificates: text.matches("-----BEGIN CERTIFICATE-----").count(),
            has_key,
            encrypted: text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
                || text.contains("Proc-Type: 4,ENCRYPTED"),
            first_line: text.lines().next().unwrap_or_default().chars().take(200).collect(),
            ..FileFacts::default()
        }
    }
}

/// One use of a file: the line, the word with its name, the name.
struct Named {
    index: usize,
    word: usize,
    path: String,
    is_error_page: bool,
}

fn named(document: &Document) -> Vec<Named> {
    let base =
        document.lines.iter().find(|line| line.word(0) == "crt-base").map(|line| line.word(1).to_owned());
    let mut all = Vec::new();
    for (index, line) in document.lines.iter().enumerate() {
        match line.word(0) {
            "bind" => {
                for word in (2..line.len()).filter(|&word| line.word(word - 1) == "crt") {
                    let path = match &base {
                        Some(base) if !line.word(word).starts_with('/') => {
                            format!("{base}/{}", line.word(word))
                        }
                        _ => line.word(word).to_owned(),
                    };
                    all.push(Named { index, word, path, is_error_page: false });
                }
            }
            "errorfile" => {
                all.push(Named { index, word: 2, path: line.word(2).to_owned(), is_error_page: true });
            }
            _ => {}
        }
    }
    // A path with a variable is known to HAProxy only.
    all.retain(|named| !named.path.is_empty() && !named.path.contains('$') && !named.path.starts_with('@'));
    all
}

/// The files a caller should look at, each once.
pub fn named_files(document: &Document) -> Vec<String> {
    let mut paths: Vec<String> = named(document).into_iter().map(|named| named.path).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// Certificates that HAProxy cannot load, or that others can read.
pub(super) fn certificates(judge: &mut Judge<'_>) {
    for Named { index, word, path, .. } in
        named(&judge.document).into_iter().filter(|named| !named.is_error_page)
    {
        let Some(state) = judge.around.files.get(&path) else { continue };
        let (code, what, why) = match state {
            FileState::Missing => (
                "certificate",
                format!("there is no {path}"),
                "HAProxy does not start without it. It wants certificate, chain and key in one file: `hal cert \
                 self-signed` makes one, `hal cert letsencrypt` gets one that browsers know."
                    .to_owned(),
            ),
            FileState::Forbidden => (
                "certificate-not-readable",
                format!("{path} may not be read by who runs this check"),
                "HAProxy reads it as root when it starts; run the check with sudo to see whether it is well.".to_owned(),
            ),
            FileState::Folder => continue,
            FileState::There(facts) if facts.bytes == 0 => (
                "certificate",
                format!("{path} is empty"),
                "A `cat` whose lines end in two backslashes leaves such a file. Write it again: cat fullchain.pem \
                 privkey.pem > FILE"
                    .to_owned(),
            ),
            FileState::There(facts) if facts.certificates == 0 => (
                "certificate",
                format!("{path} holds no certificate"),
                "HAProxy wants PEM: text that begins with -----BEGIN CERTIFICATE-----.".to_owned(),
            ),
            FileState::There(facts) if facts.encrypted => (
                "certificate",
                format!("the key in {path} is encrypted"),
                "HAProxy would wait for its pass phrase at each start. Take it off: openssl pkey -in KEY -out KEY2".to_owned(),
            ),
            FileState::There(facts) if !facts.has_key && !facts.key_beside => (
                "certificate",
                format!("{path} holds no private key"),
                "HAProxy says \"No Private Key found\". Put it behind the certificates: cat fullchain.pem privkey.pem > \
                 FILE"
                    .to_owned(),
            ),
            FileState::There(facts) if facts.open_to_others => (
                "certificate-open",
                format!("others than its owner may read {path}, which holds the private key"),
                "Whoever has the key can speak for your gateway. HAProxy reads the file as root.".to_owned(),
            ),
            FileState::There(_) => continue,
        };
        let severity = match code {
            "certificate" => Severity::Error,
            "certificate-open" => Severity::Warning,
            _ => Severity::Note,
        };
        let replacement =
            judge.around.cert.clone().filter(|cert| severity == Severity::Error && *cert != path);
        let report = judge.report(code, severity, &[index], what, why);
        match (replacement, code) {
            (Some(cert), _) => judge.line(index).replace_word(word, &cert),
            (None, "certificate-open") => _ = report.by_hand([format!("chmod 600 {path}")]),
            (None, "certificate") => {
                let name = judge.around.domain.as_ref().map_or("NAME", |domain| domain.as_str()).to_owned();
                let dir = std::path::Path::new(&path).parent().unwrap_or(std::path::Path::new("."));
                let command = format!("hal cert self-signed --domain {name} --dir {}", dir.display());
                if let Some(last) = judge.drafts.last_mut() {
                    last.by_hand([command]);
                }
            }
            _ => _ = report.by_hand(Vec::<String>::new()),
        }
    }
}

/// `errorfile` lines whose files are answers of HTTP/1.0.
pub(super) fn error_files(judge: &mut Judge<'_>) {
    let all = named(&judge.document);
    let old = |named: &&Named| {
        named.is_error_page
            && match judge.around.files.get(&named.path) {
                Some(FileState::There(facts)) => facts.first_line.starts_with("HTTP/1.0"),
                // The folder of the packages: all of them are HTTP/1.0.
                _ => named.path.starts_with("/etc/haproxy/errors/"),
            }
    };
    let lines: Vec<usize> = all.iter().filter(old).map(|named| named.index).collect();
    if lines.is_empty() {
        return;
    }
    judge.report(
        "http-1.0-errors",
        Severity::Warning,
        &lines,
        "the error pages are answers of HTTP/1.0",
        "A WebSocket client that meets one says \"wrong HTTP version\" instead of 503, and nobody learns what is \
         wrong. HAProxy's own pages, without these lines, are HTTP/1.1; for a text of yours use `http-error status`.",
    );
    for index in lines {
        judge.remove(index);
    }
}
