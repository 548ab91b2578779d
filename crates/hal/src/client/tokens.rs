//! The tokens that `hal pair` has got, by server, in a file that its user alone can read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::url::ServerUrl;
use crate::report::Failure;

/// The variable that stands over the file.
pub(crate) const VARIABLE: &str = "HAL_TOKEN";

/// The token for a server: that of the variable, else the one that was kept.
pub(crate) fn token_for(url: &ServerUrl) -> Option<String> {
    let set = std::env::var(VARIABLE).ok().filter(|token| !token.trim().is_empty());
    set.map(|token| token.trim().to_owned()).or_else(|| read(&file()?).remove(&key(url)))
}

/// Keeps the token of a server; gives the file.
///
/// # Errors
/// There is no place for it, or it cannot be written.
pub(crate) fn keep(url: &ServerUrl, token: &str) -> Result<PathBuf, Failure> {
    let file = file().ok_or_else(|| {
        Failure::new("no home folder is known, so the token cannot be kept")
            .hint(format!("set {VARIABLE} to it: {token}"))
    })?;
    keep_in(&file, url, token).map_err(|error| {
        Failure::new(format!("cannot write {}: {error}", file.display()))
            .hint(format!("set {VARIABLE} to the token: {token}"))
    })?;
    Ok(file)
}

fn keep_in(file: &Path, url: &ServerUrl, token: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut tokens = read(file);
    tokens.insert(key(url), token.to_owned());
    let text = serde_json::to_string_pretty(&tokens).map_err(std::io::Error::other)?;
    hal_server::private_file::write(file, &text)
}

fn read(file: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Host and port: a token is not sent anywhere else, and not without TLS where it was got with it.
fn key(url: &ServerUrl) -> String {
    format!("{}://{}", if url.secure { "wss" } else { "ws" }, url.authority())
}

fn file() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = if cfg!(windows) {
        variable("APPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")))
    };
    Some(base?.join("hal").join("tokens.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_kept_for_its_server_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("hal/tokens.json");
        let url = |text: &str| ServerUrl::parse(text).expect("an address");
        keep_in(&file, &url("https://hal.example.com"), "hal_a").expect("kept");
        keep_in(&file, &url("http://10.0.0.5:8768"), "hal_b").expect("kept");
        let tokens = read(&file);
        assert_eq!(tokens.get(&key(&url("wss://hal.example.com/voice"))).map(String::as_str), Some("hal_a"));
        assert_eq!(tokens.get(&key(&url("http://hal.example.com"))), None);
        assert_eq!(tokens.len(), 2);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&file).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
