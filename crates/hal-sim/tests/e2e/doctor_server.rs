//! Faults that are seen on the server's own machine, each staged for real.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use hal_sim::client::{Client, Target};
use hal_sim::process::Process;
use hal_sim::server::{Options, hal};
use hal_sim::{ports, programs, wait};
use rcgen::date_time_ymd;

use super::Case;
use super::client::{Told, start_in, text};
use super::stage::{
    CLOSED, Diagnosis, Front, FullQueue, Network, Theatre, diagnose, mute, other_site, serve, write_secret,
};

pub(super) const CASES: &[Case] = &[
    Case::new("HAProxy is not running", &["haproxy.not-running"], |t| Ok(unstarted(t, &Front::tls(t)).1)),
    Case::new("HAProxy's port is another program's", &["port.taken"], port_taken),
    Case::new("the gateway's port is another program's", &["port.taken"], |t| {
        let stage = Seat { gateway: other_site(), ..Seat::at(t) };
        Ok(stage.look(&[]))
    }),
    Case::new("the file of the deployment document", &["haproxy.file-refused"], |t| {
        let front = Front {
            back: format!("option forceclose\n    server gateway 127.0.0.1:{}", t.gateway()),
            ..Front::tls(t)
        };
        Ok(unstarted(t, &front).1)
    }),
    Case::new("key does not match", &["cert.key-mismatch"], |t| {
        let ((leaf, _), (_, key)) = (t.authority.sign_apart(|_| {}), t.authority.sign_apart(|_| {}));
        pem(t, &(leaf + &key))
    }),
    Case::new("intermediate before leaf", &["cert.order"], |t| {
        let between = t.authority.intermediate("HAL stage intermediate");
        let (leaf, key) = between.sign_apart(|_| {});
        pem(t, &format!("{}{leaf}{key}", between.pem))
    }),
    Case::new("key missing", &["cert.no-key"], |t| pem(t, &t.authority.sign_apart(|_| {}).0)),
    Case::new("PEM empty (the document's command)", &["cert.empty"], |t| pem(t, "")),
    Case::new("PEM is DER", &["cert.binary"], der),
    Case::new("key encrypted", &["cert.encrypted-key"], encrypted),
    Case::new("no certificate in the file", &["cert.no-certificate"], |t| {
        pem(t, &t.authority.sign_apart(|_| {}).1)
    }),
    Case::new("key damaged", &["cert.broken-key"], |t| {
        let key = "-----BEGIN PRIVATE KEY-----\nbm8ga2V5\n-----END PRIVATE KEY-----\n";
        pem(t, &(t.authority.sign_apart(|_| {}).0 + key))
    }),
    Case::new("HAProxy's file is not there", &["haproxy.no-file"], |t| {
        Ok(Seat::at(t).with(&t.room().join("haproxy.cfg")))
    }),
    Case::new("an old certificate beside the new one in a crt directory", &["tls.expired"], |t| {
        let room = t.room();
        let folder = room.join("certs");
        fs::create_dir(&folder).expect("created");
        write_secret(&folder.join("hal.pem"), &t.good_pem());
        let old = t.authority.sign(|params| params.not_after = date_time_ymd(2025, 1, 1));
        write_secret(&folder.join("hal.pem.bak"), &old);
        let port = ports::free();
        let file = checked(t).write(&room, port);
        let text = fs::read_to_string(&file).expect("written").replace("/hal.pem ", "/certs ");
        fs::write(&file, text).expect("written");
        let _haproxy = hal_sim::haproxy::Haproxy::start(&file, port, None).expect("haproxy starts");
        Ok(Seat::at(t).with(&file))
    }),
    Case::new("certificate file missing", &["cert.missing"], |t| {
        let front = Front::tls(t);
        let room = t.room();
        let file = front.write(&room, ports::free());
        fs::remove_file(room.join("hal.pem")).expect("removed");
        Ok(Seat::at(t).with(&file))
    }),
    Case::new("stray file in a crt directory", &["cert.stray-file"], stray),
    Case::new("PEM mode not 600", &["cert.rights"], |t| {
        let raised = Front::tls(t).start(t);
        mode(&raised.room.join("hal.pem"), 0o644);
        Ok(Seat::at(t).with(&raised.file))
    }),
    Case::new("expired, seen in the file", &["tls.expired"], |t| {
        let pem = t.authority.sign(|params| params.not_after = date_time_ymd(2025, 1, 1));
        raised(t, &Front { pem: Some(pem), ..Front::tls(t) })
    }),
    Case::new("backend DOWN: L4CON, gateway elsewhere", &["backend.refused"], |t| {
        elsewhere(t, &format!("server gateway 127.0.0.1:{CLOSED} check inter 200ms"), "L4CON")
    }),
    Case::new("backend DOWN: HAL is not running here", &["gateway.not-running"], not_running),
    Case::new("gateway on 127.0.0.1 only", &["gateway.loopback-only"], |t| {
        elsewhere(t, &format!("server gateway 127.0.0.2:{} check inter 200ms", t.gateway()), "L4CON")
    }),
    Case::new("gateway on 127.0.0.1 only, two machines", &["gateway.loopback-only"], two_machines),
    Case::new("localhost becomes ::1", &["backend.localhost-ipv6"], localhost),
    Case::new("firewall before the gateway: drop", &["backend.filtered"], |t| {
        let queue = FullQueue::new()?;
        elsewhere(
            t,
            &format!("timeout connect 300ms\n    server gateway {} check inter 200ms", queue.address),
            "L4TOUT",
        )
    }),
    Case::new("firewall before the gateway: reject", &["backend.unreachable"], rejected),
    Case::new("backend DOWN: L7STS, check gets 426", &["backend.check-refused"], |t| {
        let port = answering("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");
        elsewhere(
            t,
            &format!("option httpchk\n    server gateway 127.0.0.1:{port} check inter 200ms"),
            "L7STS",
        )
    }),
    Case::new("backend DOWN: L7STS, check wants 101", &["backend.check-refused"], |t| {
        let back = format!(
            "option httpchk\n    http-check expect status 101\n    server gateway 127.0.0.1:{} check inter 200ms",
            t.gateway()
        );
        elsewhere(t, &back, "L7STS")
    }),
    Case::new("backend DOWN: the PROXY header is not believed", &["backend.proxy-header"], |t| {
        let data = t.room();
        fs::write(data.join("hal.toml"), "[gateway]\nproxies = [\"10.0.0.0/8\"]\n").expect("written");
        let server = Options::demo(&data).open_to_all().start().map_err(|error| format!("{error:#}"))?;
        let back = format!(
            "option httpchk\n    server gateway 127.0.0.1:{} send-proxy-v2 check inter 200ms",
            server.gateway_port
        );
        elsewhere(t, &back, "L7STS")
    }),
    Case::new("backend DOWN: L7TOUT, it hangs", &["backend.hangs"], |t| {
        elsewhere(
            t,
            &format!("option httpchk\n    server gateway 127.0.0.1:{} check inter 200ms", mute()),
            "L7TOUT",
        )
    }),
    Case::new("backend DOWN: L7RSP, it closes", &["backend.closes"], |t| {
        let port = answering("");
        elsewhere(t, &format!("option httpchk\n    server gateway 127.0.0.1:{port} check inter 200ms"), "")
    }),
    Case::new("backend in maintenance", &["backend.out-of-service"], |t| {
        let raised = checked(t).start(t);
        let socket = raised.room.join("haproxy.sock");
        wait::until("the server to be in maintenance", || {
            tell(&socket, "set server gateways/gateway state maint");
            tell(&socket, "show stat").contains(",MAINT,").then_some(())
        })
        .map_err(|error| format!("{error:#}"))?;
        Ok(Seat::at(t).with(&raised.file))
    }),
    Case::new("tunnel timeout short, in the file", &["tunnel.timeout-short"], |t| {
        raised(t, &Front { tunnel: "timeout tunnel 10s", ..Front::tls(t) })
    }),
    Case::new("tunnel timeout missing, in the file", &["tunnel.timeout-short"], |t| {
        raised(t, &Front { tunnel: "", ..Front::tls(t) })
    }),
    Case::new("tunnel timeout short, in the log", &["tunnel.timeout-short"], log_of_silence),
    Case::new("reload killed tunnels", &["tunnel.killed-by-reload"], log_of_kill),
    Case::new("config changed, not active", &["haproxy.not-reloaded"], |t| {
        let raised = checked(t).start(t);
        let later = fs::metadata(&raised.file).and_then(|meta| meta.modified()).expect("it was written");
        let file = fs::File::options().append(true).open(&raised.file).expect("open");
        file.set_modified(later + std::time::Duration::from_secs(30)).expect("set");
        Ok(Seat::at(t).with(&raised.file))
    }),
    Case::new("config reload failed, file mended since", &["haproxy.not-reloaded"], |t| {
        reload_failed(t, true)
    }),
    Case::new("config reload failed, file still broken", &["haproxy.file-refused"], |t| {
        reload_failed(t, false)
    }),
    Case::new("two frontends on one port", &["port.two-listeners"], |t| {
        let (room, port) = (t.room(), ports::free());
        let more = format!("frontend second\n    bind 127.0.0.1:{port}\n    default_backend gateways\n");
        let file = Front { more, ..checked(t) }.write(&room, port);
        let _haproxy = hal_sim::haproxy::Haproxy::start(&file, port, None).expect("haproxy starts");
        Ok(Seat::at(t).with(&file))
    }),
    Case::new("two HAProxy processes on one port", &["port.two-listeners"], |t| {
        let raised = checked(t).start(t);
        let second = t.room();
        let file = checked(t).write(&second, raised.port);
        let mut command = Command::new(programs::find("haproxy").expect("present"));
        command.arg("-db").arg("-f").arg(&file);
        let _second = Process::start(command).expect("haproxy starts");
        wait::until("the second HAProxy", || second.join("haproxy.sock").exists().then_some(())).expect("up");
        Ok(Seat::at(t).with(&raised.file))
    }),
    Case::new("two lines of one acl name, meant as AND", &["haproxy.acl-means-or"], |t| {
        let front = "acl is_websocket hdr(Upgrade) -i WebSocket\n    acl is_websocket hdr(Host) -i localhost\n    \
                     use_backend gateways if is_websocket";
        raised(t, &Front { front: front.to_owned(), ..checked(t) })
    }),
    Case::new("TLS 1.0 is let in", &["haproxy.old-tls"], |t| {
        raised(t, &Front { bind: "ssl-min-ver TLSv1.0", ..checked(t) })
    }),
    Case::new("HAProxy does not say for whom it asks", &["haproxy.not-told-for-whom"], |t| {
        let raised = checked(t);
        let (room, port) = (t.room(), ports::free());
        let file = raised.write(&room, port);
        let text = fs::read_to_string(&file).expect("written").replace("    option forwardfor\n", "");
        fs::write(&file, text).expect("written");
        let _haproxy = hal_sim::haproxy::Haproxy::start(&file, port, None).expect("haproxy starts");
        Ok(Seat::at(t).with(&file))
    }),
    Case::new(
        "statistics open to everybody, not started",
        &["haproxy.not-running", "haproxy.statistics-exposed"],
        |t| {
            let more = format!(
                "listen stats\n    bind *:{}\n    stats enable\n    stats uri /stats\n",
                ports::free()
            );
            Ok(unstarted(t, &Front { more, ..checked(t) }).1)
        },
    ),
    Case::new("firewall of this machine closes 443 (nft)", &["firewall.closed"], firewall),
    Case::new("listener 8767 down, on the server", &["listener.down"], |t| {
        let closed = CLOSED;
        let gateway = Options::gateway(&t.room(), closed).start().map_err(|error| format!("{error:#}"))?;
        let seat = Seat { gateway: gateway.gateway_port, listener: closed, ..Seat::at(t) };
        Ok(seat.look(&[]))
    }),
    Case::new("database file damaged", &["db.unreadable"], |t| {
        let data = t.room();
        fs::write(data.join("hal.redb"), vec![7; 64 << 10]).expect("written");
        Ok(Seat { data: text(&data).to_owned(), ..Seat::at(t) }.look(&[]))
    }),
    Case::new("settings with an unknown key", &["settings.refused"], |t| {
        let data = t.room();
        fs::write(data.join("hal.toml"), "[gateway]\nport = 1\n").expect("written");
        Ok(Seat { data: text(&data).to_owned(), ..Seat::at(t) }.look(&[]))
    }),
    Case::new("access.toml with a mistake", &["settings.access"], |t| {
        let data = t.room();
        fs::write(data.join("hal.toml"), "").expect("written");
        fs::write(data.join("access.toml"), "[role.nurse]\nreads = [\"PERSON\"]\n").expect("written");
        Ok(Seat { data: text(&data).to_owned(), ..Seat::at(t) }.look(&[]))
    }),
    Case::new("disk full", &["disk.full"], disk),
];

/// Where the doctor sits: which data, which ports.
pub(super) struct Seat {
    pub(super) data: String,
    pub(super) gateway: u16,
    pub(super) listener: u16,
}

impl Seat {
    /// On the machine of the theatre's own server.
    pub(super) fn at(theatre: &Theatre) -> Seat {
        let server = &theatre.home.server;
        Seat {
            data: text(theatre.home.folder.path()).to_owned(),
            gateway: server.gateway_port,
            listener: server.listener_port,
        }
    }

    /// On the machine of HAProxy alone.
    fn alone(theatre: &Theatre) -> Seat {
        Seat { data: text(&theatre.room()).to_owned(), gateway: CLOSED, listener: CLOSED + 1 }
    }

    fn command(&self, mut command: Command, words: &[&str]) -> Command {
        command
            .args(["doctor", "--json", "--wait", "2", "--only", "server", "--data", &self.data])
            .args(words);
        command.env("HAL_GATEWAY__LISTEN", format!("127.0.0.1:{}", self.gateway));
        command.env("HAL_LISTENER__LISTEN", format!("127.0.0.1:{}", self.listener));
        // Engines have cases of their own elsewhere, and their models take seconds to load.
        command.env("HAL_SPEECH__HEAR", "none").env("HAL_SPEECH__SPEAK", "none");
        command
    }

    pub(super) fn look(&self, words: &[&str]) -> Diagnosis {
        diagnose(self.command(hal(), words))
    }

    /// Both ends, as `hal doctor` without a word about them looks.
    pub(super) fn whole(&self, file: &Path, ca: &Path) -> Diagnosis {
        let mut command = hal();
        command.args([
            "doctor",
            "--json",
            "--data",
            &self.data,
            "--ca",
            text(ca),
            "--haproxy-config",
            text(file),
        ]);
        command.args(["--haproxy-log", text(&file.with_file_name("none.log"))]);
        command.env("HAL_GATEWAY__LISTEN", format!("127.0.0.1:{}", self.gateway));
        command.env("HAL_LISTENER__LISTEN", format!("127.0.0.1:{}", self.listener));
        diagnose(command)
    }

    /// As a person sees it.
    pub(super) fn in_words(&self, words: &[&str]) -> std::process::Output {
        let mut command = hal();
        command.args(["doctor", "--wait", "2", "--data", &self.data]).args(words);
        command.env("HAL_GATEWAY__LISTEN", format!("127.0.0.1:{}", self.gateway));
        command.env("HAL_LISTENER__LISTEN", format!("127.0.0.1:{}", self.listener));
        command.env("HAL_SPEECH__HEAR", "none").env("HAL_SPEECH__SPEAK", "none");
        command.output().expect("hal runs")
    }

    pub(super) fn with(&self, file: &Path) -> Diagnosis {
        let log = file.with_file_name("none.log");
        self.look(&["--haproxy-config", text(file), "--haproxy-log", text(&log)])
    }
}

/// A front whose gateway is checked.
fn checked(theatre: &Theatre) -> Front {
    Front {
        back: format!("server gateway 127.0.0.1:{} check inter 200ms", theatre.gateway()),
        ..Front::tls(theatre)
    }
}

/// Writes the file, starts nothing, and looks.
fn unstarted(theatre: &Theatre, front: &Front) -> (std::path::PathBuf, Diagnosis) {
    let room = theatre.room();
    let file = front.write(&room, ports::free());
    let told = Seat::at(theatre).with(&file);
    (room, told)
}

/// Starts HAProxy on it and looks.
fn raised(theatre: &Theatre, front: &Front) -> Told {
    let raised = front.start(theatre);
    Ok(Seat::at(theatre).with(&raised.file))
}

fn pem(theatre: &Theatre, pem: &str) -> Told {
    Ok(unstarted(theatre, &Front { pem: Some(pem.to_owned()), ..Front::tls(theatre) }).1)
}

pub(super) fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
}

fn port_taken(theatre: &Theatre) -> Told {
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let file = Front::tls(theatre).write(&theatre.room(), other.local_addr().expect("an address").port());
    Ok(Seat::at(theatre).with(&file))
}

fn openssl(words: &[&str]) -> Result<Vec<u8>, String> {
    let program = programs::find("openssl").ok_or("openssl is not installed")?;
    let out = Command::new(program).args(words).output().map_err(|error| error.to_string())?;
    if out.status.success() { Ok(out.stdout) } else { Err(String::from_utf8_lossy(&out.stderr).into_owned()) }
}

fn der(theatre: &Theatre) -> Told {
    let room = theatre.room();
    let file = Front::tls(theatre).write(&room, ports::free());
    let pem = room.join("hal.pem");
    let der = openssl(&["x509", "-in", text(&pem), "-outform", "der"])?;
    fs::write(&pem, der).expect("written");
    Ok(Seat::at(theatre).with(&file))
}

fn encrypted(theatre: &Theatre) -> Told {
    let room = theatre.room();
    let (leaf, key) = theatre.authority.sign_apart(|_| {});
    write_secret(&room.join("key.pem"), &key);
    let key = openssl(&["pkey", "-in", text(&room.join("key.pem")), "-aes256", "-passout", "pass:stage"])?;
    pem(theatre, &(leaf + &String::from_utf8_lossy(&key)))
}

fn stray(theatre: &Theatre) -> Told {
    let room = theatre.room();
    let folder = room.join("certs");
    fs::create_dir(&folder).expect("created");
    write_secret(&folder.join("hal.pem"), &theatre.good_pem());
    fs::write(folder.join("README"), "about these files\n").expect("written");
    let front = Front::tls(theatre);
    let file = front.write(&room, ports::free());
    let text = fs::read_to_string(&file).expect("written").replace("/hal.pem ", "/certs ");
    fs::write(&file, text).expect("written");
    Ok(Seat::at(theatre).with(&file))
}

/// HAProxy alone on this machine, with these lines as its backend; looks when HAProxy has made up its mind.
fn elsewhere(theatre: &Theatre, back: &str, check: &str) -> Told {
    let front = Front { back: back.to_owned(), ..Front::tls(theatre) };
    let raised = front.start(theatre);
    wait_down(&raised.room.join("haproxy.sock"), check)?;
    Ok(Seat::alone(theatre).with(&raised.file))
}

fn tell(socket: &Path, command: &str) -> String {
    // Its port may be open a moment before its socket is.
    let Ok(mut stream) = UnixStream::connect(socket) else { return String::new() };
    stream.set_read_timeout(Some(std::time::Duration::from_secs(1))).expect("a limit");
    let mut said = Vec::new();
    let mut buffer = [0; 8192];
    // A master that is just replacing itself answers nothing; whoever waits for something asks again.
    if stream.write_all(format!("{command}\n").as_bytes()).is_ok() {
        while !said.ends_with(b"\n\n")
            && let Ok(count @ 1..) = stream.read(&mut buffer)
        {
            said.extend_from_slice(&buffer[..count]);
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn wait_down(socket: &Path, check: &str) -> Result<(), String> {
    wait::until("HAProxy to mark the gateway as down", || {
        let said = tell(socket, "show stat");
        said.lines()
            .any(|line| {
                line.starts_with("gateways,gateway,") && line.contains("DOWN,") && line.contains(check)
            })
            .then_some(())
    })
    .map_err(|error| format!("{error:#}"))
}

/// Answers every request with these bytes, or closes without any.
fn answering(answer: &'static str) -> u16 {
    serve(move |mut client| {
        let mut buffer = [0; 1024];
        if client.read(&mut buffer).is_ok() {
            client.write_all(answer.as_bytes()).ok();
        }
    })
}

/// The data is here, and neither gateway nor listener run.
fn not_running(theatre: &Theatre) -> Told {
    let seat = Seat { gateway: CLOSED, listener: CLOSED + 1, ..Seat::at(theatre) };
    let back = format!("server gateway 127.0.0.1:{} check inter 200ms", seat.gateway);
    let raised = Front { back, ..Front::tls(theatre) }.start(theatre);
    wait_down(&raised.room.join("haproxy.sock"), "L4CON")?;
    Ok(seat.with(&raised.file))
}

/// One machine asks for the gateway at its address in the network; on the gateway's machine the doctor sees why not.
fn two_machines(theatre: &Theatre) -> Told {
    let network = Network::new("two").ok_or("no right to make a network")?;
    network.sh("ip addr add 10.98.0.2/32 dev lo");
    let data = theatre.room();
    let mut serve = network.hal();
    serve.args(["serve", "--demo", "--data", text(&data)]);
    serve.env("HAL_SPEECH__HEAR", "none").env("HAL_SPEECH__SPEAK", "none");
    let mut server = Process::start(serve).map_err(|error| error.to_string())?;
    server
        .wait_for_line("its port", |line| line.contains("8768").then_some(()))
        .map_err(|error| error.to_string())?;
    let mut command = network.hal();
    command.args(["doctor", "--json", "--wait", "2", "--server", "http://10.98.0.2:8768"]);
    Ok(diagnose(command))
}

/// Debian's hosts file names ::1 localhost too, and HAProxy takes that one.
fn localhost(theatre: &Theatre) -> Told {
    may_mount()?;
    let room = theatre.room();
    let hosts = room.join("hosts");
    fs::write(&hosts, "127.0.0.1 localhost\n::1 localhost ip6-localhost\n").expect("written");
    let front = Front {
        back: format!("server gateway localhost:{} check inter 200ms", theatre.gateway()),
        ..Front::tls(theatre)
    };
    let file = front.write(&room, ports::free());
    let haproxy = programs::find("haproxy").ok_or("haproxy is not installed")?;
    let mut command = Command::new("unshare");
    let line = format!(
        "mount --bind {} /etc/hosts && exec {} -db -f {}",
        hosts.display(),
        haproxy.display(),
        file.display()
    );
    command.args(["--mount", "sh", "-c", &line]);
    let _haproxy = Process::start(command).map_err(|error| error.to_string())?;
    let socket = room.join("haproxy.sock");
    wait::until("HAProxy's socket", || UnixStream::connect(&socket).ok().map(drop))
        .map_err(|_| "no right to mount")?;
    wait_down(&socket, "L4CON")?;
    Ok(Seat::at(theatre).with(&file))
}

fn rejected(theatre: &Theatre) -> Told {
    if programs::find("nft").is_none() {
        return Err("nft is not installed".into());
    }
    let network = Network::new("reject").ok_or("no right to make a network")?;
    network.sh("nft 'add table inet f; add chain inet f i { type filter hook input priority 0; }; add rule inet f i tcp dport 8768 reject with icmp type admin-prohibited'");
    let room = theatre.room();
    // The kernel tells of the router's answer only after a second.
    let back = "timeout connect 3s\n    timeout check 3s\n    server gateway 127.0.0.1:8768 check".to_owned();
    let file = Front { back, ..Front::tls(theatre) }.write(&room, 443);
    let _haproxy = start_in(&network, &file)?;
    wait_down(&room.join("haproxy.sock"), "L4CON")?;
    let seat = Seat::alone(theatre);
    let log = room.join("none.log");
    let words = ["--haproxy-config", text(&file), "--haproxy-log", text(&log)];
    Ok(diagnose(seat.command(network.hal(), &words)))
}

fn firewall(theatre: &Theatre) -> Told {
    if programs::find("nft").is_none() {
        return Err("nft is not installed".into());
    }
    let network = Network::new("closed").ok_or("no right to make a network")?;
    network.sh(
        "nft 'add table inet filter; add chain inet filter input { type filter hook input priority 0; policy drop; }; \
         add rule inet filter input iifname lo accept; add rule inet filter input ct state established,related accept; \
         add rule inet filter input tcp dport { 22, 80 } accept'",
    );
    let room = theatre.room();
    let file =
        Front { back: "server gateway 127.0.0.1:8768".into(), ..Front::tls(theatre) }.write(&room, 443);
    let everywhere = fs::read_to_string(&file).expect("written").replace("bind 127.0.0.1:443", "bind *:443");
    fs::write(&file, everywhere).expect("written");
    let _haproxy = start_in(&network, &file)?;
    let log = room.join("none.log");
    let words = ["--haproxy-config", text(&file), "--haproxy-log", text(&log)];
    Ok(diagnose(Seat::alone(theatre).command(network.hal(), &words)))
}

/// Three people say nothing; HAProxy's own log of it is what the doctor reads.
fn log_of_silence(theatre: &Theatre) -> Told {
    let mut raised = Front { tunnel: "timeout tunnel 1s", ..Front::new(theatre.gateway()) }.start(theatre);
    let clients: Vec<Client> =
        (0..3).map(|_| Client::connect(&Target::plain(raised.port)).expect("greeted")).collect();
    wait::until("HAProxy to log three endings", || {
        let ended = raised.haproxy.process.output().iter().filter(|line| line.contains(" 101 ")).count();
        (ended == 3).then_some(())
    })
    .map_err(|error| format!("{error:#}"))?;
    drop(clients);
    let log = raised.room.join("haproxy.log");
    fs::write(&log, raised.haproxy.process.output().join("\n")).expect("written");
    // The file was mended since; the log remembers.
    let file = checked(theatre).start(theatre);
    raised.haproxy.process.kill().expect("ended");
    Ok(Seat::at(theatre).look(&["--haproxy-config", text(&file.file), "--haproxy-log", text(&log)]))
}

/// HAProxy as a master with its worker and a socket for the master.
fn master(file: &Path, room: &Path, port: u16) -> Process {
    let mut command = Command::new(programs::find("haproxy").expect("present"));
    command.arg("-W").arg("-S").arg(room.join("master.sock")).arg("-f").arg(file);
    let process = Process::start(command).expect("haproxy starts");
    // Its worker accepts before the master listens to signals.
    let socket = room.join("master.sock");
    wait::until("the master and its worker", || {
        let up = UnixStream::connect(&socket).is_ok() && tell(&socket, "show proc").contains("worker");
        (up && std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()).then_some(())
    })
    .expect("up");
    process
}

fn log_of_kill(theatre: &Theatre) -> Told {
    let (room, port) = (theatre.room(), ports::free());
    let front = Front { global: "hard-stop-after 500ms".into(), ..Front::new(theatre.gateway()) };
    let file = front.write(&room, port);
    let process = master(&file, &room, port);
    let client = Client::connect(&Target::plain(port)).expect("greeted");
    process.signal("USR2").expect("reloaded");
    wait::until("HAProxy to log the end of the old process", || {
        process.output().iter().any(|line| line.contains(" K") && line.contains("HTTP/1.1")).then_some(())
    })
    .map_err(|error| format!("{error:#}"))?;
    drop(client);
    let log = room.join("haproxy.log");
    fs::write(&log, process.output().join("\n")).expect("written");
    Ok(Seat::at(theatre).look(&["--haproxy-config", text(&file), "--haproxy-log", text(&log)]))
}

fn reload_failed(theatre: &Theatre, mended: bool) -> Told {
    let (_process, file) = failed_reload(theatre, mended)?;
    Ok(Seat::at(theatre).with(&file))
}

/// A master that refused its file once. The file is `mended` since, or still broken.
pub(super) fn failed_reload(
    theatre: &Theatre,
    mended: bool,
) -> Result<(Process, std::path::PathBuf), String> {
    let (room, port) = (theatre.room(), ports::free());
    let front = checked(theatre);
    let file = front.write(&room, port);
    let process = master(&file, &room, port);
    let good = fs::read_to_string(&file).expect("written");
    let written = fs::metadata(&file).and_then(|meta| meta.modified()).expect("it was written");
    fs::write(&file, good.replace("default_backend gateways", "default_backend nowhere")).expect("written");
    process.signal("USR2").expect("signalled");
    wait::until("the master to note the failed reload", || {
        let socket = UnixStream::connect(room.join("master.sock"));
        (socket.is_ok() && tell(&room.join("master.sock"), "show proc").contains("failed: 1")).then_some(())
    })
    .map_err(|error| format!("{error:#}"))?;
    if mended {
        fs::write(&file, &good).expect("written");
        // Only the master knows then.
        fs::File::options()
            .append(true)
            .open(&file)
            .and_then(|file| file.set_modified(written))
            .expect("set");
    }
    Ok((process, file))
}

/// Whether this user may see other files than the rest of the machine.
fn may_mount() -> Result<(), String> {
    let tried = Command::new("unshare").args(["--mount", "true"]).output();
    if tried.is_ok_and(|out| out.status.success()) { Ok(()) } else { Err("no right to mount".into()) }
}

fn disk(theatre: &Theatre) -> Told {
    may_mount()?;
    let room = theatre.room();
    let seat = Seat { data: text(&room).to_owned(), ..Seat::at(theatre) };
    let inner = seat.command(hal(), &[]);
    let mut command = Command::new("unshare");
    let line = format!("mount -t tmpfs -o size=20m tmpfs {} && exec \"$@\"", room.display());
    command.args(["--mount", "sh", "-c", &line, "sh"]).arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Ok(diagnose(command))
}
