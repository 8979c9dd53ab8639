//! axum-server HOST:PORT HASTY: axum's routes on hyper's server, which `axum::serve` gives no timeouts.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, time::sleep};

const LAST: [(&str, &str); 1] = [("connection", "close")];

async fn wait(Path(ms): Path<u64>) -> &'static str {
    sleep(Duration::from_millis(ms)).await;
    "hello\n"
}

async fn drip(Path(ms): Path<u64>) -> impl IntoResponse {
    let rest = async move {
        sleep(Duration::from_millis(ms)).await;
        Bytes::from_static(b"lo\n")
    };
    let halves = stream::once(async { Bytes::from_static(b"hel") }).chain(stream::once(rest));
    ([("content-length", "6")], Body::from_stream(halves.map(Ok::<_, Infallible>)))
}

async fn read(body: Body, limit: Duration) -> Response {
    match tokio::time::timeout(limit, to_bytes(body, usize::MAX)).await {
        Ok(Ok(bytes)) => format!("{}\n", bytes.len()).into_response(),
        Ok(Err(error)) => (StatusCode::BAD_REQUEST, LAST, error.to_string()).into_response(),
        Err(_) => (StatusCode::REQUEST_TIMEOUT, LAST, "too slow\n").into_response(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let [at, hasty] = std::env::args().skip(1).collect::<Vec<_>>().try_into().expect("HOST:PORT HASTY");
    let limit = Duration::from_secs(if hasty == "1" { 2 } else { 600 });
    let routes = Router::new()
        .route("/", get(|| async { "hello\n" }))
        .route("/wait/{ms}", get(wait))
        .route("/drip/{ms}", get(drip))
        .route("/read", post(move |body| read(body, limit)))
        .route("/last", get(|| async { (LAST, "hello\n") }));
    let listener = TcpListener::bind(at).await.expect("the address is free");
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let service = TowerToHyperService::new(routes.clone());
        // The wait for a head begins with the connection, and again after each response.
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(limit);
        tokio::spawn(server.serve_connection(TokioIo::new(socket), service));
    }
}
