//! `/metrics` on a port of its own. Not on the gateway's: behind HAProxy everybody comes from 127.0.0.1, and what is at the
//! gateway's port can be reached from outside.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{Metrics, prometheus};
use crate::gateway::serve_beside;

/// Collectors are few; more at once is a mistake.
const CONNECTIONS_MAX: usize = 16;

/// Serves until `draining` turns true.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>, draining: watch::Receiver<bool>) {
    let router = Router::new().route(
        "/metrics",
        get(move || {
            let text = prometheus(&metrics.read());
            async move {
                ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
            }
        }),
    );
    serve_beside(listener, router, CONNECTIONS_MAX, draining).await;
}
