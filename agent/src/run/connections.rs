//! The connections of whoever asks: bounded in number, in time and in what is held of each.
//!
//! Whoever may connect may connect often. So a new connection takes the place of the oldest that is idle, and nobody can
//! keep a scraper out by holding connections.

use std::{
    collections::VecDeque,
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
    time::timeout,
};

use crate::web::{Refusal, WebConfig};

/// Connections at once: a few viewers and scrapers have one or two each.
const AT_ONCE: usize = 128;
/// A head has come in full within this, and the next request begins: an idle connection is ended then too.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// TLS is agreed on within this.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of a head.
const HEAD_BYTES: usize = 16 << 10;
/// After a refused accept (no descriptors are left) it is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// One connection that is served.
#[derive(Debug)]
struct Served {
    /// Requests of it that are being answered.
    busy: Arc<AtomicU32>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Table(Mutex<VecDeque<Served>>);

impl Table {
    /// Makes room for one more, oldest first; false when every connection has a request under way.
    fn make_room(&self) -> bool {
        let mut served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        served.retain(|one| !one.task.is_finished());
        if served.len() < AT_ONCE {
            return true;
        }
        let idle = served.iter().position(|one| one.busy.load(Ordering::Relaxed) == 0);
        let Some(oldest) = idle.and_then(|at| served.remove(at)) else { return false };
        oldest.task.abort();
        true
    }

    fn add(&self, one: Served) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(one);
    }
}

/// A request that is being answered, until its response has been made.
struct Busy(Arc<AtomicU32>);

impl Busy {
    fn begin(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves `app` until `ending`, and then until what was asked has been answered; by TLS where `web` asks for it.
pub(super) async fn serve(
    listener: TcpListener,
    app: Router,
    web: Option<Arc<WebConfig>>,
    ending: impl Future<Output = ()>,
) {
    serve_within(HEAD_WITHIN, listener, app, web, ending).await;
}

/// The same with another limit for heads and for idle connections.
async fn serve_within(
    limit: Duration,
    listener: TcpListener,
    app: Router,
    web: Option<Arc<WebConfig>>,
    ending: impl Future<Output = ()>,
) {
    let (table, graceful) = (Table::default(), GracefulShutdown::new());
    let mut ending = pin!(ending);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut ending => break,
        };
        match accepted {
            // Where all are busy the newest is dropped: the others have been asking for longer.
            Ok((stream, _)) if table.make_room() => {
                table.add(begin(limit, stream, &app, web.clone(), graceful.watcher()));
            }
            Ok(_) => {}
            Err(_no_descriptors) => tokio::time::sleep(TRY_AGAIN).await,
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

fn begin(
    limit: Duration,
    stream: TcpStream,
    app: &Router,
    web: Option<Arc<WebConfig>>,
    watcher: Watcher,
) -> Served {
    let busy = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&busy);
    let app = app.clone().layer(axum::middleware::from_fn(
        move |request: axum::extract::Request, next: axum::middleware::Next| {
            let busy = Busy::begin(&counted);
            async move {
                let response = next.run(request).await;
                drop(busy);
                response
            }
        },
    ));
    let task = tokio::spawn(async move {
        let Some(web) = web else { return answer(limit, stream, app, watcher).await };
        let Some(acceptor) = web.current().acceptor() else {
            return answer(limit, stream, app, watcher).await;
        };
        let handshake = async {
            // A probe that only connects has tried nothing that could be refused.
            if stream.peek(&mut [0]).await.unwrap_or(0) == 0 {
                return Ok(None);
            }
            acceptor.accept(stream).await.map(Some)
        };
        match timeout(HANDSHAKE_WITHIN, handshake).await {
            Ok(Ok(Some(stream))) => answer(limit, stream, app, watcher).await,
            Ok(Ok(None)) => {}
            _ => web.counts().refuse(Refusal::Handshake),
        }
    });
    Served { busy, task: task.abort_handle() }
}

async fn answer(
    limit: Duration,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    app: Router,
    watcher: Watcher,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limit)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    // A peer that goes away is no matter for anybody.
    drop(watcher.watch(connection).await);
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use axum::routing::get;

    use super::*;

    /// Serves `app` on a thread of its own, for as long as the test runs.
    fn served(app: Router) -> std::net::SocketAddr {
        served_within(HEAD_WITHIN, app)
    }

    fn served_within(limit: Duration, app: Router) -> std::net::SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listen");
        let at = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a listener that does not block");
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("register");
                serve_within(limit, listener, app, None, std::future::pending()).await;
            });
        });
        at
    }

    #[test]
    fn connections_that_say_nothing_keep_nobody_out() {
        let at = served(Router::new().route("/", get(|| async { "here" })));
        let silent: Vec<_> = (0..4 * AT_ONCE)
            .map(|turn| {
                let mut stream = std::net::TcpStream::connect(at).expect("connect");
                if turn % 2 == 0 {
                    stream.write_all(b"GET / HTTP/1.1\r\nHost: ").expect("half a head");
                }
                stream
            })
            .collect();
        let mut asks = std::net::TcpStream::connect(at).expect("connect");
        asks.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        asks.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("ask");
        let mut answer = String::new();
        asks.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"), "{answer}");
        drop(silent);
    }

    #[test]
    fn a_head_that_does_not_come_and_a_connection_that_is_idle_are_ended() {
        let at =
            served_within(Duration::from_millis(200), Router::new().route("/", get(|| async { "here" })));
        for says in ["", "GET / HTTP/1.1\r\nHost: ", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
            let mut asks = std::net::TcpStream::connect(at).expect("connect");
            asks.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
            asks.write_all(says.as_bytes()).expect("say it");
            let mut answer = Vec::new();
            asks.read_to_end(&mut answer).unwrap_or_else(|error| panic!("{says:?} is not ended: {error}"));
            assert_eq!(answer.ends_with(b"here"), says.ends_with("\r\n\r\n"), "{says:?}");
        }
    }

    #[test]
    fn a_head_that_is_too_large_is_refused() {
        let at = served(Router::new());
        let mut asks = std::net::TcpStream::connect(at).expect("connect");
        asks.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let head = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", "a".repeat(2 * HEAD_BYTES));
        // It may have been refused before all has been written.
        let _refused = asks.write_all(head.as_bytes());
        let mut answer = Vec::new();
        let _reset = asks.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 200") && !answer.starts_with(b"HTTP/1.1 404"));
    }
}
