//! Where faults are staged for `hal doctor`: certificates, HAProxy files, a DNS server, a proxy that tampers, a network
//! of one's own. All of it real: what cannot be staged is not counted.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hal_sim::haproxy::Haproxy;
use hal_sim::server::hal;
use hal_sim::{ports, programs};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::household::Household;

/// A port at which nothing listens, and no other test will: it is below those that tests take.
pub(crate) const CLOSED: u16 = 1;

/// What all stages share: one server, and an authority that clients are told to trust.
#[derive(Debug)]
pub(crate) struct Theatre {
    pub(crate) home: Household,
    pub(crate) folder: TempDir,
    pub(crate) authority: Authority,
    count: AtomicUsize,
}

impl Theatre {
    pub(crate) fn open() -> Theatre {
        let folder = TempDir::new().expect("a temporary folder");
        let authority = Authority::new("HAL theatre CA");
        std::fs::write(folder.path().join("ca.pem"), &authority.pem).expect("written");
        Theatre { home: Household::start(), folder, authority, count: AtomicUsize::new(0) }
    }

    pub(crate) fn gateway(&self) -> u16 {
        self.home.server.gateway_port
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A folder of its own for one stage.
    pub(crate) fn room(&self) -> PathBuf {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let room = self.folder.path().join(format!("stage{number}"));
        std::fs::create_dir_all(&room).expect("created");
        room
    }

    /// A good certificate for `localhost` and `hal.test`.
    pub(crate) fn good_pem(&self) -> String {
        self.authority.sign(|_| {})
    }
}

/// A CA of the tests.
#[derive(Debug)]
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let key = KeyPair::generate().expect("a key");
        let params = ca_params(name);
        let pem = params.self_signed(&key).expect("signed").pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// An authority below this one.
    pub(crate) fn intermediate(&self, name: &str) -> Authority {
        let key = KeyPair::generate().expect("a key");
        let params = ca_params(name);
        let pem = params.signed_by(&key, &self.issuer).expect("signed").pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// Leaf and key in one PEM. `change` makes it what the stage wants.
    pub(crate) fn sign(&self, change: impl FnOnce(&mut CertificateParams)) -> String {
        let (leaf, key) = self.sign_apart(change);
        leaf + &key
    }

    pub(crate) fn sign_apart(&self, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = leaf_params();
        change(&mut params);
        let leaf = params.signed_by(&key, &self.issuer).expect("signed").pem();
        (leaf, key.serialize_pem())
    }
}

/// Signed by itself, leaf and key.
pub(crate) fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = leaf_params();
    params.use_authority_key_identifier_extension = false;
    change(&mut params);
    (params.self_signed(&key).expect("signed").pem(), key.serialize_pem())
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "stage");
    params.subject_alt_names = [localhost(), dns_name("hal.test")].into();
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2090, 1, 1);
    params
}

fn localhost() -> SanType {
    dns_name("localhost")
}

pub(crate) fn dns_name(name: &str) -> SanType {
    SanType::DnsName(name.to_owned().try_into().expect("a name"))
}

/// A HAProxy with one frontend, for a stage to change.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    /// Lines of `global`.
    pub(crate) global: String,
    pub(crate) defaults: String,
    /// The line `timeout tunnel`.
    pub(crate) tunnel: &'static str,
    /// Lines of the frontend, before `default_backend`.
    pub(crate) front: String,
    pub(crate) default_backend: &'static str,
    /// Lines of the backend `gateways`.
    pub(crate) back: String,
    /// Whole sections after them.
    pub(crate) more: String,
    /// The certificate; without one the port is plain.
    pub(crate) pem: Option<String>,
    /// After `ssl crt FILE`.
    pub(crate) bind: &'static str,
    pub(crate) proxy_header: bool,
}

impl Front {
    pub(crate) fn new(gateway: u16) -> Front {
        Front {
            global: String::new(),
            defaults: String::new(),
            tunnel: "timeout tunnel 1h",
            front: String::new(),
            default_backend: "gateways",
            back: format!("server gateway 127.0.0.1:{gateway}"),
            more: String::new(),
            pem: None,
            bind: "",
            proxy_header: true,
        }
    }

    pub(crate) fn tls(theatre: &Theatre) -> Front {
        Front { pem: Some(theatre.good_pem()), ..Front::new(theatre.gateway()) }
    }

    /// Writes file and certificate and gives the file's path.
    pub(crate) fn write(&self, room: &Path, port: u16) -> PathBuf {
        let crt = room.join("hal.pem");
        let tls = match &self.pem {
            Some(pem) => {
                write_secret(&crt, pem);
                format!(" ssl crt {} alpn http/1.1 {}", crt.display(), self.bind)
            }
            None => String::new(),
        };
        let after =
            if self.proxy_header { "    http-after-response set-header X-HAL-Proxy haproxy\n" } else { "" };
        let default = match self.default_backend {
            "" => String::new(),
            name => format!("    default_backend {name}\n"),
        };
        let text = format!(
            "global\n    log stderr format raw local0\n    maxconn 200\n    stats socket {} mode 600 level admin\n{}\n\
             defaults\n    log global\n    option httplog\n    option forwardfor\n    mode http\n    timeout connect 1s\n    timeout client 30s\n    timeout server 30s\n    \
             timeout http-request 10s\n    {}\n    timeout check 500ms\n{}\n\
             frontend hal\n    bind 127.0.0.1:{port}{tls}\n{}\n{after}{default}\n\
             backend gateways\n    {}\n\n{}\n",
            room.join("haproxy.sock").display(),
            indent(&self.global),
            self.tunnel,
            indent(&self.defaults),
            indent(&self.front),
            self.back,
            self.more
        );
        let file = room.join("haproxy.cfg");
        std::fs::write(&file, text).expect("written");
        file
    }

    /// Writes it and starts HAProxy on a free port.
    pub(crate) fn start(&self, theatre: &Theatre) -> Raised {
        let (room, port) = (theatre.room(), ports::free());
        let file = self.write(&room, port);
        let haproxy = Haproxy::start(&file, port, Some(&room.join("haproxy.sock"))).expect("haproxy starts");
        Raised { haproxy, port, room, file }
    }
}

/// A running stage.
#[derive(Debug)]
pub(crate) struct Raised {
    pub(crate) haproxy: Haproxy,
    pub(crate) port: u16,
    pub(crate) room: PathBuf,
    pub(crate) file: PathBuf,
}

impl Raised {
    pub(crate) fn https(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    pub(crate) fn http(&self) -> String {
        format!("http://localhost:{}", self.port)
    }
}

fn indent(lines: &str) -> String {
    lines.lines().map(|line| format!("    {line}\n")).collect()
}

pub(crate) fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("mode");
}

/// What a run of the doctor came to.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    /// Codes of warnings and errors.
    pub(crate) codes: BTreeSet<String>,
    pub(crate) exit: Option<i32>,
    pub(crate) json: Value,
    pub(crate) raw: String,
}

/// Runs `hal doctor --json` with these words.
pub(crate) fn doctor(words: &[&str]) -> Diagnosis {
    let mut command = hal();
    command.args(["doctor", "--json", "--wait", "2"]).args(words);
    diagnose(command)
}

pub(crate) fn diagnose(mut command: Command) -> Diagnosis {
    let out = command.output().expect("hal runs");
    let raw = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    let json: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {raw}"));
    let findings = json["areas"].as_array().into_iter().flatten().flat_map(|area| {
        area["findings"].as_array().into_iter().flatten().filter(|finding| finding["severity"] != "note")
    });
    let codes = findings.map(|finding| finding["code"].as_str().expect("a code").to_owned()).collect();
    Diagnosis { codes, exit: out.status.code(), json, raw }
}

/// A DNS server on a loopback port that gives one answer to everything.
#[derive(Debug)]
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
}

/// What it says.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    /// RFC 1035's RCODE.
    Code(u8),
    /// For A and AAAA.
    Addresses(Option<[u8; 4]>, Option<[u8; 16]>),
    Nothing,
}

impl NameServer {
    pub(crate) fn start(says: Says) -> NameServer {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = socket.local_addr().expect("an address");
        // Ends with the test.
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((count, peer)) = socket.recv_from(&mut buffer) {
                if let Some(answer) = answer(&buffer[..count], &says) {
                    socket.send_to(&answer, peer).ok();
                }
            }
        });
        NameServer { address }
    }

    pub(crate) fn name(&self) -> String {
        self.address.to_string()
    }
}

fn answer(question: &[u8], says: &Says) -> Option<Vec<u8>> {
    let mut answer = question.to_vec();
    answer[2] |= 0x80;
    let kind = u16::from_be_bytes([question[question.len() - 4], question[question.len() - 3]]);
    let data: Option<Vec<u8>> = match says {
        Says::Nothing => return None,
        Says::Code(code) => {
            answer[3] = *code;
            None
        }
        Says::Addresses(four, _) if kind == 1 => four.map(|four| four.to_vec()),
        Says::Addresses(_, sixteen) => sixteen.map(|sixteen| sixteen.to_vec()),
    };
    if let Some(data) = data {
        answer[7] = 1;
        // The name is a pointer to the question's; class IN, a minute.
        answer.extend_from_slice(&[0xc0, 12]);
        answer.extend_from_slice(&kind.to_be_bytes());
        answer.extend_from_slice(&[0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
        answer.extend_from_slice(&data);
    }
    Some(answer)
}

/// A middle proxy that removes one header line from requests. Gives its port.
pub(crate) fn proxy_without(header: &'static str, to: u16) -> u16 {
    serve(move |mut client| {
        let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else { return };
        let (Ok(mut back), Ok(mut forth)) = (server.try_clone(), client.try_clone()) else { return };
        std::thread::spawn(move || {
            std::io::copy(&mut back, &mut forth).ok();
            forth.shutdown(std::net::Shutdown::Both).ok();
        });
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|count| count == 1) {
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let kept: String = head
            .split_inclusive("\r\n")
            .filter(|line| !line.to_ascii_lowercase().starts_with(&format!("{header}:")))
            .collect();
        if server.write_all(kept.as_bytes()).is_ok() {
            std::io::copy(&mut client, &mut server).ok();
        }
    })
}

/// A server of one function, a thread for each connection, until the test ends. Gives its port.
pub(crate) fn serve(each: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let each = Arc::new(each);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let each = Arc::clone(&each);
            std::thread::spawn(move || each(client));
        }
    });
    port
}

/// Another web site, which knows no HAL.
pub(crate) fn other_site() -> u16 {
    serve(|mut client| {
        let mut buffer = [0; 2048];
        if client.read(&mut buffer).is_ok() {
            let page = "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n";
            client.write_all(page.as_bytes()).ok();
        }
    })
}

/// Takes connections and says nothing.
pub(crate) fn mute() -> u16 {
    serve(|mut client| {
        std::io::copy(&mut client, &mut std::io::sink()).ok();
    })
}

/// A port whose queue is full: the kernel drops every further SYN, as a firewall would. Open as long as it is held.
#[derive(Debug)]
pub(crate) struct FullQueue {
    pub(crate) address: SocketAddr,
    _listener: TcpListener,
    _held: Vec<TcpStream>,
}

impl FullQueue {
    pub(crate) fn new() -> Result<FullQueue, String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut held = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(150)) {
            held.push(stream);
            if held.len() > 10_000 {
                return Err("the queue has no end here".into());
            }
        }
        Ok(FullQueue { address, _listener: listener, _held: held })
    }
}

/// A network of one's own: only loopback, every port free. Gone when dropped.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) name: String,
}

impl Network {
    /// `None`: this user may not make one.
    pub(crate) fn new(label: &str) -> Option<Network> {
        let name = format!("hal-{}-{label}", std::process::id());
        let ip = programs::find("ip")?;
        let made = Command::new(ip).args(["netns", "add", &name]).output().ok()?;
        if !made.status.success() {
            return None;
        }
        let network = Network { name };
        network.sh("ip link set lo up");
        Some(network)
    }

    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(programs::find("ip").expect("it made the network"));
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Runs a line of shell in it; it must succeed.
    #[track_caller]
    pub(crate) fn sh(&self, line: &str) {
        let out = self.command(Path::new("/bin/sh")).args(["-c", line]).output().expect("sh runs");
        assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
    }

    /// The same program as [`hal`], in here.
    pub(crate) fn hal(&self) -> Command {
        let mut command = self.command(&programs::ours("hal"));
        for (name, value) in hal().get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let ip = programs::find("ip").expect("it made the network");
        // Processes in it that still run keep it alive until they end.
        Command::new(ip).args(["netns", "del", &self.name]).output().ok();
    }
}
