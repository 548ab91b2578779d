//! The part of `cargo metadata` that the checks need. The manifests are read by cargo, not by us.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::steps::{cargo, output};

#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) target_directory: PathBuf,
    pub(crate) packages: Vec<Package>,
}

#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Whether it is one of this repository.
    pub(crate) is_ours: bool,
    /// An SPDX expression such as `MIT OR Apache-2.0`.
    pub(crate) license: Option<String>,
    /// Names of what the manifest depends on, of every kind (normal, dev, build).
    pub(crate) dependencies: Vec<String>,
    /// The root file of each of its targets (library, binaries, tests, benches), absolute.
    pub(crate) roots: Vec<PathBuf>,
}

impl Metadata {
    /// The packages of this repository only; needs no lock file and no network.
    pub(crate) fn without_dependencies() -> Result<Metadata> {
        Metadata::read("metadata --format-version 1 --no-deps")
    }

    /// Everything in the lock file, for every platform.
    pub(crate) fn with_dependencies() -> Result<Metadata> {
        Metadata::read("metadata --format-version 1 --locked")
    }

    fn read(words: &str) -> Result<Metadata> {
        let json: Value = serde_json::from_str(&output(&mut cargo(words))?)?;
        let target_directory =
            json["target_directory"].as_str().context("cargo metadata: no target_directory")?;
        let packages = json["packages"].as_array().context("cargo metadata: no packages")?;
        Ok(Metadata {
            target_directory: target_directory.into(),
            packages: packages.iter().map(Package::read).collect::<Result<_>>()?,
        })
    }
}

impl Package {
    fn read(json: &Value) -> Result<Package> {
        let text = |key: &str| json[key].as_str().map(str::to_owned);
        let strings = |list: &str, key: &str| -> Vec<String> {
            let entries = json[list].as_array().map(Vec::as_slice).unwrap_or_default();
            entries.iter().filter_map(|entry| entry[key].as_str()).map(str::to_owned).collect()
        };
        Ok(Package {
            name: text("name").context("cargo metadata: a package without a name")?,
            version: text("version").unwrap_or_default(),
            is_ours: json["source"].is_null(),
            license: text("license"),
            dependencies: strings("dependencies", "name"),
            roots: strings("targets", "src_path").into_iter().map(PathBuf::from).collect(),
        })
    }
}
