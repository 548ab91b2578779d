//! Sign-in over 8767: what a gateway asks for its clients, and what owners do from the command line.

use hal_wire::Code;
use hal_wire::sign_in::{self, AdminReply, Request, SignInReply, to_line};

use super::{Caller, Listener, code_of};
use crate::auth::{Attempt, LOCAL, Means, Refusal, Rule, SignedIn, admin};

impl Listener {
    /// Answers a request about who somebody is with the line to send back.
    pub(super) fn sign_in(&self, request: Request, caller: Caller) -> Vec<u8> {
        if caller == Caller::Elsewhere {
            self.auth.refused_turn(Refusal::Missing, "", self.clock.unix_ms());
            return to_line(&SignInReply::refused(Code::SignInRequired, None));
        }
        match request {
            // A fingerprint is no secret. Only a gateway that has proved itself is believed that TLS has verified the certificate.
            Request::SignIn(sign_in)
                if sign_in.means == sign_in::Means::Certificate && caller != Caller::Gateway =>
            {
                self.auth.refused_turn(Refusal::Missing, &sign_in.address, self.clock.unix_ms());
                to_line(&SignInReply::refused(Code::SignInRequired, None))
            }
            Request::SignIn(sign_in) => to_line(&self.let_in(&sign_in)),
            Request::Ticket { handle } => to_line(&self.ticket(handle.expose())),
            Request::SignOut { handle } => to_line(&self.sign_out(handle.expose())),
            Request::Admin { token, admin } => to_line(&self.administer(token.expose(), &admin)),
            Request::Manage { handle, address, manage } => {
                to_line(&self.manage(handle.expose(), &address, &manage))
            }
            // Proofs belong to a connection; in one process there is nothing to prove.
            Request::Hello { .. } | Request::Prove { .. } => {
                to_line(&SignInReply::refused(Code::UnknownCommand, None))
            }
        }
    }

    /// Whether somebody may come in.
    pub(crate) fn let_in(&self, sign_in: &sign_in::SignIn) -> SignInReply {
        let secret = sign_in.secret.expose().clone();
        let attempt = Attempt {
            means: match sign_in.means {
                sign_in::Means::Token => Means::Token(secret),
                sign_in::Means::Ticket => Means::Ticket(secret),
                sign_in::Means::Pairing => Means::Pairing(secret),
                sign_in::Means::Page => Means::Page(secret),
                sign_in::Means::Certificate => Means::Certificate(secret),
                sign_in::Means::Local => Means::Local,
                sign_in::Means::Nothing => Means::Nothing,
            },
            address: sign_in.address.clone(),
            device: sign_in.device.clone(),
        };
        match self.auth.sign_in(&attempt, self.clock.unix_ms()) {
            Ok(SignedIn { principal, secret }) => SignInReply {
                handle: principal.handle.into(),
                user: principal.user,
                name: principal.name,
                role: principal.role,
                device: principal.device,
                expires_ms: principal.expires_ms,
                secret: secret.map(Into::into),
                ..SignInReply::default()
            },
            Err(refusal) => refused(refusal),
        }
    }

    /// A ticket for one WebSocket.
    pub(crate) fn ticket(&self, handle: &str) -> SignInReply {
        match self.auth.ticket(handle, self.clock.unix_ms()) {
            Ok(ticket) => SignInReply { secret: Some(ticket.into()), ..SignInReply::default() },
            Err(refusal) => refused(refusal),
        }
    }

    /// Ends a cookie or token.
    pub(crate) fn sign_out(&self, handle: &str) -> SignInReply {
        match self.auth.sign_out(handle, self.clock.unix_ms()) {
            Ok(()) => SignInReply::default(),
            Err(_) => SignInReply::refused(Code::QmUnavailable, None),
        }
    }

    /// Does what an owner wants with users and devices. On this machine, where everybody is the owner, no token is needed.
    fn administer(&self, token: &str, command: &sign_in::Admin) -> AdminReply {
        let now_ms = self.clock.unix_ms();
        let principal = if token.is_empty() {
            if self.auth.rule() == Rule::Required {
                Err(Refusal::Missing)
            } else {
                self.auth.look_up(LOCAL, now_ms)
            }
        } else {
            self.auth.open_turn(token, now_ms)
        };
        match principal {
            Ok(principal) => admin::run(&self.auth, &principal, command, now_ms),
            Err(refusal) => {
                AdminReply { error: Some(code_of(refusal).sentence().to_owned()), ..AdminReply::default() }
            }
        }
    }
}

fn refused(refusal: Refusal) -> SignInReply {
    let wait = if let Refusal::Wait(wait) = refusal { Some(wait) } else { None };
    SignInReply::refused(code_of(refusal), wait)
}
