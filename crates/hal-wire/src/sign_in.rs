//! Sign-in on 8767: who a credential belongs to, how two ends prove a shared secret, how users and devices are managed.
//!
//! One JSON object a line each way, like all of 8767. Secrets are `Private`: they go onto the wire and into no log.

use serde::{Deserialize, Serialize};

use crate::manage::Manage;
use crate::{Code, Private};

/// The longest secret, name or nonce, in bytes.
pub const FIELD_BYTES_MAX: usize = 256;

/// The handle of somebody on the server's own machine, who has shown nothing.
pub const LOCAL: &str = "local";

/// How somebody wants to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// A token or a browser's cookie.
    Token,
    /// A ticket, once.
    Ticket,
    /// A pairing code, once: makes a device and its token.
    Pairing,
    /// A token or pairing code typed into the page; makes a cookie.
    Page,
    /// The fingerprint of a certificate that the gateway's TLS has verified, or a proxy that it believes: SHA-256, in hexadecimal.
    Certificate,
    /// Nothing, from the gateway's own machine.
    Local,
    /// Nothing, from elsewhere.
    Nothing,
}

/// A gateway asks whether somebody may come in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignIn {
    pub means: Means,
    #[serde(default)]
    pub secret: Private<String>,
    /// Address of the client, for lock-outs and the audit log.
    #[serde(default)]
    pub address: String,
    /// What the device calls itself, for pairing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// The answer to everything about sign-in. `error` is a code of the table; the other fields are there without it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignInReply {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long to wait before another attempt, where that is why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<i64>,
    /// To be sent with each question of this client.
    pub handle: Private<String>,
    pub user: String,
    pub name: String,
    pub role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<i64>,
    /// A new secret, which is not told again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Private<String>>,
}

impl SignInReply {
    pub fn refused(code: Code, retry_after_ms: Option<i64>) -> SignInReply {
        SignInReply { error: Some(code.as_str().to_owned()), retry_after_ms, ..SignInReply::default() }
    }

    /// The code of a refusal.
    pub fn code(&self) -> Option<Code> {
        let error = self.error.as_deref()?;
        Some(Code::named(error).unwrap_or(Code::SignInRequired))
    }
}

/// A challenge, and both answers to it: each end proves the secret over both nonces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Challenge {
    pub nonce: String,
    /// Of the listener, so that a gateway knows that it talks to its own.
    pub proof: String,
}

/// What somebody who manages the household wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Admin {
    UserAdd {
        id: String,
        name: String,
        role: String,
        person: Option<String>,
    },
    UserList,
    UserRole {
        id: String,
        role: String,
    },
    UserRemove {
        id: String,
    },
    DeviceAdd {
        user: String,
        name: String,
        scope: String,
        days: Option<u32>,
    },
    /// A device that signs in by a certificate. `until_ms`: its end, in ms since 1970.
    DeviceCertificate {
        user: String,
        name: String,
        scope: String,
        fingerprint: String,
        until_ms: i64,
    },
    DeviceList,
    DeviceRevoke {
        device: String,
    },
    Pair {
        user: String,
        name: String,
        scope: String,
    },
    AuditList {
        count: usize,
    },
    AuditVerify {
        head: Option<String>,
    },
    /// Lines of JSON from behind this entry on; none at the end.
    AuditExport {
        after: u64,
    },
}

/// The answer to it: lines for people, or why not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdminReply {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub lines: Vec<String>,
    /// A token or code, which is not told again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Private<String>>,
}

/// A request of this module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// A gateway begins the proof of the secret; answered by a [`Challenge`].
    Hello {
        nonce: String,
    },
    /// The gateway's proof; answered by a [`SignInReply`] without a user.
    Prove {
        proof: String,
    },
    SignIn(SignIn),
    /// A ticket for whoever has this handle.
    Ticket {
        handle: Private<String>,
    },
    SignOut {
        handle: Private<String>,
    },
    Admin {
        token: Private<String>,
        #[serde(flatten)]
        admin: Admin,
    },
    /// Of a gateway's admin page, for whoever has this handle; answered by a [`crate::manage::ManageReply`].
    Manage {
        handle: Private<String>,
        /// Address of the client, for the audit log.
        #[serde(default)]
        address: String,
        #[serde(flatten)]
        manage: Manage,
    },
}

/// Values of `type` that belong to this module.
pub(crate) fn is_request(kind: &str) -> bool {
    matches!(kind, "hello" | "prove" | "sign_in" | "ticket" | "sign_out" | "admin" | "manage")
}

impl Request {
    /// The request as one line, newline included.
    pub fn to_line(&self) -> Vec<u8> {
        to_line(self)
    }

    pub(crate) fn from_json(bytes: &[u8]) -> Result<Request, String> {
        let request: Request = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let longest = match &request {
            Request::Hello { nonce } => nonce.len(),
            Request::Prove { proof } => proof.len(),
            Request::SignIn(sign_in) => {
                let device = sign_in.device.as_ref().map_or(0, String::len);
                sign_in.secret.expose().len().max(sign_in.address.len()).max(device)
            }
            Request::Ticket { handle } | Request::SignOut { handle } => handle.expose().len(),
            Request::Admin { token, .. } => token.expose().len(),
            Request::Manage { handle, address, manage } => {
                let device = if let Manage::Revoke { device } = manage { device.len() } else { 0 };
                handle.expose().len().max(address.len()).max(device)
            }
        };
        if longest > FIELD_BYTES_MAX {
            return Err(format!("a field is longer than {FIELD_BYTES_MAX} bytes"));
        }
        Ok(request)
    }
}

/// Any reply of this module as one line, newline included.
pub fn to_line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("plain structs of strings always serialise");
    line.push(b'\n');
    line
}

/// Reads any reply of this module.
pub fn from_line<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_back_and_show_no_secret() {
        let requests = [
            Request::Hello { nonce: "n".to_owned() },
            Request::SignIn(SignIn {
                means: Means::Page,
                secret: "hal_secret".to_owned().into(),
                address: "192.0.2.1".to_owned(),
                device: None,
            }),
            Request::Admin {
                token: "hal_secret".to_owned().into(),
                admin: Admin::Pair { user: "ann".into(), name: "phone".into(), scope: "personal".into() },
            },
            Request::Admin { token: "hal_secret".to_owned().into(), admin: Admin::UserList },
            Request::Manage {
                handle: "hal_secret".to_owned().into(),
                address: "192.0.2.1".to_owned(),
                manage: Manage::Revoke { device: "d-1".to_owned() },
            },
        ];
        for request in requests {
            let line = request.to_line();
            assert_eq!(Request::from_json(&line).as_ref(), Ok(&request));
            assert!(!format!("{request:?}").contains("hal_secret"));
        }
    }

    #[test]
    fn a_field_that_is_too_long_is_refused() {
        let request = Request::Hello { nonce: "n".repeat(FIELD_BYTES_MAX + 1) };
        assert!(Request::from_json(&request.to_line()).is_err());
    }
}
