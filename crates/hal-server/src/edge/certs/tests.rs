use super::*;

/// 15 January 2027, 08:00 UTC.
const NOW: u64 = 1_800_000_000;

fn request(names: &[&str], dir: &Path) -> SelfSigned {
    SelfSigned::new(names, dir, NOW).unwrap()
}

fn first_certificate(path: &Path) -> Told {
    let text = fs::read(path).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(&text).unwrap();
    describe(&pem.contents).unwrap()
}

#[test]
fn the_server_certificate_names_its_hosts_and_is_not_a_ca() {
    let dir = tempfile::tempdir().unwrap();
    let written = self_signed(&request(&["hal.example.test", "192.0.2.10", "[::1]"], dir.path())).unwrap();
    let leaf = first_certificate(&written.pem);
    assert_eq!(leaf.names, ["hal.example.test", "192.0.2.10", "::1"]);
    assert!(!leaf.is_ca);
    let ca = first_certificate(&written.ca);
    assert!(ca.is_ca && ca.self_issued());
    assert_eq!(leaf.issuer, ca.subject);
    assert_eq!(leaf.not_after - NOW as i64, 397 * 86_400);
    assert_eq!(written.until, leaf.not_after as u64);
    assert!(is_own(&written.pem));
    assert!(!is_own(&dir.path().join("absent.pem")));
}

#[test]
fn haproxy_finds_certificate_chain_and_key_in_this_order() {
    let dir = tempfile::tempdir().unwrap();
    let written = self_signed(&request(&["hal.example.test"], dir.path())).unwrap();
    let text = fs::read_to_string(written.pem).unwrap();
    let kinds: Vec<&str> = text.lines().filter(|line| line.starts_with("-----BEGIN")).collect();
    assert_eq!(
        kinds,
        ["-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----"]
    );
}

#[cfg(unix)]
#[test]
fn keys_are_for_their_owner_only_and_the_ca_is_for_everyone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let written = self_signed(&request(&["hal.example.test"], dir.path())).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&written.pem), 0o600);
    assert_eq!(mode(&written.ca_key), 0o600);
    assert_eq!(mode(&written.ca), 0o644);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "no temporary file is left");
}

#[test]
fn an_existing_certificate_is_replaced_only_by_force_and_the_ca_never() {
    let dir = tempfile::tempdir().unwrap();
    let first = self_signed(&request(&["hal.example.test"], dir.path())).unwrap();
    let before = (fs::read(&first.ca).unwrap(), fs::read(&first.pem).unwrap());

    let again = self_signed(&request(&["other.example.test"], dir.path()));
    assert!(matches!(again, Err(CertError::Exists { path }) if path == first.pem));
    assert_eq!(fs::read(&first.pem).unwrap(), before.1, "untouched");

    let forced = SelfSigned { force: true, ..request(&["other.example.test"], dir.path()) };
    let second = self_signed(&forced).unwrap();
    assert!(second.ca_kept && !first.ca_kept);
    assert_eq!(fs::read(&second.ca).unwrap(), before.0);
    assert_eq!(first_certificate(&second.pem).names, ["other.example.test"]);
    assert_eq!(first_certificate(&second.pem).issuer, first_certificate(&second.ca).subject);
}

#[test]
fn half_a_ca_a_foreign_key_and_an_expired_ca_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let written = self_signed(&request(&["hal.example.test"], dir.path())).unwrap();
    fs::remove_file(&written.pem).unwrap();

    let late = SelfSigned { now: NOW + 3651 * 86_400, ..request(&["hal.example.test"], dir.path()) };
    assert!(matches!(self_signed(&late), Err(CertError::BadCa { why, .. }) if why.contains("expired")));

    fs::write(&written.ca_key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let foreign = self_signed(&request(&["hal.example.test"], dir.path()));
    assert!(matches!(foreign, Err(CertError::BadCa { why, .. }) if why.contains("another certificate")));

    fs::remove_file(&written.ca_key).unwrap();
    let half = self_signed(&request(&["hal.example.test"], dir.path()));
    assert!(matches!(half, Err(CertError::HalfCa { missing, .. }) if missing == written.ca_key));
    assert!(!written.pem.exists());
}

#[test]
fn the_certificate_does_not_outlive_its_ca() {
    let dir = tempfile::tempdir().unwrap();
    let written = self_signed(&request(&["hal.example.test"], dir.path())).unwrap();
    let ca_until = first_certificate(&written.ca).not_after as u64;
    let late =
        SelfSigned { now: NOW + 3600 * 86_400, force: true, ..request(&["hal.example.test"], dir.path()) };
    assert_eq!(self_signed(&late).unwrap().until, ca_until);
}

#[test]
fn wrong_names_and_days_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(SelfSigned::new::<&str>(&[], dir.path(), NOW), Err(CertError::NoName)));
    for bad in ["https://hal.example.test", "a b", ""] {
        assert!(matches!(SelfSigned::new(&[bad], dir.path(), NOW), Err(CertError::Name { .. })), "{bad:?}");
    }
    for days in [0, DAYS_MAX + 1] {
        let request = SelfSigned { days, ..request(&["hal.example.test"], dir.path()) };
        assert!(matches!(self_signed(&request), Err(CertError::Days { given }) if given == days));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
