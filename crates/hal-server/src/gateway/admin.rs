//! The admin page: its file, what it shows, and the few things that can be done there.
//!
//! The listener decides by the handle whether somebody may; this end makes sure that it is the page which asks. A page of
//! another host, or of another port of this one, is refused before anybody is asked. So is a host name that is not this
//! machine's where nothing is shown but being on it: any name of the web can be made to mean 127.0.0.1.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use hal_wire::manage::{Manage, ManageReply, State};
use hal_wire::sign_in::{LOCAL, Means};
use hal_wire::{Code, Private};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{info, warn};

use super::board::WORDS_MS;
use super::routes::{host_name, origin_allowed, text};
use super::sign_in::{Peer, address, refusal, shown};
use super::{Gateway, page};
use crate::engines::Load;
use crate::metrics;

const BODY_BYTES_MAX: usize = 4096;

/// What is wanted below `…/admin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Page,
    /// `…/admin/`, whose files would be looked for below it.
    Slash,
    State,
    Revoke,
    Backup,
    Words,
}

fn wanted(method: &Method, path: &str) -> Option<Wanted> {
    let mut segments = path.rsplit('/');
    let (last, before) = (segments.next().unwrap_or(""), segments.next().unwrap_or(""));
    let looks = matches!(*method, Method::GET | Method::HEAD);
    match (last, before) {
        ("admin", _) if looks => Some(Wanted::Page),
        ("", "admin") if looks => Some(Wanted::Slash),
        ("state", "admin") if *method == Method::GET => Some(Wanted::State),
        ("revoke", "admin") if *method == Method::POST => Some(Wanted::Revoke),
        ("backup", "admin") if *method == Method::POST => Some(Wanted::Backup),
        ("words", "admin") if *method == Method::POST => Some(Wanted::Words),
        _ => None,
    }
}

impl Gateway {
    /// Everything below `…/admin`; `None` for any other request.
    pub(super) async fn admin_page(self: &Arc<Self>, request: &mut Request) -> Option<Response<Body>> {
        let wanted = wanted(request.method(), request.uri().path())?;
        match wanted {
            // The file has nothing in it that anybody may not see; what it shows it has to ask for.
            Wanted::Page => return page::asset("/admin.html"),
            Wanted::Slash => {
                let mut response = told(StatusCode::PERMANENT_REDIRECT, "moved");
                response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("../admin"));
                return Some(response);
            }
            _ => {}
        }
        let (headers, uri) = (request.headers().clone(), request.uri().clone());
        let peer = Peer::of(request);
        if is_foreign(&headers) {
            info!(address = %address(&headers, &peer), "another page asked for the admin page's data");
            return Some(told(StatusCode::FORBIDDEN, "pages of other hosts may not ask this."));
        }
        if wanted == Wanted::State {
            return Some(self.admin_state(&headers, &uri, &peer).await);
        }
        let is_json = headers.get(header::CONTENT_TYPE).is_some_and(|value| {
            value
                .as_bytes()
                .split(|byte| *byte == b';')
                .next()
                .is_some_and(|kind| kind.trim_ascii() == b"application/json")
        });
        if !is_json {
            return Some(told(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send JSON, as application/json."));
        }
        let body = std::mem::take(request.body_mut());
        let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
            return Some(refusal(Code::TooLarge, None));
        };
        let Some(manage) = action(wanted, &body) else {
            return Some(told(StatusCode::BAD_REQUEST, "a field is missing or of the wrong type."));
        };
        Some(self.admin_action(&manage, &headers, &uri, &peer).await)
    }

    /// As everybody is let in, but that being on this machine is not enough under a name that is not its own.
    async fn admin_let_in(
        &self,
        headers: &HeaderMap,
        uri: &Uri,
        peer: &Peer,
    ) -> Result<Private<String>, Box<Response<Body>>> {
        let handle = self.let_in(headers, uri, peer).await?.handle;
        if may_be_local(&handle, headers) {
            Ok(handle)
        } else {
            Err(Box::new(refusal(Code::SignInRequired, None)))
        }
    }

    async fn admin_state(&self, headers: &HeaderMap, uri: &Uri, peer: &Peer) -> Response<Body> {
        let now = self.clock.now_ms();
        let (shown, from) = (shown(headers, uri, peer), address(headers, peer));
        let digest = shown.digest(&from);
        let visits = &self.board.visits;
        // A ticket is good once.
        let goes_on = shown.means != Means::Ticket;
        let handle = match visits.find(&digest, now).filter(|_| goes_on) {
            Some(handle) if may_be_local(&handle, headers) => handle,
            Some(_) => return refusal(Code::SignInRequired, None),
            None => match self.admin_let_in(headers, uri, peer).await {
                Ok(handle) => handle,
                Err(refused) => return *refused,
            },
        };
        let after = after(uri);
        match self.link.manage(&handle, from, Manage::State).await {
            Ok(ManageReply { state: Some(state), error: None, .. }) => {
                if goes_on {
                    visits.allowed(digest, handle, now);
                }
                self.everything(after, Some(&state))
            }
            Ok(reply) => {
                visits.refused(&digest);
                refused(&reply)
            }
            Err(Code::QmUnavailable) if visits.may_look_alone(&digest, now) => self.everything(after, None),
            Err(code) => refusal(code, Some(5_000)),
        }
    }

    /// Each action signs in anew: it is noted, and must not lean on a look of a moment ago.
    async fn admin_action(
        self: &Arc<Self>,
        manage: &Manage,
        headers: &HeaderMap,
        uri: &Uri,
        peer: &Peer,
    ) -> Response<Body> {
        let handle = match self.admin_let_in(headers, uri, peer).await {
            Ok(handle) => handle,
            Err(refused) => return *refused,
        };
        let reply = match self.link.manage(&handle, address(headers, peer), manage.clone()).await {
            Ok(reply) => reply,
            Err(code) => return refusal(code, Some(5_000)),
        };
        if reply.error.is_some() {
            return refused(&reply);
        }
        if let Manage::Words { on } = manage {
            self.board.set_words(*on, self.clock.now_ms());
            let gateway = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(WORDS_MS + 1)).await;
                gateway.board.sweep(gateway.clock.now_ms());
            });
        }
        text(StatusCode::OK, "application/json", format!("{}\n", json!({"message": reply.message})))
    }

    /// What the page shows; without a listener this gateway's own part.
    fn everything(&self, after: u64, state: Option<&State>) -> Response<Body> {
        let (now, unix_ms) = (self.clock.now_ms(), self.clock.unix_ms());
        let engine = |load: Option<Load>| {
            load.map_or(Value::Null, |load| json!({"name": load.name, "busy": load.busy, "of": load.of}))
        };
        let engines = &self.engines;
        let mut gateway = self.board.to_json(after, now, unix_ms);
        gateway["version"] = env!("CARGO_PKG_VERSION").into();
        gateway["up_ms"] = now.into();
        gateway["engines"] = json!({
            "hearing": engine(engines.hearing_load()),
            "speaking": engine(engines.speaking_load()),
            "notices": engines.notices(),
        });
        gateway["numbers"] = numbers(&self.metrics.read());
        let body = json!({"now_ms": unix_ms, "gateway": gateway, "listener": state});
        text(StatusCode::OK, "application/json", format!("{body}\n"))
    }
}

/// Counters and gauges that are not nought, as `[name, label, value]`.
fn numbers(families: &[metrics::Family]) -> Value {
    let rows = families.iter().flat_map(|family| {
        family.samples.iter().filter_map(move |sample| {
            let value = match sample.value {
                metrics::Value::Count(value) => i64::try_from(value).unwrap_or(i64::MAX),
                metrics::Value::Gauge(value) => value,
                metrics::Value::Histogram { .. } => return None,
            };
            let label = sample.label.map_or("", |(_, label)| label);
            (value != 0).then(|| json!([family.name, label, value]))
        })
    });
    rows.collect()
}

fn action(wanted: Wanted, body: &[u8]) -> Option<Manage> {
    #[derive(Deserialize)]
    struct Revoke {
        device: String,
    }
    #[derive(Deserialize)]
    struct Words {
        on: bool,
    }
    match wanted {
        Wanted::Revoke => {
            let Revoke { device } = serde_json::from_slice(body).ok()?;
            (device.len() <= hal_wire::sign_in::FIELD_BYTES_MAX).then_some(Manage::Revoke { device })
        }
        Wanted::Words => {
            serde_json::from_slice::<Words>(body).ok().map(|words| Manage::Words { on: words.on })
        }
        Wanted::Backup => serde_json::from_slice::<Value>(body).ok().map(|_| Manage::Backup),
        Wanted::Page | Wanted::Slash | Wanted::State => None,
    }
}

/// `?after=N`: the last turn that the page has.
fn after(uri: &Uri) -> u64 {
    let query = uri.query().unwrap_or("");
    query.split('&').find_map(|pair| pair.strip_prefix("after=")?.parse().ok()).unwrap_or(0)
}

/// Whether a page of another host, or of another port, asks. Programs say nothing of either.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    !origin_allowed(headers, &[]) || site.is_some_and(|site| site != b"same-origin" && site != b"none")
}

fn may_be_local(handle: &Private<String>, headers: &HeaderMap) -> bool {
    handle.expose() != LOCAL || is_named_here(headers)
}

/// Whether the host is an address or `localhost`: no name that somebody else decides about.
fn is_named_here(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).map(|host| host.to_str().map(host_name));
    match host {
        None => true,
        Some(Err(_)) => false,
        Some(Ok(host)) => {
            host.eq_ignore_ascii_case("localhost") || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
        }
    }
}

fn refused(reply: &ManageReply) -> Response<Body> {
    let code = reply.code().unwrap_or(Code::Internal);
    let status = match code {
        Code::SignInRequired | Code::LockedOut => return refusal(code, None),
        Code::NotAllowed => StatusCode::FORBIDDEN,
        Code::Busy => StatusCode::CONFLICT,
        Code::BadField => StatusCode::BAD_REQUEST,
        _ => {
            warn!(%code, "the admin page's wish failed");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    let message = reply.message.as_deref().unwrap_or(code.sentence());
    let body = json!({"code": code.as_str(), "message": message});
    text(status, "application/json", format!("{body}\n"))
}

fn told(status: StatusCode, message: &str) -> Response<Body> {
    text(status, "application/json", format!("{}\n", json!({"message": message})))
}

#[cfg(test)]
#[path = "admin_tests.rs"]
mod tests;
