//! How a person makes a device trust the household's own authority: words, one list of steps a system.

use std::fmt::Write as _;

use serde::Serialize;

/// A system that clients run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    Macos,
    Windows,
    Linux,
    Ios,
    Android,
    Firefox,
}

impl Device {
    pub const ALL: [Device; 6] =
        [Device::Macos, Device::Windows, Device::Linux, Device::Ios, Device::Android, Device::Firefox];

    pub fn name(self) -> &'static str {
        match self {
            Device::Macos => "macOS",
            Device::Windows => "Windows",
            Device::Linux => "Linux",
            Device::Ios => "iPhone and iPad",
            Device::Android => "Android",
            Device::Firefox => "Firefox",
        }
    }

    /// What to do there with `ca`, a path or file name of the authority's certificate.
    fn steps(self, ca: &str) -> Vec<String> {
        match self {
            Device::Macos => vec![
                "In Terminal:".to_owned(),
                format!(
                    "  sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {ca}"
                ),
            ],
            Device::Windows => vec![
                "In PowerShell as administrator:".to_owned(),
                format!("  certutil -addstore -f Root {ca}"),
            ],
            Device::Linux => vec![
                "Debian, Ubuntu and their relatives (the name must end with .crt):".to_owned(),
                format!(
                    "  sudo cp {ca} /usr/local/share/ca-certificates/hal-ca.crt && sudo update-ca-certificates"
                ),
                "Fedora, RHEL and their relatives:".to_owned(),
                format!("  sudo cp {ca} /etc/pki/ca-trust/source/anchors/hal-ca.pem && sudo update-ca-trust"),
                "Chromium has a list of its own (package libnss3-tools):".to_owned(),
                format!("  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n HAL -i {ca}"),
            ],
            Device::Ios => vec![
                "1. Send hal-ca.pem to the device by AirDrop or mail, and open it there.".to_owned(),
                "2. Settings > General > VPN & Device Management > HAL local CA > Install.".to_owned(),
                "3. Settings > General > About > Certificate Trust Settings: switch HAL local CA on."
                    .to_owned(),
                "   Without the third step Safari still warns.".to_owned(),
            ],
            Device::Android => vec![
                "1. Copy hal-ca.pem to the device.".to_owned(),
                "2. Settings > Security > Encryption & credentials > Install a certificate > CA certificate."
                    .to_owned(),
                "   Browsers trust it then; other apps only where they were made to.".to_owned(),
            ],
            Device::Firefox => vec![
                "Settings > Privacy & Security > Certificates > View Certificates > Authorities > Import,"
                    .to_owned(),
                "and tick \"Trust this CA to identify websites\".".to_owned(),
            ],
        }
    }
}

/// The instructions for `devices`. `fingerprint` is compared by eye where a device shows one.
pub fn instructions(ca: &str, fingerprint: &str, devices: &[Device]) -> String {
    let mut out = String::new();
    for device in devices {
        let name = device.name();
        writeln!(out, "{name}\n{}", "-".repeat(name.len())).expect("a String takes every write");
        for step in device.steps(ca) {
            out.push_str(&step);
            out.push('\n');
        }
        out.push('\n');
    }
    out.push_str("The `hal` programs need nothing of this: --ca FILE or HAL_CA names the authority.\n");
    out.push_str("Before you trust it on a device, compare its SHA-256 fingerprint there with:\n");
    writeln!(out, "  {fingerprint}").expect("a String takes every write");
    out
}

/// SHA-256 of a certificate (DER) as devices show it: pairs of hexadecimal digits with colons.
pub fn fingerprint(der: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}
