//! Nothing of one machine or one person is in the repository: no registry, no absolute path, no address.

use crate::check::tidy::Files;

pub(crate) fn check(files: &Files) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, text) in &files.texts {
        if name == "Cargo.lock" {
            complaints.extend(foreign_registries(text));
            continue;
        }
        // This file spells out what it looks for.
        if name == "xtask/src/check/private.rs" {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            if let Some(what) = private_part(line) {
                complaints.push(format!("{name}:{}: {what}", index + 1));
            }
        }
        if name.ends_with("config.toml") && (text.contains("[source.") || text.contains("[registries")) {
            complaints.push(format!("{name}: a registry belongs in the machine's own configuration"));
        }
    }
    complaints
}

/// The lock file may name the one public index and nothing else.
fn foreign_registries(lock: &str) -> Vec<String> {
    let official = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let sources = lock.lines().filter(|line| line.starts_with("source = "));
    sources.filter(|line| *line != official).map(|line| format!("Cargo.lock: {line}")).collect()
}

fn private_part(line: &str) -> Option<String> {
    // Folders of people and of build machines; /root and /home/NAME are never part of a product.
    for start in ["/root/", "/work/", "/home/", "/Users/", "C:\\Users\\"] {
        let at = line.match_indices(start).find(|(at, _)| !line[..*at].ends_with(is_path_character));
        if at.is_some() {
            return Some(format!("an absolute path of one machine ({start}…)"));
        }
    }
    mail_address(line).map(|address| format!("the mail address {address}"))
}

fn is_path_character(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '}' | '~' | '$')
}

/// The first mail address that is not under a domain reserved for examples (RFC 2606).
fn mail_address(line: &str) -> Option<&str> {
    line.match_indices('@').find_map(|(at, _)| {
        let is_local = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
        let start = line[..at].rfind(|c| !is_local(c)).map_or(0, |index| index + 1);
        // A character of several bytes may precede the address.
        let start = (start..=at).find(|index| line.is_char_boundary(*index))?;
        let rest = &line[at + 1..];
        let end =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-').unwrap_or(rest.len());
        let domain = rest[..end].trim_end_matches('.');
        let top = domain.rsplit_once('.')?.1;
        let is_address = start < at && top.len() >= 2 && top.chars().all(|c| c.is_ascii_alphabetic());
        let reserved = ["example", "test", "invalid", "localhost"].contains(&top)
            || ["example.com", "example.org", "example.net"].iter().any(|name| domain.ends_with(name));
        (is_address && !reserved).then(|| &line[start..at + 1 + domain.len()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses_are_found_and_examples_are_not() {
        assert_eq!(mail_address("write to jo.doe@hal-mail.org."), Some("jo.doe@hal-mail.org"));
        assert_eq!(mail_address("jo@example.com, jo@shop.example"), None);
        assert_eq!(mail_address("@ID and @RECORD, user@host, tokio@1.2"), None);
    }

    #[test]
    fn paths_of_one_machine_are_found_and_urls_are_not() {
        assert!(private_part("cd /root/hal").is_some());
        assert!(private_part("\"/home/jo/hal\"").is_some());
        assert!(private_part("https://example.com/home/").is_none());
        assert!(private_part("crates/work/x").is_none());
    }

    #[test]
    fn the_lock_file_names_only_the_public_index() {
        assert_eq!(foreign_registries("source = \"registry+https://mirror.example/index\"\n").len(), 1);
    }
}
