use std::fs;
use std::path::Path;

use super::*;
use crate::edge::certs;
use crate::edge::haproxy::installed::{self, Checked};

/// The configurations of the deployment document, as printed there: the first block, and the simple one.
const DOCUMENT: &str = include_str!("document.cfg");
const SIMPLE: &str = include_str!("simple.cfg");

/// The first block is two configurations; the statistics page follows the second one.
fn halves() -> (&'static str, &'static str) {
    let rule = "#---------------------------------------------------------------------\n# Alternative";
    DOCUMENT.split_at(DOCUMENT.find(rule).unwrap())
}

fn around() -> Circumstances {
    Circumstances::new(Version::ASSUMED)
}

fn judged(text: &str) -> Judged {
    judge(&Document::parse(text).unwrap(), &around())
}

/// Code and first line of each finding, sorted.
fn found(text: &str) -> Vec<(&'static str, usize)> {
    let mut found: Vec<_> = judged(text)
        .findings
        .iter()
        .map(|finding| (finding.code, finding.lines.first().copied().unwrap_or(0)))
        .collect();
    found.sort_unstable();
    found
}

fn line_of(text: &str, part: &str) -> usize {
    text.lines().position(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}")) + 1
}

/// Every row of the list of faults that was measured for the document, at its line.
#[test]
fn every_fault_of_the_documents_first_block_is_found() {
    let at = |part| line_of(DOCUMENT, part);
    let second_bind =
        DOCUMENT.lines().enumerate().filter(|(_, line)| line.contains("bind *:443")).nth(1).unwrap().0 + 1;
    let expected = [
        ("not-http", at("redirect scheme")),
        ("no-global", 0),
        ("no-timeouts", 0),
        ("no-request-timeout", 0),
        ("removed-option", at("forceclose")),
        ("option-without-effect", at("http-server-close")),
        ("ignored-timeout", at("timeout client 1h")),
        ("headers-in-httpchk", at("httpchk")),
        ("localhost-server", at("localhost:8768")),
        ("acl-means-or", at("hdr(Upgrade)")),
        ("part-of-a-host-name", at("hdr_beg(Host)")),
        ("redirect-of-challenges", at("redirect scheme")),
        ("same-port", at("bind *:443")),
        ("unknown-backend", at("other_backend")),
        ("path-too-wide", at("path_beg")),
        ("condition-without-effect", at("use_backend hal_voice_backend if is_websocket")),
        ("statistics-exposed", at("bind *:8404")),
        ("weak-statistics-password", at("stats auth")),
        ("ipv4-only", at("bind *:443")),
        ("ipv4-only", at("bind *:80")),
        ("no-alpn", at("bind *:443")),
        ("not-told-for-whom", at("server voice_gateway")),
    ];
    let found = found(DOCUMENT);
    for fault in expected {
        assert!(found.contains(&fault), "{fault:?} in {found:#?}");
    }
    let same_port =
        judged(DOCUMENT).findings.into_iter().find(|finding| finding.code == "same-port").unwrap();
    assert_eq!(same_port.lines, [at("bind *:443"), second_bind]);
}

#[test]
fn every_fault_of_the_halves_and_of_the_simple_configuration_is_found() {
    let codes = |text| found(text).into_iter().map(|(code, _)| code).collect::<Vec<_>>();
    let (first, second) = halves();
    for code in ["not-http", "removed-option", "headers-in-httpchk", "acl-means-or", "redirect-of-challenges"]
    {
        assert!(codes(first).contains(&code), "{code}: {:?}", codes(first));
    }
    assert!(!codes(first).contains(&"same-port"));
    let second = codes(second);
    assert_eq!(second.iter().filter(|code| **code == "unknown-backend").count(), 2, "{second:?}");
    for code in ["not-http", "no-timeouts", "path-too-wide", "statistics-exposed", "weak-statistics-password"]
    {
        assert!(second.contains(&code), "{code}: {second:?}");
    }
    let simple = codes(SIMPLE);
    for code in ["not-http", "no-timeouts", "localhost-server", "condition-without-effect"] {
        assert!(simple.contains(&code), "{code}: {simple:?}");
    }
    assert!(codes(first).contains(&"not-told-for-whom") && simple.contains(&"not-told-for-whom"));
    let together = codes(&format!("{DOCUMENT}\n{SIMPLE}"));
    assert!(together.contains(&"same-name"), "{together:?}");
}

/// Files with one fault each, and the document's: what becomes of them.
fn ill() -> Vec<(String, String)> {
    let mut ill = vec![
        ("document".to_owned(), DOCUMENT.to_owned()),
        ("document, first half".to_owned(), halves().0.to_owned()),
        ("document, second half".to_owned(), halves().1.to_owned()),
        ("document, simple".to_owned(), SIMPLE.to_owned()),
        ("document, all in one file".to_owned(), format!("{DOCUMENT}\n{SIMPLE}")),
        ("document, with its fence".to_owned(), format!("```haproxy\n{SIMPLE}```\n")),
        ("document, backslashes doubled".to_owned(), DOCUMENT.replace('\\', "\\\\")),
    ];
    for (fault, change) in FAULTS {
        let text = change(HEALTHY);
        assert_ne!(text, HEALTHY, "{fault}");
        ill.push(((*fault).to_owned(), text));
    }
    ill
}

/// A file without a fault, to put one in.
const HEALTHY: &str = "\
global
    log stderr format raw local0
    maxconn 400
defaults
    log global
    mode http
    option httplog
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout http-request 10s
    timeout tunnel 1h
frontend web
    bind 127.0.0.1:8480
    acl voice path /voice /ws
    acl voice path_beg /voice/ /ws/
    http-request set-header X-Forwarded-For %[src]
    use_backend hal_voice if voice
    default_backend site
backend hal_voice
    option httpchk
    http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host hal.example.test
    http-check expect status 200
    server gateway1 127.0.0.1:8768 check
backend site
    server web 127.0.0.1:8080 check
frontend statistics
    bind 127.0.0.1:8404
    stats enable
    stats uri /stats
";

type Change = fn(&str) -> String;

/// Behind `line`, one more.
fn behind(text: &str, line: &str, more: &str) -> String {
    text.replacen(&format!("\n{line}\n"), &format!("\n{line}\n{more}\n"), 1)
}

/// The code that must be found, and how the healthy file gets the fault.
const FAULTS: &[(&str, Change)] = &[
    ("no-final-newline", |text| text.trim_end().to_owned()),
    ("line-continuation", |text| {
        text.replace("server web 127.0.0.1:8080 check", "server web 127.0.0.1:8080 \\\\\n        check")
    }),
    ("removed-option", |text| behind(text, "backend site", "    option http-tunnel")),
    ("removed-option", |text| behind(text, "backend site", "    srvtimeout 20s")),
    ("removed-option", |text| behind(text, "backend site", "    timeout srvtimeout 20s")),
    ("removed-option", |text| behind(text, "frontend web", "    reqadd X-From:\\ a\\ proxy")),
    ("removed-option", |text| behind(text, "backend site", "    redispatch")),
    ("removed-option", |text| behind(text, "frontend web", "    block if { path /secret }")),
    ("upgrade-removed", |text| behind(text, "frontend web", "    http-request del-header Upgrade")),
    ("upgrade-removed", |text| behind(text, "frontend web", "    http-request set-header Connection close")),
    ("handshake-as-check", |text| {
        text.replace("hdr Host hal.example.test", "hdr Host hal.example.test hdr Upgrade websocket")
    }),
    ("handshake-as-check", |text| text.replace("expect status 200", "expect status 101")),
    ("nobody-checked", |text| text.replace("8768 check", "8768")),
    ("localhost-server", |text| text.replace("127.0.0.1:8768", "LOCALHOST:8768")),
    ("listener-port", |text| text.replace("127.0.0.1:8768", "127.0.0.1:8767")),
    ("path-too-wide", |text| {
        text.replace("use_backend hal_voice if voice", "use_backend hal_voice if { path_beg /voice /ws }")
    }),
    ("part-of-a-host-name", |text| {
        behind(text, "    acl voice path /voice /ws", "    acl host hdr_beg(Host) -i hal.example.test")
    }),
    ("same-port", |text| text.replace("bind 127.0.0.1:8404", "bind 127.0.0.1:8404\n    bind 127.0.0.1:8404")),
    ("same-name", |text| format!("{text}backend site\n    server other 127.0.0.1:8081\n")),
    ("unknown-backend", |text| text.replace("default_backend site", "default_backend sites")),
    ("unknown-backend", |text| text.replace("default_backend site", "default_backend elsewhere")),
    ("redirect-of-challenges", |text| {
        behind(text, "    bind 127.0.0.1:8480", "    redirect scheme https unless { ssl_fc }")
    }),
    ("statistics-exposed", |text| text.replace("bind 127.0.0.1:8404", "bind :8404")),
    ("statistics-exposed", |text| text.replace("bind 127.0.0.1:8480", "bind :8480\n    stats enable")),
    ("statistics-admin", |text| behind(text, "    stats uri /stats", "    stats admin if TRUE")),
    ("weak-statistics-password", |text| behind(text, "    stats uri /stats", "    stats auth admin:admin")),
    ("ignored-timeout", |text| behind(text, "backend site", "    timeout client 1h")),
    ("ignored-timeout", |text| behind(text, "frontend web", "    timeout server 1h")),
    ("not-http", |text| text.replace("    mode http\n", "")),
    ("not-http", |text| text.replace("    mode http\n", "    mode tcp\n")),
    ("not-http", |text| behind(text, "frontend web", "    mode tcp")),
    ("no-timeouts", |text| text.replace("    timeout client 30s\n", "")),
    ("no-request-timeout", |text| text.replace("    timeout http-request 10s\n", "")),
    ("no-tunnel-timeout", |text| text.replace("    timeout tunnel 1h\n", "")),
    ("short-tunnel-timeout", |text| text.replace("timeout tunnel 1h", "timeout tunnel 30s")),
    ("removed-option", |text| {
        text.replace("frontend statistics\n    bind 127.0.0.1:8404\n", "frontend statistics 127.0.0.1:8404\n")
    }),
    ("upgrade-removed", |text| behind(text, "frontend web", "    http-response del-header Upgrade")),
    ("upgrade-removed", |text| behind(text, "frontend web", "    http-request set-header Upgrade h2c")),
    ("not-told-for-whom", |text| text.replace("    http-request set-header X-Forwarded-For %[src]\n", "")),
    ("not-told-for-whom", |text| text.replace("X-Forwarded-For %[src]", "X-Forwarded-Proto https")),
    ("forwarded-by-client", |text| {
        text.replace("http-request set-header X-Forwarded-For %[src]", "option forwardfor if-none")
    }),
    ("order-of-rules", |text| {
        behind(text, "    use_backend hal_voice if voice", "    http-request del-header X-A")
    }),
    ("http-1.0-errors", |text| {
        behind(text, "    mode http", "    errorfile 503 /etc/haproxy/errors/503.http")
    }),
    ("markdown-fence", |text| format!("```haproxy\n{text}```\n")),
    ("acl-means-or", |text| {
        text.replace("    acl voice path_beg /voice/ /ws/", "    acl voice hdr(Upgrade) -i websocket")
    }),
];

#[test]
fn each_fault_is_found_by_its_name_and_a_healthy_file_has_none() {
    assert_eq!(found(HEALTHY), []);
    for (fault, change) in FAULTS {
        let text = change(HEALTHY);
        let found = found(&text);
        assert!(found.iter().any(|(code, _)| code == fault), "{fault}: {found:?}\n{text}");
        let errors = found.iter().filter(|(code, _)| code != fault).collect::<Vec<_>>();
        assert!(errors.is_empty(), "{fault} finds more: {errors:?}");
    }
}

#[test]
fn files_that_hal_writes_have_no_fault() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/edge/golden");
    for entry in fs::read_dir(golden).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("snippet") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(found(&text), [], "{}", path.display());
    }
}

#[test]
fn a_corrected_file_has_nothing_left_that_could_be_corrected() {
    for (name, text) in ill() {
        let once = judged(&text);
        assert!(once.corrected.ends_with('\n'), "{name}");
        let again = judged(&once.corrected);
        let left: Vec<_> = again.findings.iter().filter(|finding| finding.applied).collect();
        assert!(left.is_empty(), "{name}: {left:#?}\n{}", once.corrected);
        assert_eq!(again.corrected, once.corrected, "{name}");
    }
}

#[test]
fn the_installed_haproxy_accepts_every_corrected_file_without_a_warning() {
    let program = Path::new("haproxy");
    let Some(abilities) = installed::abilities(program) else {
        eprintln!("skipped: haproxy is not installed (apt-get install haproxy)");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let request = certs::SelfSigned::new(&["hal.example.test"], dir.path(), 1_800_000_000).unwrap();
    let pem = certs::self_signed(&request).unwrap().pem;
    let file = dir.path().join("x.cfg");
    for (name, text) in ill() {
        let text = text.replace("/path/to/certificate.pem", pem.to_str().unwrap());
        let is_document = name.starts_with("document");
        if is_document {
            fs::write(&file, &text).unwrap();
            assert_ne!(installed::check(program, &file).unwrap(), Checked::Clean, "{name}");
        }
        let domains = [None, Some(Domain::parse("hal.example.test").unwrap())];
        for domain in domains.into_iter().take(if is_document { 2 } else { 1 }) {
            let around = Circumstances { version: abilities.version, domain, ..around() };
            let corrected = judge(&Document::parse(&text).unwrap(), &around).corrected;
            fs::write(&file, &corrected).unwrap();
            assert_eq!(installed::check(program, &file).unwrap(), Checked::Clean, "{name}\n{corrected}");
        }
    }
}

#[test]
fn rules_of_two_frontends_on_one_port_end_up_in_one() {
    let corrected = judged(DOCUMENT).corrected;
    assert_eq!(corrected.matches("bind *:443").count(), 1, "{corrected}");
    assert_eq!(corrected.matches("mode http").count(), 1, "in the defaults, for all: {corrected}");
    assert!(!corrected.contains("frontend hal_https_frontend"), "{corrected}");
    let one = corrected.find("frontend hal_voice_frontend").unwrap();
    let next = corrected[one..].find("\nbackend ").unwrap();
    let frontend = &corrected[one..one + next];
    assert!(frontend.contains("acl is_voice path /voice /ws"), "{frontend}");
}

#[test]
fn a_frontend_that_passes_connections_on_stays_as_it_is() {
    let text = "defaults\n    timeout connect 1s\n    timeout client 1s\n    timeout server 1s\n    timeout tunnel 1h\n    \
                timeout http-request 1s\nfrontend ssh\n    bind :2222\n    default_backend ssh\nbackend ssh\n    server s \
                127.0.0.1:22\nfrontend web\n    bind :80\n    http-request deny if { path /x }\n    default_backend \
                hal\nbackend hal\n    server s 127.0.0.1:8768\n";
    let corrected = judged(text).corrected;
    for section in ["frontend web", "backend hal"] {
        assert!(corrected.contains(&format!("{section}\n    mode http\n")), "{corrected}");
    }
    assert_eq!(corrected.matches("mode http").count(), 2, "{corrected}");
}

#[test]
fn acls_of_one_name_keep_their_meaning_when_they_move() {
    let text = "defaults\n    mode http\n    timeout connect 1s\n    timeout client 1s\n    timeout server 1s\n    \
                timeout http-request 1s\nfrontend a\n    bind :80\n    acl x path /a\n    use_backend one if x\nfrontend b\n    \
                bind :80\n    acl x path /b\n    use_backend two if x\nbackend one\n    server s 127.0.0.1:1\nbackend two\n    \
                server s 127.0.0.1:2\n";
    let corrected = judged(text).corrected;
    assert!(
        corrected.contains("acl x_2 path /b") && corrected.contains("use_backend two if x_2"),
        "{corrected}"
    );
}

#[test]
fn the_document_means_a_websocket_and_hals_name_and_gets_both_into_the_condition() {
    let text = halves().0.replace("default_backend hal_voice_backend", "default_backend other");
    let corrected = judged(&text).corrected;
    assert!(
        corrected.contains("use_backend hal_voice_backend if is_websocket is_websocket_host"),
        "{corrected}"
    );
}

#[test]
fn with_a_name_the_corrections_name_it() {
    let domain = Some(Domain::parse("hal.example.test").unwrap());
    let around = Circumstances { domain, ..around() };
    let corrected = judge(&Document::parse(halves().0).unwrap(), &around).corrected;
    for part in [
        "req.hdr(Host),host_only -m str -i hal.example.test",
        "redirect prefix https://hal.example.test code 301",
        "http-request return status 421 unless hal_host",
        "uri /healthz ver HTTP/1.1 hdr Host hal.example.test",
    ] {
        assert!(corrected.contains(part), "{part}\n{corrected}");
    }
    assert!(!corrected.contains("hdr_beg"), "{corrected}");
}

#[test]
fn certificates_are_judged_by_what_they_are() {
    let text = HEALTHY.replace("bind 127.0.0.1:8480", "bind 127.0.0.1:8480 ssl crt /c.pem alpn h2");
    let check = |state: FileState, code: Option<&str>| {
        let mut around = around();
        around.files.insert("/c.pem".to_owned(), state.clone());
        let findings = judge(&Document::parse(&text).unwrap(), &around).findings;
        let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, Vec::from_iter(code), "{state:?}");
        if code == Some("certificate") {
            around.cert = Some("/other.pem".to_owned());
            let corrected = judge(&Document::parse(&text).unwrap(), &around).corrected;
            assert!(corrected.contains("crt /other.pem alpn"), "{corrected}");
        }
    };
    let facts = |pem: &str| FileFacts::of(pem.as_bytes());
    let (cert, key) = ("-----BEGIN CERTIFICATE-----\nx\n", "-----BEGIN PRIVATE KEY-----\nx\n");
    check(FileState::Missing, Some("certificate"));
    check(FileState::Forbidden, Some("certificate-not-readable"));
    check(FileState::There(facts("")), Some("certificate"));
    check(FileState::There(facts(key)), Some("certificate"));
    check(FileState::There(facts(cert)), Some("certificate"));
    check(
        FileState::There(facts(&format!("{cert}-----BEGIN ENCRYPTED PRIVATE KEY-----\n"))),
        Some("certificate"),
    );
    check(FileState::There(facts(&format!("{cert}{key}"))), None);
    check(FileState::There(FileFacts { key_beside: true, ..facts(cert) }), None);
    let open = FileFacts { open_to_others: true, ..facts(&format!("{cert}{key}")) };
    check(FileState::There(open), Some("certificate-open"));
    check(FileState::Folder, None);
    assert_eq!(named_files(&Document::parse(&text).unwrap()), ["/c.pem"]);
    let based =
        Document::parse("global\n crt-base /etc/ssl\nfrontend a\n bind :1 ssl crt a.pem crt /b.pem\n")
            .unwrap();
    assert_eq!(named_files(&based), ["/b.pem", "/etc/ssl/a.pem"]);
}

#[test]
fn nothing_that_people_may_give_makes_it_fall() {
    // Every prefix of the document and of a healthy file, and both with lines in a wrong order.
    for text in [DOCUMENT, HEALTHY, SIMPLE] {
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)).step_by(7) {
            judged(&text[..end]);
        }
        let mut lines: Vec<&str> = text.lines().collect();
        for turn in 1..lines.len() {
            lines.rotate_left(turn);
            judged(&lines.join("\n"));
            lines.reverse();
            judged(&lines.join("\n"));
        }
    }
    for text in [
        "",
        "\n",
        "bind",
        "frontend",
        "frontend f\nbind",
        "backend b\nserver",
        "acl a",
        "timeout",
        "\\",
        "\"",
        "global",
    ] {
        judged(text);
    }
}

/// No rule may take a time that grows with the square of the file: of these, one that did would take minutes.
#[test]
fn long_files_are_judged_in_a_moment() {
    let repeated = [
        "frontend f{}\n    bind :80\n    use_backend x{} if { path_beg /voice }\n",
        "backend hal{}\n    timeout tunnel 1s\n    server s localhost:8767\n",
        "backend hal_voice\n    timeout client 1h\n    server s 127.0.0.1:8768\n",
        "listen l{}\n    http-check expect status 101\n    acl a{} hdr_beg(Host) x\n",
    ];
    for pattern in repeated {
        let text: String = (0..1_500).map(|number| pattern.replace("{}", &number.to_string())).collect();
        let document = Document::parse(&text[..text.len().min(1_000_000)]).unwrap();
        let judged = judge(&document, &around());
        assert!(judged.findings.len() > 500, "{pattern}");
    }
}

#[test]
fn whoever_tells_the_gateway_for_whom_it_asks_has_no_fault() {
    let header = "    http-request set-header X-Forwarded-For %[src]\n";
    assert!(HEALTHY.contains(header));
    let bare = HEALTHY.replace(header, "");
    for (line, more) in [
        ("    mode http", "    option forwardfor"),
        ("backend hal_voice", "    option forwardfor except 127.0.0.1"),
        ("frontend web", "    http-request add-header X-Forwarded-For %[src] if TRUE"),
        ("backend hal_voice", "    default-server send-proxy-v2"),
    ] {
        let text = behind(&bare, line, more);
        assert_eq!(found(&text), [], "{more}");
    }
    // Another machine is not taken for this one: then it is about addresses only.
    let severity = |text: &str| judged(text).findings[0].severity;
    assert_eq!(severity(&bare), Severity::Error);
    assert_eq!(severity(&bare.replace("127.0.0.1:8768", "192.0.2.7:8768")), Severity::Warning);
    // Passed on as it is, only a PROXY header can tell.
    let tcp = "defaults\n    timeout connect 1s\n    timeout client 1s\n    timeout server 1s\n    timeout tunnel 1h\nglobal\n    \
               maxconn 9\n    log stderr local0\nlisten hal\n    mode tcp\n    bind 127.0.0.1:8443\n    server g 127.0.0.1:8768 check\n";
    let through = tcp.replace("8768 check", "8768 check send-proxy-v2");
    assert_eq!(found(tcp), [("not-told-for-whom", 12)]);
    assert_eq!(found(&through), []);
}

#[test]
fn what_is_unusual_and_well_has_no_fault() {
    let start =
        "global\n    log stderr local0\n    maxconn 99\ndefaults\n    log global\n    timeout connect 5s\n";
    let tcp =
        format!("{start}    mode tcp\n    option tcplog\n    timeout client 1h\n    timeout server 1h\n");
    // TLS of the gateway's own, passed on; what QM's own clients use beside it.
    let through = format!(
        "{tcp}listen hal\n    bind 127.0.0.1:8443\n    server g 10.0.0.7:8768 check send-proxy-v2\nlisten qm\n    bind \
         127.0.0.1:4243\n    server q 10.0.0.7:4243 check\n"
    );
    assert_eq!(found(&through), []);
    // A listener for gateways of other machines, on its own.
    let listener = format!("{tcp}listen records\n    bind 10.0.0.2:8767\n    server q 10.0.0.7:8767 check\n");
    assert_eq!(found(&listener), []);
    assert_eq!(found(&listener.replace("10.0.0.7", "127.0.0.1")), [("not-told-for-whom", 13)]);
    // Where TLS ends here, HTTP is meant.
    let ended = through.replace("8443", "8443 ssl crt /c.pem alpn h2,http/1.1");
    assert!(found(&ended).iter().any(|(code, _)| *code == "not-http"), "{:?}", found(&ended));
    for line in [
        "    http-request set-header Upgrade websocket",
        "    http-request set-header Upgrade %[req.hdr(Upgrade)]",
    ] {
        assert_eq!(found(&behind(HEALTHY, "frontend web", line)), [], "{line}");
    }
}
