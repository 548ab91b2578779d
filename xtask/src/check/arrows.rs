//! Which crate may know which: the picture in ARCHITECTURE.md, enforced.

use crate::check::metadata::Metadata;

/// Each of our crates and the ones of ours that it may name. `hal-sim` may name any.
const ALLOWED: &[(&str, &[&str])] = &[
    ("pocketsphinx-dl", &[]),
    ("hal-wire", &[]),
    ("hal-db", &[]),
    ("hal-speech", &["pocketsphinx-dl"]),
    ("hal-dialog", &["hal-wire", "hal-db"]),
    ("hal-server", &["hal-wire", "hal-db", "hal-speech", "hal-dialog"]),
    ("hal", &["hal-server", "hal-wire", "hal-db", "hal-speech"]),
    ("hal-sim", &["pocketsphinx-dl", "hal-wire", "hal-db", "hal-speech", "hal-dialog", "hal-server", "hal"]),
    ("xtask", &[]),
];

/// The only crates that may start a runtime.
const MAY_HAVE_TOKIO: &[&str] = &["hal-server", "hal-sim"];

pub(crate) fn check(metadata: &Metadata) -> Vec<String> {
    let ours: Vec<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let mut complaints = Vec::new();
    for package in &metadata.packages {
        let name = package.name.as_str();
        let Some((_, allowed)) = ALLOWED.iter().find(|(from, _)| *from == name) else {
            complaints.push(format!("{name}: a new crate needs a line in xtask/src/check/arrows.rs"));
            continue;
        };
        for dependency in &package.dependencies {
            let dependency = dependency.as_str();
            if ours.contains(&dependency) && !allowed.contains(&dependency) {
                complaints.push(format!("{name} → {dependency}: this arrow is not in ARCHITECTURE.md"));
            }
            let is_runtime =
                dependency == "tokio" || dependency == "axum" || dependency.starts_with("tokio-");
            if is_runtime && !MAY_HAVE_TOKIO.contains(&name) {
                complaints.push(format!("{name} → {dependency}: only {} may", MAY_HAVE_TOKIO.join(" and ")));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::metadata::Package;

    #[track_caller]
    fn check_one(from: &str, to: &str, complaints: usize) {
        let package = |name: &str, dependencies: Vec<String>| Package {
            name: name.into(),
            version: String::new(),
            is_ours: true,
            license: None,
            dependencies,
            roots: Vec::new(),
        };
        let metadata = Metadata {
            target_directory: "target".into(),
            packages: vec![
                package(from, vec![to.into()]),
                package("hal-wire", vec![]),
                package("hal-db", vec![]),
            ],
        };
        assert_eq!(check(&metadata).len(), complaints, "{from} → {to}: {:?}", check(&metadata));
    }

    #[test]
    fn an_arrow_up_is_fine_and_one_down_or_sideways_is_not() {
        check_one("hal-dialog", "hal-db", 0);
        check_one("hal-sim", "hal-db", 0);
        check_one("hal-speech", "hal-db", 1);
        check_one("pocketsphinx-dl", "hal-wire", 1);
        check_one("hal-dialog", "serde", 0);
    }

    #[test]
    fn a_runtime_below_the_server_is_refused() {
        check_one("hal-dialog", "tokio", 1);
        check_one("hal-speech", "tokio-util", 1);
        check_one("hal-server", "tokio", 0);
    }

    #[test]
    fn an_unknown_crate_must_be_placed_first() {
        check_one("hal-new", "serde", 1);
    }
}
