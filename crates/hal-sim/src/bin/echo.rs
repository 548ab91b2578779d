//! The bare server that HAL is measured beside: same stack, same buffers, frames of the same number and size, no thought.
//!
//! `/?greeting=200&replies=130,700,150` sends a greeting of 200 bytes, and for each frame that comes in three
//! frames of those sizes. The frames of one answer are filled with `0`, `1`, `2`…, so that a reader knows the last.
//! `&after=1` answers only frames that begin with `{`: what goes before them is swallowed, as audio is.

use axum::Router;
use axum::extract::Query;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use std::collections::HashMap;

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on port {}", listener.local_addr()?.port());
        let app = Router::new().route("/", get(upgrade));
        axum::serve(
            axum::serve::ListenerExt::tap_io(listener, |stream| {
                // As the gateway does; an error only means that the peer is gone already.
                stream.set_nodelay(true).ok();
            }),
            app,
        )
        .await?;
        Ok(())
    })
}

async fn upgrade(Query(query): Query<HashMap<String, String>>, socket: WebSocketUpgrade) -> Response {
    let number = |text: &str| text.parse::<usize>().unwrap_or(0);
    let greeting = query.get("greeting").map_or(0, |text| number(text));
    let sizes: Vec<usize> =
        query.get("replies").map_or(Vec::new(), |text| text.split(',').map(number).collect());
    let only_json = query.contains_key("after");
    let replies = sizes.iter().enumerate().map(|(index, size)| fill(b'0' + index as u8, *size)).collect();
    socket
        .write_buffer_size(hal_sim::WRITE_BUFFER_BYTES)
        .read_buffer_size(hal_sim::READ_BUFFER_BYTES)
        .on_upgrade(move |socket| echo(socket, fill(b'g', greeting), replies, only_json))
}

fn fill(letter: u8, size: usize) -> Utf8Bytes {
    char::from(letter).to_string().repeat(size).into()
}

async fn echo(mut socket: WebSocket, greeting: Utf8Bytes, replies: Vec<Utf8Bytes>, only_json: bool) {
    if socket.send(Message::Text(greeting)).await.is_err() {
        return;
    }
    while let Some(Ok(message)) = socket.recv().await {
        let answers = match &message {
            Message::Text(text) => !only_json || text.starts_with('{'),
            Message::Binary(_) => !only_json,
            _ => false,
        };
        if !answers {
            continue;
        }
        for reply in &replies {
            if socket.send(Message::Text(reply.clone())).await.is_err() {
                return;
            }
        }
    }
}
