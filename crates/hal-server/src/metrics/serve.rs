//! `/metrics` on a port of its own. Not on the gateway's: behind HAProxy everybody comes from 127.0.0.1, and what is at the
//! gateway's port can be reached from outside.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tracing::warn;

use super::{Metrics, prometheus};

/// Collectors are few; more at once is a mistake.
const CONNECTIONS_MAX: usize = 16;

/// Serves until `draining` turns true.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>, mut draining: watch::Receiver<bool>) {
    let router = Router::new().route(
        "/metrics",
        get(move || {
            let text = prometheus(&metrics.read());
            async move {
                ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
            }
        }),
    );
    let service = TowerToHyperService::new(router);
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = draining.wait_for(|draining| *draining) => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "connection not accepted");
                // Out of file descriptors, most likely: pause instead of spinning.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&connections).try_acquire_owned() else { continue };
        let service = service.clone();
        tokio::spawn(async move {
            crate::gateway::http(stream, service).await;
            drop(permit);
        });
    }
}
