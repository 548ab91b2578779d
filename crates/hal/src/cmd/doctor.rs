//! `hal doctor`: what is wrong, why it matters, and the command that cures it.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use hal_server::config::default_data_dir;
use hal_server::doctor::facts::{FORMAT, Target};
use hal_server::doctor::look::{self, Ask, ClientAsk, ServerAsk};
use hal_server::doctor::{Area, Facts, Finding, Report, Severity, checks, repair};
use serde_json::{Value, json};

use crate::client::tls;
use crate::client::url::{self, ServerUrl};
use crate::report::{self, Exit, Failure};

/// Find out what is wrong, and how to cure it.
///
/// On a client: name, connection, certificate, WebSocket, sign-in, a real question. On a
/// server also: ports, gateway, listener, database, engines, HAProxy, certificates,
/// firewall, disk. Looks only, unless told --fix.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Doctor {
    /// Look at this server from the outside: https://hal.example.com
    ///
    /// Without it HAL_SERVER_URL counts, then the addresses that this machine serves, then
    /// ws://localhost:8768.
    #[arg(long = "server", value_name = "URL")]
    url: Option<String>,
    /// Also trust the authority in this PEM file (hal-ca.pem).
    #[arg(long = "ca", value_name = "FILE", env = "HAL_CA")]
    ca: Option<PathBuf>,
    /// Look at one end only.
    #[arg(long, value_name = "END")]
    only: Option<End>,
    /// Print facts and findings as JSON.
    #[arg(long)]
    json: bool,
    /// Judge what another machine saw: a file that --json wrote there.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "ca", "only", "fix"])]
    from: Option<PathBuf>,
    /// Cure what can be cured without interrupting anybody, then look again.
    #[arg(long)]
    fix: bool,
    /// Ask this DNS server instead of the system's resolver.
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = name_server)]
    dns: Option<SocketAddr>,
    /// Also keep a WebSocket silent for so long: finds time limits on the way.
    #[arg(long, value_name = "SECONDS")]
    idle: Option<u64>,
    /// Do not ask "What time is it?".
    #[arg(long)]
    no_question: bool,
    /// Folder of the database and settings.
    #[arg(long, value_name = "DIR", env = "HAL_DATA")]
    data: Option<PathBuf>,
    /// HAProxy's file [default: the one it runs on, or /etc/haproxy/haproxy.cfg].
    #[arg(long, value_name = "FILE")]
    haproxy_config: Option<PathBuf>,
    /// HAProxy's log [default: /var/log/haproxy.log, or the journal].
    #[arg(long, value_name = "FILE")]
    haproxy_log: Option<PathBuf>,
    /// Seconds for each look at the network.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=60))]
    wait: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum End {
    /// How a server looks from here.
    Client,
    /// This machine as a server.
    Server,
}

const AFTER: &str = "\
Exit codes: 0 all is well, 1 something is wrong, 2 the look itself failed.

On a machine that cannot be reached, write down what it sees and judge it here:
  hal doctor --json > facts.json        there
  hal doctor --from facts.json          here
The file holds addresses and names of files and hosts, but no words, records,
tokens or keys.";

/// A file of facts that is larger was not written by us.
const FACTS_BYTES_MAX: u64 = 16 << 20;

fn name_server(text: &str) -> Result<SocketAddr, String> {
    let with_port = text.parse::<SocketAddr>();
    with_port.or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53))).map_err(|e| e.to_string())
}

impl Doctor {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let facts = match &self.from {
            Some(file) => read(file)?,
            None => {
                let ask = self.ask()?;
                let facts = look::look(&ask);
                if self.fix && self.cure(&checks::judge(&facts)) { look::look(&ask) } else { facts }
            }
        };
        let report = checks::judge(&facts);
        if self.json {
            let mut value = json!({ "facts": facts });
            if let (Value::Object(into), Ok(Value::Object(from))) =
                (&mut value, serde_json::to_value(&report))
            {
                into.extend(from);
            }
            report::data(&format!("{value:#}\n"))?;
        } else {
            report::data(&in_words(&facts, &report))?;
        }
        Ok(if report.healthy { Exit::Done } else { Exit::Ill })
    }

    fn ask(&self) -> Result<Ask, Failure> {
        let roots = tls::roots(self.ca.as_slice())?;
        let data = match &self.data {
            Some(data) => data.clone(),
            None => default_data_dir()?,
        };
        let (given, source) = url::choose(self.url.as_deref(), |name| std::env::var(name).ok());
        let named = source != "the default";
        let server = ServerAsk {
            data,
            haproxy_config: self.haproxy_config.clone(),
            haproxy_log: self.haproxy_log.clone(),
            look_at_own_address: !named && self.only != Some(End::Server),
        };
        let is_server = match self.only {
            Some(only) => only == End::Server,
            None => self.url.is_none() && look::is_server(&server),
        };
        let mut clients = Vec::new();
        // On a server without a named address its own ones are found by looking.
        if self.only != Some(End::Server) && (named || !is_server) {
            clients.push(self.client(&given, source)?);
        }
        let wait = Duration::from_secs(self.wait);
        Ok(Ask { clients, server: is_server.then_some(server), roots, wait })
    }

    fn client(&self, given: &str, source: &str) -> Result<ClientAsk, Failure> {
        let url = ServerUrl::parse(given).map_err(|error| {
            Failure::new(format!("{error} (from {source})"))
                .hint("write it like https://hal.example.com, or 192.168.1.5:8768 without TLS")
        })?;
        let (path, query) = match url.target.split_once('?') {
            Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
            None => (url.target.clone(), None),
        };
        let target = Target { secure: url.secure, host: url.host, port: url.port, path };
        Ok(ClientAsk {
            target,
            query,
            token: std::env::var("HAL_TOKEN").ok().filter(|token| !token.is_empty()),
            dns: self.dns,
            question: !self.no_question,
            idle: self.idle.map(Duration::from_secs),
        })
    }

    /// Does what is safe. True when anything was done.
    fn cure(&self, report: &Report) -> bool {
        let mut any = false;
        for (finding, cure) in report.findings().filter_map(|f| f.repair.as_ref().map(|cure| (f, cure))) {
            match repair::apply(cure) {
                Ok(done) => {
                    report::talk(format_args!("{}: {done}", finding.code));
                    any = true;
                }
                Err(why) => report::talk(format_args!("{}: not cured: {why}", finding.code)),
            }
        }
        if !any {
            report::talk("there is nothing that can be cured safely; the commands below are for you");
        }
        any
    }
}

/// Facts alone, or the whole of what `--json` printed.
fn read(file: &Path) -> Result<Facts, Failure> {
    let failed = |why: String| {
        Failure::new(format!("{} cannot be used: {why}", file.display()))
            .hint("it is what `hal doctor --json` printed on the other machine")
    };
    let size = std::fs::metadata(file).map_err(|error| failed(error.to_string()))?.len();
    if size > FACTS_BYTES_MAX {
        return Err(failed(format!("it is larger than {} MB", FACTS_BYTES_MAX >> 20)));
    }
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let mut value: Value = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    if value["facts"].is_object() {
        value = value["facts"].take();
    }
    let format =
        value["format"].as_u64().ok_or_else(|| failed("it holds no facts of a doctor".to_owned()))?;
    if format > u64::from(FORMAT) {
        return Err(failed(format!("its form {format} is newer than this program, which reads {FORMAT}")));
    }
    serde_json::from_value(value).map_err(|error| failed(error.to_string()))
}

const WIDTH: usize = 80;

fn in_words(facts: &Facts, report: &Report) -> String {
    let mut text = String::new();
    let mut about = "";
    for area in &report.areas {
        if area.about != about {
            about = &area.about;
            text.push_str(&format!("{}{about}\n", if text.is_empty() { "" } else { "\n" }));
        }
        area_in_words(area, &mut text);
    }
    let count = report.findings().filter(|finding| finding.severity > Severity::Note).count();
    text.push_str(&match (report.areas.is_empty(), count) {
        (true, _) => "There was nothing to look at.\n".to_owned(),
        (_, 0) => "\nAll is well.\n".to_owned(),
        (_, 1) => "\n1 thing is wrong.\n".to_owned(),
        (_, count) => format!("\n{count} things are wrong.\n"),
    });
    if facts.hal != env!("CARGO_PKG_VERSION") {
        text.push_str(&format!("These facts were seen by hal {}.\n", facts.hal));
    }
    text
}

fn area_in_words(area: &Area, text: &mut String) {
    if area.findings.iter().all(|finding| finding.severity == Severity::Note) {
        let summary = area.summary.as_deref().unwrap_or("");
        put(text, &format!("  ok    {:<12} ", area.name), summary);
    }
    for finding in &area.findings {
        finding_in_words(finding, text);
    }
}

fn finding_in_words(finding: &Finding, text: &mut String) {
    let word = match finding.severity {
        Severity::Note => "note ",
        Severity::Warning => "warn ",
        Severity::Error => "WRONG",
    };
    put(text, &format!("  {word} "), &format!("{} ({})", finding.what, finding.code));
    if !finding.why.is_empty() {
        put(text, "        ", &finding.why);
    }
    for step in &finding.fix {
        put(text, "        → ", step);
    }
}

/// Puts `words` behind `lead`, and what does not fit below it.
fn put(text: &mut String, lead: &str, words: &str) {
    let indent = lead.chars().count();
    text.push_str(lead);
    let mut column = indent;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + length + 1 > WIDTH {
            text.push('\n');
            text.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > indent {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    while text.ends_with(' ') {
        text.pop();
    }
    text.push('\n');
}
