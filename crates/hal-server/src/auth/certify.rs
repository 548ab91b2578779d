//! Devices that sign in by a certificate: what is noted of one when it is issued.

use super::Auth;
use super::directory::{Change, Device, Unfit};
use super::service::random;

/// A device that signs in by a certificate.
#[derive(Clone, Copy, Debug)]
pub struct NewCertificate<'a> {
    pub user: &'a str,
    pub name: &'a str,
    pub scope: &'a str,
    /// SHA-256 over the certificate, 64 hexadecimal digits.
    pub fingerprint: &'a str,
    /// When the certificate ends, in ms since 1970.
    pub until_ms: i64,
}

impl Auth {
    /// Adds a device that signs in by a certificate.
    ///
    /// Errors: as [`Directory::add_device`] and [`Directory::certify`].
    pub fn add_certificate(&self, new: &NewCertificate<'_>, by: &str, now_ms: i64) -> Result<Device, Unfit> {
        let mut state = self.state();
        let device = state.directory.add_device(new.user, new.name, new.scope, random(), now_ms)?;
        let credential = state.directory.certify(&device, new.fingerprint, new.until_ms, now_ms)?;
        self.commit(&mut state, vec![Change::Device(device.clone()), Change::Credential(credential)])?;
        self.note(now_ms, "device_add", by, &device.id, new.user, "ok");
        Ok(device)
    }
}
