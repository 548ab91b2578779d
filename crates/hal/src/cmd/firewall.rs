//! `hal firewall`: the rules for the parts that run on a machine, printed and not applied.

use clap::{Args, ValueEnum};
use hal_server::config::{GATEWAY_PORT, LISTENER_PORT};
use hal_server::service::firewall::{self, Network, Parts, Rules};

use crate::report::{self, Exit, Failure};

/// Print firewall rules for the parts of HAL that run on a machine.
///
/// Nothing is changed: read them, then run them there. From outside only HAProxy (or a
/// gateway with --tls) is reached; the gateway's port is for HAProxy, the listener's
/// port for gateways.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Firewall {
    /// What runs on that machine; repeat it for several.
    #[arg(long = "role", value_name = "ROLE", default_value = "all")]
    roles: Vec<Role>,
    /// Address of HAProxy's machine, if it is another; repeat it for several.
    #[arg(long = "proxy", value_name = "ADDRESS")]
    proxies: Vec<String>,
    /// A network whose clients use the gateway without HAProxy, e.g. 192.168.1.0/24.
    #[arg(long = "clients", value_name = "NETWORK")]
    clients: Vec<String>,
    /// Address of a gateway on another machine, for the listener; repeat it for several.
    #[arg(long = "gateway", value_name = "ADDRESS")]
    gateways: Vec<String>,
    /// Only for this firewall [default: all three].
    #[arg(long = "for", value_name = "FIREWALL")]
    systems: Vec<System>,
    /// Port of the gateway.
    #[arg(long, value_name = "PORT", default_value_t = GATEWAY_PORT)]
    gateway_port: u16,
    /// Port of the listener.
    #[arg(long, value_name = "PORT", default_value_t = LISTENER_PORT)]
    listener_port: u16,
    /// Port for http.
    #[arg(long, value_name = "PORT", default_value_t = 80)]
    http_port: u16,
    /// Port for https.
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    https_port: u16,
}

const EXAMPLES: &str = "\
Examples:
  hal firewall --for nftables > hal.nft         (everything on one machine)
  hal firewall --role proxy --for ufw
  hal firewall --role gateway --proxy 192.0.2.7 --for windows";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    Gateway,
    Listener,
    Proxy,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum System {
    Ufw,
    Nftables,
    Windows,
}

impl Firewall {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let has = |role| self.roles.contains(&role) || self.roles.contains(&Role::All);
        let networks = |given: &[String]| -> Result<Vec<Network>, Failure> {
            given
                .iter()
                .map(|text| {
                    Network::parse(text)
                        .map_err(|why| Failure::new(why).hint("e.g. 192.0.2.7 or 192.168.1.0/24"))
                })
                .collect()
        };
        let mut to_gateway = networks(&self.proxies)?;
        to_gateway.extend(networks(&self.clients)?);
        let rules = Rules {
            parts: Parts {
                proxy: has(Role::Proxy),
                gateway: has(Role::Gateway),
                listener: has(Role::Listener),
            },
            to_gateway,
            to_listener: networks(&self.gateways)?,
            http_port: self.http_port,
            https_port: self.https_port,
            gateway_port: self.gateway_port,
            listener_port: self.listener_port,
        };
        let all = [System::Ufw, System::Nftables, System::Windows];
        let systems = if self.systems.is_empty() { all.as_slice() } else { &self.systems };
        let texts: Vec<String> = systems
            .iter()
            .map(|system| match system {
                System::Ufw => firewall::ufw(&rules),
                System::Nftables => firewall::nftables(&rules),
                System::Windows => firewall::windows(&rules),
            })
            .collect();
        report::data(&texts.join("\n"))?;
        Ok(Exit::Done)
    }
}
