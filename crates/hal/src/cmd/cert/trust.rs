//! `hal cert trust`: how a device is made to trust the authority of one's own.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
pub(super) use hal_server::edge::certs::trust::Device;
use hal_server::edge::certs::{CA_FILE, trust};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::DIR_DEFAULT;
use crate::report::{self, Exit, Failure};

/// Say how a device is made to trust your own authority.
///
/// Each device needs it once. The certificates made later from the same authority are
/// then trusted without another step.
#[derive(Debug, Args)]
pub(super) struct Trust {
    /// The authority's certificate [default: hal-ca.pem of `hal cert self-signed`].
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Only for this system; repeat it for several.
    #[arg(long = "device", value_name = "SYSTEM")]
    devices: Vec<System>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum System {
    Macos,
    Windows,
    Linux,
    Ios,
    Android,
    Firefox,
}

impl From<System> for Device {
    fn from(system: System) -> Device {
        match system {
            System::Macos => Device::Macos,
            System::Windows => Device::Windows,
            System::Linux => Device::Linux,
            System::Ios => Device::Ios,
            System::Android => Device::Android,
            System::Firefox => Device::Firefox,
        }
    }
}

impl Trust {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let ca = self.ca.unwrap_or_else(|| Path::new(DIR_DEFAULT).join(CA_FILE));
        let devices: Vec<Device> = if self.devices.is_empty() {
            Device::ALL.to_vec()
        } else {
            self.devices.into_iter().map(Device::from).collect()
        };
        report::data(&text(&ca, &devices)?)?;
        Ok(Exit::Done)
    }
}

/// The instructions for the authority in `ca`.
pub(super) fn text(ca: &Path, devices: &[Device]) -> Result<String, Failure> {
    let failed = |why: String| {
        Failure::new(format!("the authority's certificate {} cannot be read: {why}", ca.display()))
            .hint("`hal cert self-signed` makes it; name it with --ca FILE")
    };
    let pem = std::fs::read(ca).map_err(|error| failed(error.to_string()))?;
    let der = CertificateDer::from_pem_slice(&pem).map_err(|error| failed(error.to_string()))?;
    Ok(trust::instructions(&ca.display().to_string(), &trust::fingerprint(&der), devices))
}
