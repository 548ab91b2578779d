use std::fs;
use std::path::Path;

use super::render::word;
use super::*;
use crate::edge::certs;

fn domain() -> Domain {
    Domain::parse("hal.example.test").unwrap()
}

fn subdomain() -> HaproxyOptions {
    HaproxyOptions::new(Mode::Subdomain { domain: domain(), cert: CERT_DEFAULT.into() })
}

fn gateways(given: &[&str]) -> Vec<Gateway> {
    given.iter().map(|text| Gateway::parse(text).unwrap()).collect()
}

fn modes() -> Vec<Mode> {
    let cert = || CERT_DEFAULT.into();
    vec![
        Mode::Subdomain { domain: domain(), cert: cert() },
        Mode::Path {
            domain: Domain::parse("example.test").unwrap(),
            cert: cert(),
            site: Gateway::parse(SITE_DEFAULT).unwrap(),
        },
        Mode::Address { address: Some("192.0.2.10".parse().unwrap()), cert: cert() },
        Mode::Plain,
    ]
}

const VERSIONS: [(u16, u16); 4] = [(2, 4), (2, 8), (3, 0), (3, 2)];

/// Each mode for each version, each mode as a snippet of both kinds, and what else makes a file different.
fn samples() -> Vec<(String, HaproxyOptions)> {
    let mut samples = Vec::new();
    for mode in modes() {
        let options = HaproxyOptions::new(mode);
        let name = options.mode.name();
        for (major, minor) in VERSIONS {
            let abilities = Abilities { version: Version { major, minor }, prometheus: true };
            samples.push((
                format!("{name}-{major}.{minor}.cfg"),
                HaproxyOptions { abilities, ..options.clone() },
            ));
        }
        // What is installed where this was written: Debian 12.
        let abilities = Abilities { version: Version::ASSUMED, prometheus: true };
        let installed = HaproxyOptions { abilities, ..options };
        for (kind, form) in [("sections", Form::Sections), ("lines", Form::Lines)] {
            samples.push((
                format!("{name}-snippet-{kind}.cfg"),
                HaproxyOptions { form, stats_port: None, ..installed.clone() },
            ));
        }
        samples.push((format!("{name}.cfg"), installed));
    }
    samples.push((
        "subdomain-own-ca-two-gateways.cfg".to_owned(),
        HaproxyOptions {
            gateways: gateways(&["localhost:8768", "[fd00::5]:8768", "localhost:8769"]),
            ipv6: true,
            hsts: false,
            stats_port: None,
            https_port: 8443,
            http_port: 8080,
            proxy_v2: true,
            client_certs: Some("/var/lib/hal/client-ca/hal-client-ca.pem".into()),
            ..subdomain()
        },
    ));
    samples.push((
        "ip-any-address.cfg".to_owned(),
        HaproxyOptions {
            http_port: 8080,
            https_port: 8443,
            acme: Gateway::local(18_888),
            ..HaproxyOptions::new(Mode::Address { address: None, cert: CERT_DEFAULT.into() })
        },
    ));
    samples.push((
        "plain-foreground.cfg".to_owned(),
        HaproxyOptions {
            process: Process::Foreground { runtime_dir: Some("/tmp/hal run".into()) },
            http_port: 8080,
            ..HaproxyOptions::new(Mode::Plain)
        },
    ));
    samples
}

#[test]
fn files_are_as_reviewed() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/edge/golden");
    let samples = samples();
    for (name, options) in &samples {
        let rendered = render(options).unwrap();
        let path = golden.join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &rendered).unwrap();
        }
        let reviewed = fs::read_to_string(&path).unwrap_or_default();
        assert!(rendered == reviewed, "{name} differs; UPDATE_GOLDEN=1 rewrites it, then review the diff");
    }
    for entry in fs::read_dir(golden).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(samples.iter().any(|(sample, _)| *sample == name), "{name} belongs to no sample");
    }
}

#[test]
fn comments_fit_80_columns_and_so_do_most_lines() {
    for (name, options) in samples() {
        let text = render(&options).unwrap();
        for line in text.lines() {
            if line.trim_start().starts_with('#') {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
        }
        let long = text.lines().filter(|line| line.chars().count() > 80).count();
        assert!(long * 8 < text.lines().count(), "{name}: {long} long lines");
    }
}

#[test]
fn the_installed_haproxy_accepts_every_file_without_a_warning() {
    let program = Path::new("haproxy");
    let Some(found) = installed::abilities(program) else {
        eprintln!("skipped: haproxy is not installed (apt-get install haproxy)");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let request = certs::SelfSigned::new(&["hal.example.test"], dir.path(), 1_800_000_000).unwrap();
    let written = certs::self_signed(&request).unwrap();
    for (name, mut options) in samples() {
        options.abilities = found;
        if let Mode::Subdomain { cert, .. } | Mode::Path { cert, .. } | Mode::Address { cert, .. } =
            &mut options.mode
        {
            *cert = written.pem.clone();
        }
        options.client_certs = options.client_certs.map(|_| written.ca.clone());
        if name.contains("foreground") {
            options.process = Process::Foreground { runtime_dir: Some(dir.path().to_owned()) };
        }
        let file = dir.path().join(&name);
        let text = render(&options).unwrap();
        // A snippet is checked as it is used: behind what a file has already.
        let around = match options.form {
            Form::Whole => "",
            Form::Sections => "global\n    log stderr format raw local0\n\n",
            Form::Lines => {
                "global\n    log stderr format raw local0\n\ndefaults\n    mode http\n    timeout connect 5s\n    \
                 timeout client 30s\n    timeout server 30s\n\nfrontend site\n    bind :8443\n"
            }
        };
        fs::write(&file, format!("{around}{text}")).unwrap();
        let checked = installed::check(program, &file).unwrap();
        // A service file names the user and the chroot of the Debian package; a machine without them cannot load it.
        assert_eq!(checked, installed::Checked::Clean, "{name} with HAProxy {}", found.version);
    }
}

#[test]
fn clients_certificates_need_tls_and_their_header_is_never_the_clients() {
    let plain = HaproxyOptions { client_certs: Some("/ca.pem".into()), ..HaproxyOptions::new(Mode::Plain) };
    assert_eq!(render(&plain), Err(Refused::ClientCertsWithoutTls));
    for (name, options) in samples() {
        let text = render(&options).unwrap();
        let away = text.find("http-request del-header X-HAL-Client-Certificate").expect(&name);
        let told = text.find("http-request set-header X-HAL-Client-Certificate");
        assert_eq!(told.is_some(), options.client_certs.is_some(), "{name}");
        assert!(told.is_none_or(|told| told > away), "{name}");
    }
}

#[test]
fn every_section_that_is_used_exists() {
    for (name, options) in samples() {
        let text = render(&options).unwrap();
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{name}: one final newline");
        assert!(!text.contains("\n\n\n"), "{name}: no double blank lines");
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            if words.clone().next() == Some("#")
                || !words.any(|word| matches!(word, "default_backend" | "use_backend" | "table"))
            {
                continue;
            }
            let target = words.next().expect("a name follows");
            let plain = format!("\nbackend {target}\n");
            let from = format!("\nbackend {target} from hal_defaults\n");
            assert!(text.contains(&plain) || text.contains(&from), "{name}: backend {target}");
        }
    }
}

#[test]
fn what_the_original_description_got_wrong_is_never_written() {
    for (name, options) in samples() {
        let text = render(&options).unwrap();
        let config: String =
            text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
        for wrong in [
            "forceclose",
            "http-server-close",
            "localhost:8768",
            "errorfile",
            "stats auth",
            "*:8404",
            "other_backend",
            "path_beg /voice ",
            "hdr_beg",
        ] {
            assert!(!config.contains(wrong), "{name}: {wrong}");
        }
        assert!(config.contains("timeout tunnel 1h"), "{name}");
        assert!(config.contains("uri /healthz"), "{name}");
        assert!(!config.contains("replace-path"), "{name}: paths go through unchanged");
    }
}

#[test]
fn plain_mode_answers_private_networks_only_and_has_no_tls() {
    let text = render(&HaproxyOptions::new(Mode::Plain)).unwrap();
    assert!(text.contains("http-request deny deny_status 403 if !hal_private"));
    assert!(!text.contains(" ssl crt "));
    assert!(!text.contains("set-header Strict-Transport-Security"));
}

#[test]
fn the_redirect_names_the_port_only_when_it_is_not_443() {
    assert!(render(&subdomain()).unwrap().contains("redirect prefix https://hal.example.test code 301"));
    let other = HaproxyOptions { https_port: 8443, ..subdomain() };
    assert!(render(&other).unwrap().contains("redirect prefix https://hal.example.test:8443 code 301"));
}

#[test]
fn a_foreground_file_needs_no_root() {
    let process = Process::Foreground { runtime_dir: None };
    let text = render(&HaproxyOptions { process, ..HaproxyOptions::new(Mode::Plain) }).unwrap();
    for root_only in
        ["\n    user ", "\n    group ", "\n    chroot ", "\n    daemon", "/dev/log", "stats socket"]
    {
        assert!(!text.contains(root_only), "{root_only}");
    }
}

#[test]
fn newer_haproxy_gets_what_only_it_knows() {
    let with = |major, minor| {
        let abilities = Abilities { version: Version { major, minor }, prometheus: false };
        render(&HaproxyOptions { abilities, ..subdomain() })
    };
    assert!(!with(2, 6).unwrap().contains("client-hs"));
    assert!(!with(2, 6).unwrap().contains("bwlim-in"));
    assert!(with(2, 8).unwrap().contains("filter bwlim-in"));
    assert!(with(3, 0).unwrap().contains("timeout client-hs 10s"));
    assert!(matches!(with(2, 2), Err(Refused::TooOld { .. })));
}

#[test]
fn gateways_are_read_or_refused_with_the_reason() {
    fn check(given: &str, expected: Result<&str, &str>) {
        match (Gateway::parse(given), expected) {
            (Ok(gateway), Ok(text)) => assert_eq!(gateway.to_string(), text, "{given}"),
            (Err(Refused::Gateway { why, .. }), Err(part)) => assert!(why.contains(part), "{given}: {why}"),
            (other, _) => panic!("{given}: {other:?}"),
        }
    }
    check("192.168.1.5:8768", Ok("192.168.1.5:8768"));
    check("localhost:8768", Ok("127.0.0.1:8768"));
    check("LOCALHOST:1", Ok("127.0.0.1:1"));
    check("[::1]:8768", Ok("[::1]:8768"));
    check(" gateway.lan:8768 ", Ok("gateway.lan:8768"));
    check("192.168.1.5", Err("port is missing"));
    check("192.168.1.5:0", Err("1 to 65535"));
    check("192.168.1.5:99999", Err("1 to 65535"));
    check("ws://192.168.1.5:8768", Err("without a scheme"));
    check("::1:8768", Err("[ADDRESS]:PORT"));
    check("[fe80]:8768", Err("no IPv6 address"));
    check("bad host:8768", Err("not an address and not a name"));
    check("a\nserver evil:1", Err("not an address and not a name"));
    assert!(Gateway::parse("localhost:8768").unwrap().was_localhost());
}

#[test]
fn domains_are_read_or_refused_with_the_reason() {
    fn check(given: &str, expected: Result<&str, &str>) {
        match (Domain::parse(given), expected) {
            (Ok(domain), Ok(text)) => assert_eq!(domain.as_str(), text, "{given}"),
            (Err(Refused::Domain { why, .. }), Err(part)) => assert!(why.contains(part), "{given}: {why}"),
            (other, _) => panic!("{given}: {other:?}"),
        }
    }
    check("HAL.Example.test.", Ok("hal.example.test"));
    check("https://hal.example.test/", Err("bare name"));
    check("hal.example.test:443", Err("--https-port"));
    check("192.0.2.10", Err("routes by name"));
    check("[::1]", Err("routes by name"));
    check("*.example.test", Err("labels"));
    check("-hal.example.test", Err("labels"));
    check("hal..example", Err("labels"));
    check("hal.example\n  daemon", Err("labels"));
    check("", Err("empty"));
}

#[test]
fn contradictions_and_unsafe_words_are_refused() {
    let same = HaproxyOptions { http_port: 443, ..subdomain() };
    assert!(matches!(render(&same), Err(Refused::SamePort { port: 443, .. })));
    let none = HaproxyOptions { gateways: vec![], ..subdomain() };
    assert!(matches!(render(&none), Err(Refused::NoGateway)));
    let zero = HaproxyOptions { http_port: 0, ..HaproxyOptions::new(Mode::Plain) };
    assert!(matches!(render(&zero), Err(Refused::NoPort { what: "http" })));
    let many = HaproxyOptions { websockets_per_address: 0, ..subdomain() };
    assert!(matches!(render(&many), Err(Refused::WebSocketsPerAddress { .. })));
    // A plain installation has no use for the TLS port, so it cannot clash.
    let unused = HaproxyOptions { http_port: 443, ..HaproxyOptions::new(Mode::Plain) };
    assert!(render(&unused).is_ok());

    assert_eq!(word(Path::new("/etc/hal/a b.pem")).unwrap(), "'/etc/hal/a b.pem'");
    assert_eq!(word(Path::new("/etc/$HOME/x")).unwrap(), "'/etc/$HOME/x'");
    for bad in ["/etc/it's here", "/etc/a\nbind :1", ""] {
        assert!(matches!(word(Path::new(bad)), Err(Refused::Path { .. })), "{bad:?}");
    }
}

#[test]
fn a_shared_frontend_keeps_its_other_requests_as_they_were() {
    for (name, options) in samples() {
        let shared = options.form == Form::Lines || matches!(options.mode, Mode::Path { .. });
        if !shared {
            continue;
        }
        let text = render(&options).unwrap();
        let rules = text
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("http-after-response") || line.starts_with("http-request deny"));
        for rule in rules.filter(|rule| *rule != "http-after-response set-header X-HAL-Proxy haproxy") {
            assert!(rule.contains(" if is_hal"), "{name}: {rule}");
        }
    }
}

#[test]
fn the_address_of_ip_mode_is_read_or_refused_with_the_reason() {
    fn check(given: &str, expected: Result<&str, &str>) {
        match (parse_address(given), expected) {
            (Ok(address), Ok(text)) => assert_eq!(address.to_string(), text, "{given}"),
            (Err(Refused::Address { why, .. }), Err(part)) => assert!(why.contains(part), "{given}: {why}"),
            (other, _) => panic!("{given}: {other:?}"),
        }
    }
    check("192.0.2.10", Ok("192.0.2.10"));
    check("[2001:db8::1]", Ok("2001:db8::1"));
    check("2001:db8::1", Ok("2001:db8::1"));
    check("0.0.0.0", Err("that clients use"));
    check("https://192.0.2.10/", Err("without https://"));
    check("hal.example.test", Err("--mode subdomain"));
    check("192.0.2.10\n    daemon", Err("not an address"));
    let six = Mode::Address { address: Some("2001:db8::1".parse().unwrap()), cert: CERT_DEFAULT.into() };
    let text = render(&HaproxyOptions::new(six)).unwrap();
    assert!(text.contains("redirect prefix https://[2001:db8::1] code 301"), "{text}");
}
