//! `hal pair`: on the server a code for a new device, on the device the token for it.

use std::path::PathBuf;

use clap::Args;
use hal_server::auth::secret::read_pairing_code;
use hal_wire::sign_in::Admin;

use super::ask::Server;
use crate::client::url::ServerUrl;
use crate::client::{pairing, tokens};
use crate::household::{self, Place};
use crate::report::{self, Exit, Failure};

/// Let a new device in.
///
/// On the server, `hal pair` or `hal pair USER` prints a code that is good for one
/// device and ten minutes, as text and as a picture for a telephone's camera. On
/// the device, `hal pair CODE --server URL` takes it; `hal ask` and `hal chat` then
/// sign in by themselves.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Pair {
    /// The code, or the user whose device it will be [default: owner].
    #[arg(value_name = "CODE|USER")]
    what: Option<String>,
    /// What the device is called.
    #[arg(long)]
    name: Option<String>,
    /// What it may be used for: personal, kitchen, or one of access.toml.
    #[arg(long, default_value = "personal")]
    scope: String,
    /// Address by which the device reaches the server, for the picture.
    #[arg(long = "url", value_name = "URL")]
    link: Option<String>,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    place: Place,
}

const EXAMPLES: &str = "\
Examples:
  hal pair --url https://hal.example.com
  hal pair ann --name \"Ann's phone\"
  hal pair owner --name speaker --scope kitchen
  hal pair ABCD-EFGH --server https://hal.example.com";

impl Pair {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        // Without its hyphen a code may be a user's name as well: then a server to take it to decides.
        let named = self.server.is_named();
        let is_meant = |what: &&str| what.contains('-') || named;
        match self.what.as_deref().filter(is_meant).and_then(read_pairing_code) {
            Some(code) => self.take(&code),
            None if named && self.what.is_some() => self.offer().map_err(|failure| {
                failure.hint("to pair this device: hal pair ABCD-EFGH --server URL, with the code of the server's `hal pair`")
            }),
            None => self.offer(),
        }
    }

    /// On the server.
    fn offer(self) -> Result<Exit, Failure> {
        let user = self.what.unwrap_or_else(|| "owner".to_owned());
        let name = self.name.unwrap_or_else(|| format!("{user}'s device"));
        let reply = household::manage(self.place, &Admin::Pair { user, name, scope: self.scope })?;
        let code = reply.secret.map(hal_wire::Private::into_inner).unwrap_or_default();
        // As this machine finds the server, where nobody says how others do.
        let address = match self.link {
            Some(link) => link,
            None => {
                let url = self.server.target()?.url;
                let scheme = if url.secure { "https" } else { "http" };
                format!("{scheme}://{}{}", url.authority(), url.target)
            }
        };
        let address = address.trim_end_matches('/');
        // Behind `#` it is not sent to any server on the way, and stands in no log.
        let link = format!("{address}/pair#{code}");
        if let Some(picture) = picture(&link) {
            report::talk(picture);
        }
        report::talk(format_args!("in a browser: {link}"));
        report::talk(format_args!("with hal:     hal pair {code} --server {address}"));
        reply.lines.iter().for_each(report::talk);
        if is_here(address) {
            report::talk(
                "that address is this machine's alone; --url names the one by which other devices reach it",
            );
        }
        report::data(&format!("{code}\n"))?;
        Ok(Exit::Done)
    }

    /// On the device.
    fn take(self, code: &str) -> Result<Exit, Failure> {
        let target = self.server.target()?;
        let name = self.name.or_else(machine_name).unwrap_or_else(|| "computer".to_owned());
        let paired = pairing::pair(&target, code, &name)?;
        let file: PathBuf = tokens::keep(&target.url, &paired.token)?;
        report::talk(format_args!("paired as {} ({})", paired.user, paired.role));
        report::talk(format_args!("the token is in {}; `hal ask` and `hal chat` use it", file.display()));
        Ok(Exit::Done)
    }
}

fn machine_name() -> Option<String> {
    let named = |name: &str| std::env::var(name).ok().filter(|name| !name.is_empty());
    named("HOSTNAME").or_else(|| named("COMPUTERNAME"))
}

/// The link as a picture of half blocks, two rows a line; `None` for a link that is too long for one.
fn picture(link: &str) -> Option<String> {
    use qrcode::render::unicode::Dense1x2;
    let code = qrcode::QrCode::new(link.as_bytes()).ok()?;
    // Most terminals are dark: light modules are drawn.
    Some(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())
}

/// Whether an address leads another device to itself.
fn is_here(address: &str) -> bool {
    ServerUrl::parse(address).is_ok_and(|url| {
        url.host == "localhost" || url.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_alone_is_known() {
        for here in ["http://localhost:8768", "http://127.0.0.1:8768", "https://[::1]"] {
            assert!(is_here(here), "{here}");
        }
        assert!(!is_here("https://hal.example.com") && !is_here("http://192.168.1.5:8768"));
    }

    #[test]
    fn the_picture_holds_a_link_and_fits_a_terminal() {
        let picture = picture("https://hal.example.com/pair#ABCD-EFGH").expect("short enough");
        assert!(picture.lines().count() <= 24, "{}", picture.lines().count());
        assert!(picture.lines().all(|line| line.chars().count() <= 60));
    }
}
