use rcgen::{CertificateParams, IsCa, KeyPair};

use super::super::{SelfSigned, self_signed};
use super::*;

/// 15 January 2027, 08:00 UTC.
const NOW: i64 = 1_800_000_000;
const NAME: &str = "hal.example.test";

/// `hal.pem` of `hal cert self-signed`, made at [`NOW`].
fn made() -> String {
    let dir = tempfile::tempdir().unwrap();
    let request = SelfSigned::new(&[NAME, "192.0.2.10"], dir.path(), NOW as u64).unwrap();
    std::fs::read_to_string(self_signed(&request).unwrap().pem).unwrap()
}

fn file(text: &str) -> Material<'_> {
    Material::File {
        path: "hal.pem",
        text: text.as_bytes(),
        key: None,
        access: Some(Access { mode: 0o100_600 }),
    }
}

fn look(material: Material<'_>, names: &[&str], now: i64) -> Report {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    inspect(material, &names, now)
}

/// The codes of everything that is not good.
fn faults(report: &Report) -> Vec<&'static str> {
    report.findings.iter().filter(|f| f.severity > Severity::Good).map(|f| f.code).collect()
}

#[track_caller]
fn check(text: &str, names: &[&str], now: i64, expected: &[&str]) {
    let report = look(file(text), names, now);
    assert_eq!(faults(&report), expected, "{report:#?}");
    assert!(report.findings.iter().filter(|f| f.severity > Severity::Good).all(|f| f.fix.is_some()));
}

/// The sections of a PEM text, each with its BEGIN and END.
fn sections(text: &str) -> Vec<String> {
    text.split_inclusive("-----\n").collect::<Vec<_>>().chunks(2).map(|pair| pair.concat()).collect()
}

#[test]
fn what_hal_makes_itself_is_without_fault() {
    let text = made();
    let report = look(file(&text), &[NAME, "192.0.2.10"], NOW);
    assert_eq!(report.severity(), Severity::Good, "{report:#?}");
    let codes: Vec<&str> = report.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["dates", "names", "chain", "key", "file-rights"]);
    let leaf = report.leaf().unwrap();
    assert_eq!(leaf.key, "EC P-256");
    assert_eq!(leaf.names, [NAME, "192.0.2.10"]);
    assert!(leaf.serial.len() >= 16 && leaf.serial.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn dates_are_judged_at_the_moment_of_looking() {
    let text = made();
    check(&text, &[NAME], NOW - 2 * 3600, &["not-yet-valid"]);
    check(&text, &[NAME], NOW + 380 * DAY_SECONDS, &[]);
    check(&text, &[NAME], NOW + 390 * DAY_SECONDS, &["ends-soon"]);
    check(&text, &[NAME], NOW + 397 * DAY_SECONDS, &["expired"]);
    check(&text, &[NAME], NOW + 4000 * DAY_SECONDS, &["expired", "issuer-expired"]);
}

#[test]
fn a_name_that_the_certificate_lacks_is_named() {
    let text = made();
    check(&text, &["other.example.test"], NOW, &["wrong-name"]);
    check(&text, &["192.0.2.11"], NOW, &["wrong-name"]);
    let report = look(file(&text), &["other.example.test"], NOW);
    let finding = report.findings.iter().find(|f| f.code == "wrong-name").unwrap();
    assert!(finding.text.contains("not for other.example.test"), "{}", finding.text);
}

#[test]
fn a_star_stands_for_exactly_one_label() {
    let star = ["*.example.test".to_owned(), "::1".to_owned()];
    for (wanted, expected) in [
        ("hal.example.test", true),
        ("HAL.EXAMPLE.TEST.", true),
        ("example.test", false),
        ("a.b.example.test", false),
        ("[::1]", true),
        ("::2", false),
    ] {
        assert_eq!(covers(&star, wanted), expected, "{wanted}");
    }
}

#[test]
fn a_key_that_is_missing_locked_or_of_another_certificate_is_told_apart() {
    let (text, other) = (made(), made());
    let (parts, others) = (sections(&text), sections(&other));
    assert_eq!(parts.len(), 3);
    check(&parts[..2].concat(), &[NAME], NOW, &["no-key"]);
    check(&[&parts[0], &parts[1], &others[2]].map(String::as_str).concat(), &[NAME], NOW, &["key-mismatch"]);
    check(&[&text, &others[2]].map(String::as_str).concat(), &[NAME], NOW, &["two-keys"]);
    let locked = parts[2].replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    check(&format!("{}{}{locked}", parts[0], parts[1]), &[NAME], NOW, &["key-encrypted"]);
}

#[test]
fn the_key_may_stand_in_a_file_of_its_own() {
    let (text, other) = (made(), made());
    let (parts, others) = (sections(&text), sections(&other));
    let chain = parts[..2].concat();
    let with = |key: &str, mode| {
        let key = KeyFile { path: "hal.key", text: key.as_bytes(), access: Some(Access { mode }) };
        // Anybody may read a certificate that is apart from its key.
        let access = Some(Access { mode: 0o644 });
        faults(&look(
            Material::File { path: "hal.crt", text: chain.as_bytes(), key: Some(key), access },
            &[NAME],
            NOW,
        ))
    };
    assert_eq!(with(&parts[2], 0o600), [""; 0]);
    assert_eq!(with(&parts[2], 0o640), ["file-rights"]);
    assert_eq!(with(&others[2], 0o600), ["key-mismatch"]);
}

#[test]
fn the_order_of_the_chain_matters_and_its_signatures_do() {
    let (text, other) = (made(), made());
    let (parts, others) = (sections(&text), sections(&other));
    check(&[&parts[0], &parts[2]].map(String::as_str).concat(), &[NAME], NOW, &["no-intermediate"]);
    // The authority before the server's certificate: what is first is taken for the server's.
    let swapped = [&parts[1], &parts[0], &parts[2]].map(String::as_str).concat();
    let found = look(file(&swapped), &[NAME], NOW);
    assert!(faults(&found).contains(&"is-ca") && faults(&found).contains(&"chain-order"), "{found:#?}");
    check(&[&parts[0], &others[1], &parts[2]].map(String::as_str).concat(), &[NAME], NOW, &["chain-order"]);
}

/// The deployment document's `openssl req -x509`: an authority without names.
#[test]
fn the_documents_self_signed_certificate_is_told_all_its_faults() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(2027, 1, 1);
    params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    let text = params.self_signed(&key).unwrap().pem() + &key.serialize_pem();
    check(&text, &[NAME], NOW, &["valid-too-long", "no-names", "is-ca", "self-signed"]);
}

#[test]
fn a_file_that_is_no_pem_is_explained() {
    check("", &[], NOW, &["no-certificate", "no-key"]);
    check("certificate: yes\n", &[], NOW, &["no-certificate", "no-key"]);
    let text = made();
    let damaged = text.replacen("MII", "M*I", 1);
    assert!(faults(&look(file(&damaged), &[], NOW)).contains(&"unreadable"));
    let der = certificates_of(text.as_bytes(), &mut look(file(&text), &[], NOW)).remove(0);
    let binary = look(Material::File { path: "hal.der", text: &der, key: None, access: None }, &[], NOW);
    assert!(binary.findings[0].text.contains("DER"), "{binary:#?}");
    let many = sections(&text)[0].repeat(20);
    assert!(faults(&look(file(&many), &[], NOW)).contains(&"too-many"));
}

#[test]
fn a_served_chain_has_no_file_and_no_key() {
    let text = made();
    let chain = certificates_of(text.as_bytes(), &mut look(file(&text), &[], NOW));
    let served = Material::Served { address: NAME, chain: &chain };
    assert_eq!(look(served, &[NAME], NOW).severity(), Severity::Good);
    let alone = Material::Served { address: NAME, chain: &chain[..1] };
    assert_eq!(faults(&look(alone, &[NAME], NOW)), ["no-intermediate"]);
    let junk = vec![vec![0x30, 0x03, 1, 2, 3]];
    assert_eq!(faults(&look(Material::Served { address: NAME, chain: &junk }, &[NAME], NOW)), ["unreadable"]);
}

#[test]
fn others_must_not_read_the_key() {
    let text = made();
    for (mode, expected) in [(0o600, false), (0o400, false), (0o640, true), (0o644, true), (0o606, true)] {
        let access = Some(Access { mode });
        let material = Material::File { path: "hal.pem", text: text.as_bytes(), key: None, access };
        assert_eq!(faults(&look(material, &[NAME], NOW)).contains(&"file-rights"), expected, "{mode:o}");
    }
}
