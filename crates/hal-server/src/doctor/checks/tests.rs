//! What cannot be staged everywhere is judged from facts; what a judge must not say, too.

use super::judge;
use crate::doctor::facts::*;

fn codes(facts: &Facts) -> Vec<&'static str> {
    judge(facts).findings().map(|finding| finding.code).collect()
}

fn server(change: impl FnOnce(&mut Server)) -> Facts {
    let mut server = Server::default();
    change(&mut server);
    Facts { format: FORMAT, now: 1_800_000_000, server: Some(server), ..Facts::default() }
}

fn listening(address: &str, inode: u64, pid: u32, program: &str) -> Listening {
    let holders = vec![Holder { pid, parent: 1, program: program.to_owned() }];
    Listening { address: address.parse().expect("an address"), inode, holders }
}

#[test]
fn facts_are_written_down_and_judged_the_same_elsewhere() {
    let facts = server(|server| {
        server.disk = Some(Disk { path: "/data".into(), free_bytes: 7 << 20 });
        server.ports =
            Some(vec![listening("0.0.0.0:443", 1, 10, "haproxy"), listening("0.0.0.0:443", 2, 11, "nginx")]);
    });
    let text = serde_json::to_string(&facts).expect("facts are plain data");
    let read: Facts = serde_json::from_str(&text).expect("they read back");
    assert_eq!(read, facts);
    assert_eq!(codes(&read), ["port.two-listeners", "disk.full"]);
}

#[test]
fn old_facts_without_newer_fields_are_read() {
    let facts: Facts =
        serde_json::from_str(r#"{"format":1,"now":5,"server":{"disk":{"path":"/","free_bytes":9}}}"#)
            .expect("missing fields have defaults");
    assert_eq!(codes(&facts), ["disk.full"]);
}

#[test]
fn nothing_seen_is_nothing_wrong() {
    assert!(codes(&Facts::default()).is_empty());
    assert!(codes(&server(|_| {})).is_empty());
    assert!(judge(&Facts::default()).healthy);
}

/// Firewalls and absent hosts are also staged end to end, where root may make networks.
#[test]
fn the_way_a_connection_fails_tells_who_is_in_the_way() {
    let check = |outcome: Reached, took_ms: u64, neighbour: Reached, expected: &str| {
        let connect = |port: u16, outcome: &Reached| Connect {
            address: ([192, 0, 2, 7], port).into(),
            outcome: outcome.clone(),
            took_ms,
        };
        let client = Client {
            target: Target { secure: true, host: "192.0.2.7".into(), port: 443, path: String::new() },
            tcp: vec![connect(443, &outcome)],
            neighbours: vec![connect(80, &neighbour)],
            ..Client::default()
        };
        let facts = Facts { format: FORMAT, clients: vec![client], ..Facts::default() };
        assert_eq!(codes(&facts), [expected], "{outcome:?} {took_ms}");
    };
    check(Reached::Refused, 0, Reached::Refused, "tcp.refused");
    check(Reached::TimedOut, 4000, Reached::Connected, "tcp.filtered");
    check(Reached::TimedOut, 4000, Reached::Refused, "tcp.filtered");
    check(Reached::TimedOut, 4000, Reached::TimedOut, "tcp.timeout");
    check(Reached::HostUnreachable, 0, Reached::HostUnreachable, "tcp.rejected");
    check(Reached::HostUnreachable, 3100, Reached::HostUnreachable, "tcp.host-absent");
    check(Reached::NetworkUnreachable, 0, Reached::NetworkUnreachable, "tcp.no-route");
    check(Reached::Reset, 0, Reached::Refused, "limit.connections");
}

/// ufw is judged from recorded facts: the tests run where it is not installed.
#[test]
fn ufw_lets_in_what_its_first_fitting_rule_says() {
    let check = |rules: &[&str], default: &str, expected: &[&str]| {
        let facts = server(|server| {
            server.ports = Some(vec![listening("0.0.0.0:443", 1, 10, "haproxy")]);
            let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
            server.firewall.ufw = Some(Ufw { active: true, default: default.to_owned(), rules });
        });
        assert_eq!(codes(&facts), expected, "{rules:?} {default}");
    };
    check(&["22/tcp ALLOW"], "deny", &["firewall.closed"]);
    check(&["22/tcp ALLOW", "443/tcp ALLOW"], "deny", &[]);
    check(&["80,443/tcp ALLOW"], "deny", &[]);
    check(&["400:500/tcp ALLOW"], "deny", &[]);
    check(&["443/tcp DENY"], "allow", &["firewall.closed"]);
    check(&["443/tcp ALLOW some"], "deny", &[]);
    check(&[], "allow", &[]);
}

/// The Windows firewall is judged from recorded facts.
#[test]
fn the_windows_firewall_needs_a_rule_for_a_port_that_others_use() {
    let check = |address: &str, actions: &[&str], expected: &[&str]| {
        let facts = server(|server| {
            server.settings.gateway = Some(address.parse().expect("an address"));
            let rule = |action: &&str| WindowsRule { port: "8768".into(), action: (*action).to_owned() };
            server.firewall.windows = Some(actions.iter().map(rule).collect());
        });
        assert_eq!(codes(&facts), expected, "{address} {actions:?}");
    };
    check("0.0.0.0:8768", &[], &["firewall.closed"]);
    check("0.0.0.0:8768", &["Allow"], &[]);
    check("127.0.0.1:8768", &[], &[]);
}

#[test]
fn nftables_is_believed_only_as_far_as_it_is_understood() {
    let rule = |ports: Option<Vec<(u16, u16)>>, unsure: bool, verdict: &str| Rule {
        ports,
        unsure,
        verdict: verdict.to_owned(),
        ..Rule::default()
    };
    let check = |policy: &str, rules: Vec<Rule>, expected: &[&str]| {
        let facts = server(|server| {
            server.ports = Some(vec![listening("[::]:443", 1, 10, "haproxy")]);
            let chain = Chain {
                table: "inet filter".into(),
                name: "input".into(),
                base: true,
                policy: policy.to_owned(),
                rules,
                ..Chain::default()
            };
            server.firewall.nft = Some(vec![chain]);
        });
        assert_eq!(codes(&facts), expected);
    };
    let https = || Some(vec![(443, 443)]);
    check("drop", vec![], &["firewall.closed"]);
    check("drop", vec![rule(https(), false, "accept")], &[]);
    check("accept", vec![rule(https(), false, "drop")], &["firewall.closed"]);
    check("accept", vec![rule(Some(vec![(1, 100)]), false, "drop")], &[]);
    // Some addresses are let in, or kept out: nobody knows whether that was meant so.
    check("drop", vec![rule(https(), true, "accept")], &[]);
    check("accept", vec![rule(None, true, "drop")], &[]);
    check("drop", vec![rule(None, false, "jump nowhere")], &[]);
}

#[test]
fn one_haproxy_may_open_a_port_once_for_each_group_of_threads() {
    let facts = server(|server| {
        server.ports = Some(vec![
            listening("0.0.0.0:443", 1, 10, "haproxy"),
            listening("0.0.0.0:443", 2, 10, "haproxy"),
        ]);
        let bind = Bind { line: 1, host: "*".into(), port: 443, tls: true, certificates: Vec::new() };
        let front =
            Proxy { kind: "frontend".into(), name: "hal".into(), binds: vec![bind], ..Proxy::default() };
        let process = HaproxyProcess {
            pid: 10,
            parent: 1,
            worker: false,
            started: None,
            master_socket: None,
            configs: Vec::new(),
        };
        server.haproxy = Some(Haproxy {
            version: Some("3.0".into()),
            check: Check::Clean,
            processes: vec![process],
            servers: Some(Vec::new()),
            config: Config {
                path: "/etc/haproxy/haproxy.cfg".into(),
                proxies: vec![front],
                ..Config::default()
            },
            ..Haproxy::default()
        });
    });
    assert!(codes(&facts).is_empty(), "{:?}", codes(&facts));
}

#[test]
fn a_short_lived_certificate_is_not_always_about_to_end() {
    let check = |life_days: i64, left_days: i64, expected: &[&str]| {
        let now = 1_800_000_000;
        let leaf = Certificate {
            subject: "CN=x".into(),
            issuer: "CN=y".into(),
            names: vec!["h.test".into()],
            not_before: now - (life_days - left_days) * 86_400,
            not_after: now + left_days * 86_400 + 60,
            is_ca: false,
        };
        let tls = Tls { outcome: Handshake::Done, trust: Some(Trust::Trusted), chain: vec![leaf] };
        let target = Target { secure: true, host: "h.test".into(), port: 443, path: String::new() };
        let client = Client { target, tls: Some(tls), ..Client::default() };
        // No address was found is the name's affair; here one was.
        let client =
            Client { dns: Dns { addresses: vec![[192, 0, 2, 1].into()], ..Dns::default() }, ..client };
        let facts = Facts { format: FORMAT, now, clients: vec![client], ..Facts::default() };
        assert_eq!(codes(&facts), expected, "{life_days} {left_days}");
    };
    check(90, 40, &[]);
    check(90, 10, &["tls.ends-soon"]);
    check(6, 3, &[]);
    check(6, 1, &["tls.ends-soon"]);
}

#[test]
fn every_code_is_written_in_the_document() {
    let document = include_str!("../../../../../docs/doctor.md");
    let sources = [
        include_str!("answer.rs"),
        include_str!("backends.rs"),
        include_str!("certificate.rs"),
        include_str!("certificate_files.rs"),
        include_str!("connection.rs"),
        include_str!("database.rs"),
        include_str!("firewall.rs"),
        include_str!("gateway.rs"),
        include_str!("haproxy.rs"),
        include_str!("http.rs"),
        include_str!("idle.rs"),
        include_str!("listener.rs"),
        include_str!("machine.rs"),
        include_str!("mod.rs"),
        include_str!("name.rs"),
        include_str!("ports.rs"),
        include_str!("upgrade.rs"),
    ];
    let is_code = |text: &str| {
        text.split_once('.').is_some_and(|(area, rest)| {
            !area.is_empty()
                && !rest.is_empty()
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b))
        })
    };
    let mut count = 0;
    for text in sources.iter().flat_map(|source| source.split('"')).filter(|text| is_code(text)) {
        if text.ends_with(".rs") || text.bytes().all(|b| !b.is_ascii_lowercase()) {
            continue;
        }
        count += 1;
        assert!(document.contains(&format!("`{text}`")), "docs/doctor.md does not name {text}");
    }
    assert!(count > 60, "only {count} codes were found");
}
