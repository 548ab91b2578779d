//! What must be on this machine, and how it gets there. Knows no tests: it is told what is needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::steps;

/// One thing from outside: how to see that it is there, and Debian's package that brings it.
#[derive(Debug)]
pub(crate) struct Need {
    /// What a person calls it.
    pub(crate) name: &'static str,
    package: &'static str,
    sign: Sign,
}

#[derive(Debug)]
enum Sign {
    /// One of these programs is on the PATH (or in an sbin folder, which a user's PATH often lacks).
    Program(&'static [&'static str]),
    /// This shared library is in one of the system's library folders.
    Library(&'static str),
    /// This path exists.
    Path(&'static str),
}

/// What the demo needs in order to hear and to speak.
pub(crate) const SPEECH: &[Need] = &[
    Need { name: "espeak-ng", package: "espeak-ng", sign: Sign::Program(&["espeak-ng"]) },
    Need { name: "libpocketsphinx", package: "libpocketsphinx3", sign: Sign::Library("libpocketsphinx.so") },
    Need {
        name: "PocketSphinx's English model",
        package: "pocketsphinx-en-us",
        sign: Sign::Path("/usr/share/pocketsphinx/model/en-us"),
    },
];

/// What the end-to-end tests run besides HAL.
pub(crate) const TESTS: &[Need] = &[
    Need { name: "haproxy", package: "haproxy", sign: Sign::Program(&["haproxy"]) },
    Need {
        name: "chromium",
        package: "chromium",
        sign: Sign::Program(&["chromium", "chromium-browser", "google-chrome"]),
    },
    Need { name: "certbot", package: "certbot", sign: Sign::Program(&["certbot"]) },
    Need { name: "pebble", package: "pebble", sign: Sign::Program(&["pebble"]) },
    // Judges the unit of `hal service install`; nothing is started with it.
    Need { name: "systemd-analyze", package: "systemd", sign: Sign::Program(&["systemd-analyze"]) },
    // Two network namespaces, to knock at the rules of `hal firewall`.
    Need { name: "ip", package: "iproute2", sign: Sign::Program(&["ip"]) },
    Need { name: "nft", package: "nftables", sign: Sign::Program(&["nft"]) },
    Need { name: "curl", package: "curl", sign: Sign::Program(&["curl"]) },
    Need { name: "openssl", package: "openssl", sign: Sign::Program(&["openssl"]) },
    // Networks with a firewall of their own, for the faults that `hal doctor` must name.
    Need { name: "ip", package: "iproute2", sign: Sign::Program(&["ip"]) },
    Need { name: "nft", package: "nftables", sign: Sign::Program(&["nft"]) },
    Need { name: "node", package: "nodejs", sign: Sign::Program(&["node"]) },
];

/// A C compiler links Rust and builds `ring`. Cargo has used it by the time this runs, so it is named
/// for the README only when somebody removed it in between.
pub(crate) const BUILD: &[Need] = &[Need {
    name: "a C compiler",
    package: "build-essential",
    sign: Sign::Program(&["cc", "gcc", "clang"]),
}];

/// Whether `CI=true`: nothing may be skipped there.
pub(crate) fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// Installs what is missing: as root by itself, otherwise it stops with the line to run.
///
/// Where there is no `apt-get` at all, what is missing is returned: the caller goes on with what is there.
pub(crate) fn set_up(groups: &[&'static [Need]]) -> Result<Vec<&'static Need>> {
    let missing = missing(groups);
    if missing.is_empty() {
        println!("everything needed is installed");
        return Ok(missing);
    }
    let names: Vec<&str> = missing.iter().map(|need| need.name).collect();
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    println!("missing: {}", names.join(", "));
    if program("apt-get").is_none() {
        if is_ci() {
            bail!("no apt-get here and CI skips nothing; install: {}", names.join(", "));
        }
        println!("no apt-get on this machine: going on without them");
        return Ok(missing);
    }
    if !is_root()? {
        bail!(
            "these packages are missing and only root can install them; run this, then the same command again:\n\n  \
             sudo apt-get update && sudo apt-get install -y {}\n",
            packages.join(" ")
        );
    }
    steps::execute(apt_get().arg("update").arg("-qq"))?;
    steps::execute(apt_get().args(["install", "-y", "-qq", "--no-install-recommends"]).args(&packages))?;
    let still = self::missing(groups);
    if !still.is_empty() {
        let names: Vec<&str> = still.iter().map(|need| need.name).collect();
        bail!("installed, and yet not found: {}", names.join(", "));
    }
    Ok(Vec::new())
}

fn missing(groups: &[&'static [Need]]) -> Vec<&'static Need> {
    groups.iter().flat_map(|group| group.iter()).filter(|need| !need.is_there()).collect()
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> Result<bool> {
    // The standard library has no geteuid, and unsafe is forbidden here.
    Ok(steps::output(Command::new("id").arg("-u"))?.trim() == "0")
}

impl Need {
    fn is_there(&self) -> bool {
        match self.sign {
            Sign::Program(names) => names.iter().any(|name| program(name).is_some()),
            Sign::Library(prefix) => library_folders().iter().any(|folder| holds(folder, prefix)),
            Sign::Path(path) => Path::new(path).exists(),
        }
    }
}

/// Where a program lies, or `None`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(system).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn library_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib"].map(PathBuf::from).into();
    // Debian keeps libraries per architecture, in folders such as /usr/lib/x86_64-linux-gnu.
    let triplet = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    folders.push(triplet.into());
    folders
}

fn holds(folder: &Path, prefix: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
}
